# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply Kubernetes objects from the controller: no host is visited."""

from __future__ import annotations

import os
import typing as t

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.template import trust_as_template
from ansible_collections.atarnet.homelab.plugins.module_utils._kube import documents, kubeconfig, manifests
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.api import Api
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.errors import KubeError
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.http import HttpTransport
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.run import Task, read_task, run
from ansible_collections.atarnet.homelab.plugins.modules.kube_apply import ARGUMENT_SPEC
from ansible_collections.atarnet.homelab.plugins.plugin_utils.arguments import validated

Json = dict[str, t.Any]


class ActionModule(ActionBase):
    """The controller's half of atarnet.homelab.kube_apply; there is no other."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: Json | None = None) -> Json:
        """Return changed, changes, diff, kept and requests; a failure also tells what was changed before it."""
        result: Json = super().run(tmp, task_vars)
        arguments = validated("kube_apply", ARGUMENT_SPEC, self._task.args)
        try:
            sources = self._sources(arguments, task_vars or {})
            task = read_task(arguments, sources, bool(self._task.check_mode), bool(self._task.diff))
        except KubeError as exc:
            raise AnsibleActionFail(str(exc), show_content=False) from None
        result.update(run(task, lambda: _connect(arguments["kubeconfig"], task)))
        return result

    def _sources(self, arguments: Json, task_vars: Json) -> list[tuple[str, t.Any]]:
        """Return (origin, document) for all objects and for the documents of all manifests and templates."""
        sources = [(f"objects[{index}]", item) for index, item in enumerate(arguments["objects"])]
        for name, text in manifests.read(arguments["manifests"]):
            sources += documents.split(text, name)
        for name in arguments["templates"]:
            rendered = self._render(name, task_vars)
            sources += documents.split(str(rendered), name) if isinstance(rendered, str) else [(name, rendered)]
        return sources

    def _render(self, name: str, task_vars: Json) -> t.Any:
        try:
            path = self._find_needle("templates", name)
            text = trust_as_template(self._loader.get_text_file_contents(path))
        except AnsibleError as exc:
            raise KubeError(f"Reading template {name}: {exc}. Put it into the role's templates folder.") from exc
        folders = [*task_vars.get("ansible_search_path", []), self._loader.get_basedir(), os.path.dirname(path)]
        search = [place for folder in folders for place in (os.path.join(folder, "templates"), folder)]
        templar = self._templar.copy_with_new_env(searchpath=search, available_variables=task_vars)
        try:
            return templar.template(text, escape_backslashes=False, overrides={"trim_blocks": True})
        except AnsibleError as exc:
            raise KubeError(f"Rendering template {name}: {exc}. Correct the template or its variables.") from exc


def _connect(path: str, task: Task) -> Api:
    transport = HttpTransport(kubeconfig.load(path), agent=task.manager, patient=not (task.check and task.api_optional))
    return Api(transport, task.manager, task.force_conflicts)
