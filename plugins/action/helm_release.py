# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make Helm releases from the controller: no host is visited."""

from __future__ import annotations

import os
import subprocess
import tempfile
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.atarnet.homelab.plugins.action.kube_apply import ActionModule as Rendering
from ansible_collections.atarnet.homelab.plugins.module_utils._helm.command import Helm
from ansible_collections.atarnet.homelab.plugins.module_utils._helm.locks import Lock, Locks
from ansible_collections.atarnet.homelab.plugins.module_utils._helm.model import merge, plain, read_releases
from ansible_collections.atarnet.homelab.plugins.module_utils._helm.run import MANAGER, Task, run
from ansible_collections.atarnet.homelab.plugins.module_utils._host.commands import RunResult
from ansible_collections.atarnet.homelab.plugins.module_utils._kube import documents, kubeconfig
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.api import Api
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.errors import KubeError
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.http import HttpTransport
from ansible_collections.atarnet.homelab.plugins.modules.helm_release import ARGUMENT_SPEC
from ansible_collections.atarnet.homelab.plugins.plugin_utils.arguments import validated

Json = dict[str, t.Any]


def start(
    command: t.Sequence[str], given: str, environment: t.Mapping[str, str], patience: float, lock: Lock | None
) -> RunResult:
    """Return how *command* ended, which holds *lock* until then.

    Raises TimeoutError when it did not end within *patience* seconds.
    """
    # Files instead of pipes: should this process be killed, the command has read all it was given, and none of what
    # it writes breaks it.
    with _memory() as values, _memory() as out, _memory() as err:
        values.write(given.encode())
        values.seek(0)
        inherited = [lock.fileno()] if lock else []
        with subprocess.Popen(
            command, stdin=values, stdout=out, stderr=err, env=dict(environment), pass_fds=inherited
        ) as process:
            if lock:
                lock.started(process.pid)
            try:
                process.wait(patience)
            except subprocess.TimeoutExpired:
                process.kill()
                raise TimeoutError from None
        for stream in (out, err):
            stream.seek(0)
        return RunResult(process.returncode, *(stream.read().decode("utf-8", "replace") for stream in (out, err)))


def _memory() -> t.IO[bytes]:
    """Return a file without a name: in memory where the system can, as it may hold secrets."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("helm"), "w+b")
    return tempfile.TemporaryFile()


def state_folder() -> str:
    """Return where this user's locks are kept."""
    base = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    # A lab's folder lies beside it; no lab's name begins with a dot.
    return os.path.join(base, "atarnet-homelab", ".helm")


class ActionModule(Rendering):
    """The controller's half of atarnet.homelab.helm_release; there is no other."""

    def run(self, tmp: str | None = None, task_vars: Json | None = None) -> Json:
        """Return changed, changes, diff, notes, recovered, requests and helm_runs."""
        result: Json = ActionBase.run(self, tmp, task_vars)
        arguments = validated("helm_release", ARGUMENT_SPEC, self._task.args)
        check = bool(self._task.check_mode)
        try:
            values = [self._values(item, task_vars or {}) for item in arguments["releases"]]
            releases = read_releases(arguments["releases"], values)
        except KubeError as exc:
            raise AnsibleActionFail(str(exc), show_content=False) from None
        task = Task(releases, arguments["api_optional"], check)
        path = str(arguments["kubeconfig"])

        def connect() -> Api:
            patient = not (check and task.api_optional)
            return Api(HttpTransport(kubeconfig.load(path), agent=MANAGER, patient=patient), MANAGER)

        def hold(address: str) -> Locks:
            return Locks(state_folder(), address, Display().display)

        result.update(run(task, connect, Helm(str(arguments["helm"]), path, start), hold))
        return result

    def _values(self, item: Json, task_vars: Json) -> Json:
        layers = []
        for name in item["values_templates"]:
            rendered = self._render(name, task_vars)
            found = documents.split(str(rendered), name) if isinstance(rendered, str) else [(name, rendered)]
            layers += [(origin, document) for origin, document in found if document is not None]
        for origin, document in layers:
            if not isinstance(document, dict):
                raise KubeError(f"Reading {origin}: values are a mapping. Correct the template.")
        layers.append((f"values of release {item['name']}", item["values"]))
        return merge(plain(document, origin) for origin, document in layers)
