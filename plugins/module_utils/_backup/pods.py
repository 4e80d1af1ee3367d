# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pods that run on this node, asked of the container runtime: the API server may be down."""

from __future__ import annotations

import json
import subprocess
import typing as t

from .._host.errors import HostError
from . import freezer, process
from .model import Hook

_DUMP_S = 6 * 3600
_ANSWER_S = 60
_MISSING = "Run the role container_runtime"


class Pods(t.Protocol):
    """What hooks need of a runtime."""

    def run(
        self,
        namespace: str,
        hook: Hook,
        command: t.Sequence[str],
        output: t.BinaryIO | None = None,
        source: t.BinaryIO | None = None,
    ) -> bytes:
        """Run a command in a pod's container, and return what it prints, or write it to *output*. Raises HostError.

        *source* is its standard input.
        """

    def cgroup(self, namespace: str, hook: Hook) -> str:
        """Return the folder of the pod's cgroup. Raises HostError."""


class Crictl:
    """Any runtime that speaks CRI."""

    def run(
        self,
        namespace: str,
        hook: Hook,
        command: t.Sequence[str],
        output: t.BinaryIO | None = None,
        source: t.BinaryIO | None = None,
    ) -> bytes:
        container, attempt = self._container(namespace, hook), f"Cannot run {command[0]} in a pod of {namespace}"
        words = ["exec", *(["--interactive"] if source else []), container, *command]
        how: t.Any = {"source": source, "output": output, "timeout": _DUMP_S}
        try:
            done = process.run(attempt, _MISSING, "crictl", *words, **how)
        except process.Slow as exc:
            raise HostError(attempt, f"it took over {_DUMP_S // 3600} hours", "Look at what the database does") from exc
        if done.returncode:
            fix = "Try the same with `kubectl exec`; has that user all rights on the database?"
            raise HostError(attempt, _cause(done), fix)
        return done.stdout or b""

    def cgroup(self, namespace: str, hook: Hook) -> str:
        told = json.loads(_crictl("inspect", self._container(namespace, hook)))
        first = int(told["info"]["pid"])
        try:
            with open(f"/proc/{first}/cgroup", encoding="ascii") as stream:
                return freezer.cgroup_of(stream.read())
        except OSError as exc:
            raise HostError(f"Cannot freeze a pod of {namespace}", "it ended in this moment", "Run again") from exc

    def _container(self, namespace: str, hook: Hook) -> str:
        wanted = ",".join(f"{key}={value}" for key, value in sorted(hook.labels.items()))
        attempt = f"Cannot find the pod {wanted} of {namespace} on this node"
        labels = [f"--label={key}={value}" for key, value in hook.labels.items()]
        pods = json.loads(_crictl("pods", "--output=json", "--state=ready", f"--namespace={namespace}", *labels))
        # crictl takes the namespace for a regular expression.
        found = [pod["id"] for pod in pods.get("items") or [] if pod["metadata"]["namespace"] == namespace]
        if len(found) != 1:
            cause = f"{len(found)} pods run with these labels" if found else "none runs with these labels"
            raise HostError(attempt, cause, "Correct hook.labels, or start the app")
        name = [f"--name=^{hook.container}$"] if hook.container else []
        running = _crictl("ps", "--output=json", "--state=running", f"--pod={found[0]}", *name)
        containers = json.loads(running).get("containers") or []
        if len(containers) != 1:
            names = ", ".join(sorted(one["metadata"]["name"] for one in containers)) or "none"
            raise HostError(attempt, f"its running containers are: {names}", "Name one of them in hook.container")
        return str(containers[0]["id"])


def _cause(done: subprocess.CompletedProcess[bytes]) -> str:
    """Return the line that tells of an error: behind it databases repeat what they were told to do."""
    said = done.stderr.decode("utf-8", "replace").splitlines()
    return next((line.strip() for line in said if "error" in line.lower()), process.complaint(done, lines=2))


def _crictl(*words: str) -> str:
    attempt, look = "Cannot ask the container runtime", "Look at it: `systemctl status containerd`"
    try:
        done = process.run(attempt, _MISSING, "crictl", *words, timeout=_ANSWER_S)
    except process.Slow as exc:
        raise HostError(attempt, f"it did not answer within {_ANSWER_S} s", look) from exc
    if done.returncode:
        raise HostError(attempt, process.complaint(done), look)
    return done.stdout.decode("utf-8", "replace")
