# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running Helm: version 4 only, values through standard input, causes instead of its output."""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
import typing as t

from .._host.commands import RunResult
from .._kube.errors import KubeError
from .charts import Chart
from .locks import Lock
from .model import Json, Release, hide
from .storage import CHART_LABEL, RUN_LABEL

_KEPT = frozenset({"HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME", "HELM_REGISTRY_CONFIG"})
_REMOTE_SCHEMA = re.compile(r"failing loading \\?\"(https?://[^\"\\]+)")
_LOG = re.compile(r"^(level=|time=|\d{4}/\d\d/\d\d )")
PLAN_S, SURPLUS_S = 300, 60

Start = t.Callable[[t.Sequence[str], str, t.Mapping[str, str], float, t.Optional[Lock]], RunResult]
"""Runs a command with a standard input and an environment; raises TimeoutError after so many seconds.

The command holds the lock, if any, until its own end.
"""


class HelmError(KubeError):
    """Helm failed; told is its own text."""

    def __init__(self, message: str, told: str) -> None:
        self.told = told
        super().__init__(message)


class Helm:
    """One Helm program on one cluster, run by *start*; runs counts how often it was started."""

    def __init__(self, program: str, kubeconfig: str, start: Start) -> None:
        self.runs = 0
        self._named = program
        self._kubeconfig = os.path.abspath(os.path.expanduser(kubeconfig))
        self._program = ""
        self._run_command = start
        self._lock = threading.Lock()

    def install_or_upgrade(self, release: Release, chart: Chart, lock: Lock) -> None:
        """Install or upgrade. Raises HelmError."""
        arguments = ["upgrade", "--install", *self._release(release, chart)]
        arguments += [f"--labels={CHART_LABEL}={chart.label},{RUN_LABEL}={lock.run}"]
        arguments += ["--create-namespace"] if release.create_namespace else []
        self._run(f"Installing {release}", [*arguments, *_waits(release)], release, lock)

    def dry_run(self, release: Release, chart: Chart) -> str:
        """Return the manifest and hooks that an upgrade would give, as the server sees it. Raises HelmError."""
        arguments = ["upgrade", "--install", *self._release(release, chart), "--dry-run=server", "--output=json"]
        text = self._run(f"Planning {release}", arguments, release)
        answer = json.loads(text[text.index("{") :])
        hooks = "".join(f"\n---\n{hook.get('manifest', '')}" for hook in answer.get("hooks") or [])
        return f"{answer.get('manifest', '')}{hooks}"

    def template(self, release: Release, chart: Chart, upgrade: bool) -> str:
        """Return manifest, hooks and CustomResourceDefinitions as Helm renders them alone. Raises HelmError."""
        arguments = ["template", *self._release(release, chart)[:-1], "--skip-tests"]
        arguments += ["--is-upgrade"] if upgrade else ["--include-crds"]
        return self._run(f"Planning {release}", arguments, release)

    def uninstall(self, release: Release, wait: bool, lock: Lock) -> None:
        """Uninstall with all history. Raises HelmError."""
        arguments = ["uninstall", release.name, "--namespace", release.namespace, "--ignore-not-found"]
        waits = _waits(release) if wait else [f"--timeout={release.timeout}s"]
        self._run(f"Uninstalling {release}", [*arguments, *waits], release, lock)

    def rollback(self, release: Release, revision: int, lock: Lock) -> None:
        """Go back to a revision. Raises HelmError."""
        arguments = ["rollback", release.name, str(revision), "--namespace", release.namespace]
        attempt = f"Rolling {release} back to revision {revision}"
        self._run(attempt, [*arguments, f"--timeout={release.timeout}s"], release, lock)

    def pull(self, release: Release, folder: str) -> str:
        """Return the path of the archive fetched into the empty *folder*, from the first place that has it.

        Raises HelmError, with what each place said.
        """
        arguments = ["pull", release.chart, "--version", release.version, "--destination", folder]
        arguments += ["--plain-http"] if release.plain_http else []
        errors = []
        for place in [["--repo", url] for url in release.repositories] or [[]]:
            try:
                self._run(f"Fetching the chart of {release}", [*arguments, *place], release)
                break
            except HelmError as exc:
                errors.append(exc)
        else:
            raise HelmError(" ".join(str(error) for error in errors), errors[-1].told)
        return next(entry.path for entry in os.scandir(folder) if entry.name.endswith(".tgz"))

    @staticmethod
    def _release(release: Release, chart: Chart) -> list[str]:
        arguments = [release.name, chart.path, "--namespace", release.namespace, "--values", "-"]
        arguments += ["--skip-schema-validation"] if release.skip_schema_validation else []
        # Without it, empty values would mean those of the release before.
        return [*arguments, "--reset-values"]

    def _ready(self) -> str:
        with self._lock:
            if not self._program:
                found = shutil.which(os.path.expanduser(self._named))
                if not found:
                    raise KubeError(
                        f"Running Helm: {self._named} is not there. Install Helm 4 or set helm to its path."
                    )
                version = self._start([found, "version", "--template", "{{.Version}}"], "", 30, None).stdout.strip()
                if not version.startswith("v4."):
                    told = version.splitlines()[0][:80] if version else "no version"
                    raise KubeError(
                        f"Running Helm: {found} says {told}, and only Helm 4 has the options and records that are "
                        "used here. Install Helm 4 or set helm to its path."
                    )
                self._program = found
        return self._program

    def _start(self, command: list[str], given: str, patience: float, lock: Lock | None) -> RunResult:
        self.runs += 1
        environment = {
            key: value
            for key, value in os.environ.items()
            if key != "KUBECONFIG" and (not key.startswith("HELM_") or key in _KEPT)
        }
        return self._run_command(command, given, environment, patience, lock)

    def _run(self, attempt: str, arguments: list[str], release: Release, lock: Lock | None = None) -> str:
        command = [self._ready(), *arguments, "--kubeconfig", self._kubeconfig]
        patience = 3 * (release.timeout if lock else PLAN_S) + SURPLUS_S
        try:
            done = self._start(command, json.dumps(release.values), patience, lock)
        except TimeoutError:
            raise HelmError(f"{attempt}: Helm did not end in time. Run again.", "") from None
        if done.rc == 0:
            return done.stdout
        told = hide(done.stderr, release.values)
        raise HelmError(f"{attempt}: {cause(told, release)}", told)


def _waits(release: Release) -> list[str]:
    return [f"--timeout={release.timeout}s", *(["--wait=watcher"] if release.wait or release.rollback else [])]


def cause(told: str, release: Release) -> str:
    """Return '<cause>. <what to do>' for what Helm wrote on standard error."""
    lines = [line.strip() for line in told.splitlines() if line.strip() and not _LOG.match(line)]
    text = " ".join(lines).removeprefix("Error: ").rstrip(".") or "Helm failed without a word"
    remote = _REMOTE_SCHEMA.search(told)
    if remote:
        return (
            f"the chart's values.schema.json refers to {remote.group(1)}, which cannot be read. "
            "Set skip_schema_validation: true for this release, or let the controller reach that address."
        )
    if "don't meet the specifications of the schema" in text:
        return f"{text}. Correct the values."
    if "not found" in text and "namespaces" in text and not release.create_namespace:
        return f"namespace {release.namespace} does not exist. Set create_namespace: true or create it first."
    if "invalid ownership metadata" in text:
        return f"{text}. Delete that object, or label it as this release's."
    return f"{text}. Correct the chart or its values, or remove what hinders it."


def unknown_kinds(error: HelmError) -> bool:
    """Return whether Helm missed definitions, which an installation brings first."""
    return "no matches for kind" in error.told


def describe(step_release: Release, action: str, reasons: t.Iterable[str]) -> Json:
    """Return a change as it is reported."""
    return {
        "release": f"{step_release.namespace}/{step_release.name}",
        "action": action,
        "reason": ", ".join(reasons),
    }
