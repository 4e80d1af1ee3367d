# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the cause of a failed kubeadm run: its own error lines, the kubelet, the containers that ended."""

from __future__ import annotations

import json
import re
import typing as t

_TOKEN = re.compile(r"\b[a-z0-9]{6}\.[a-z0-9]{16}\b")
_LINES = 6


def kubeadm_errors(text: str) -> list[str]:
    """Return the lines of kubeadm's output that say what was wrong, without its headings and advice."""
    lines = [line.strip() for line in text.splitlines()]
    fatal = [line.replace("[ERROR ", "[") for line in lines if line.startswith("[ERROR ")]
    if not fatal:
        fatal = [line for line in lines if re.match(r"(error|failed|fatal|\[.*\] error|Unable|could not)", line, re.I)]
    return (fatal or [line for line in lines if line])[-_LINES:]


def stopped_containers(run: t.Callable[[list[str]], tuple[int, str, str]]) -> list[str]:
    """Return a line for each container of the control plane that ended, with its last log line."""
    code, out, _err = run(["crictl", "ps", "--all", "--state", "exited", "--output", "json"])
    if code != 0:
        return [f"the container runtime does not answer: {_err.strip().splitlines()[-1:] or ''}"]
    found = []
    newest: dict[str, t.Any] = {}
    for entry in json.loads(out).get("containers", []):
        name = entry["metadata"]["name"]
        if name not in newest or entry["createdAt"] > newest[name]["createdAt"]:
            newest[name] = entry
    for name, entry in sorted(newest.items()):
        _code, logs, errors = run(["crictl", "logs", "--tail", "1", entry["id"]])
        found.append(f"{name} ended: {(logs + errors).strip()[-300:]}")
    return found


def explain(attempted: str, output: str, run: t.Callable[[list[str]], tuple[int, str, str]]) -> str:
    """Return one text naming what was attempted, why it failed and where to look; tokens are blanked."""
    causes = kubeadm_errors(output) or ["no output"]
    if run(["systemctl", "is-active", "--quiet", "kubelet.service"])[0] != 0:
        _code, journal, _err = run(["journalctl", "--unit", "kubelet", "--no-pager", "--lines", "3", "--output", "cat"])
        causes.append(f"the kubelet is not running: {journal.strip()[-500:] or 'no journal'}")
    causes += stopped_containers(run)
    text = "; ".join(cause for cause in causes if cause)
    return _TOKEN.sub("(token)", f"{attempted}: {text}. Mend the cause and run again; nothing was reset.")
