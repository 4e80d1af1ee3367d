# SPDX-License-Identifier: GPL-3.0-or-later
"""Drive the lab named by LAB: run the site, look at the nodes, ask the cluster, as a user would."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import time
import typing as t
from dataclasses import dataclass
from pathlib import Path

from lab import disks, paths, state

CHECKOUT = Path(__file__).resolve().parent.parent.parent
INVENTORY = CHECKOUT / "inventories" / "lab"
# An image of the lab with a shell, Python and clients of the network.
TOOLBOX = "docker.io/library/lab-toolbox:1"
NODES = ("cp1", "w1", "w2")
MACHINES = (*NODES, "gw")
# What the system writes by itself, what a login leaves behind, where nothing lasts, and disks: what is on them is seen.
_NOT_OURS = (
    "-path /proc -o -path /sys -o -path /run -o -path /dev -o -path /tmp -o -path /var/log -o -path /var/lib/systemd"
    f" -o -path /root/.ansible -o -path /var/lib/{disks.FOLDER}"
)
# Where a living cluster writes all the time.
_LIVING = "-path /var/lib/etcd -o -path /var/lib/containerd -o -path /var/lib/kubelet"
CHANGING_VERBS = {"create", "update", "patch", "delete", "deletecollection"}


@dataclass(frozen=True)
class SiteRun:
    """One run of a playbook: exit code, wall time in seconds, its output, the recorded results, and each use of ssh."""

    code: int
    seconds: float
    output: str
    records: list[dict[str, t.Any]]
    started: float
    ended: float
    visits: list[str]

    def changes(self) -> dict[str, list[dict[str, t.Any]]]:
        """Return the list of changes each host's results name, in order."""
        found: dict[str, list[dict[str, t.Any]]] = {}
        for record in self.records:
            found.setdefault(record["host"], []).extend(record["changes"])
        return found

    def diffs(self) -> dict[str, list[t.Any]]:
        """Return the diffs each host's results carry, in order."""
        found: dict[str, list[t.Any]] = {}
        for record in self.records:
            found.setdefault(record["host"], []).extend(record["diff"] or [])
        return found

    def changed_tasks(self) -> list[str]:
        """Return host and task of every result that says changed."""
        return [f"{record['host']}: {record['task']}" for record in self.records if record["changed"]]

    def rounds(self, host: str) -> list[str]:
        """Return the commands that were sent to *host*."""
        return [line for line in self.visits if lab_record().nodes[host].address in line.split()]


def playbook_command(*arguments: str, playbook: str = "site.yml") -> list[str]:
    """Return the command a user would type."""
    return ["ansible-playbook", "-i", str(INVENTORY), playbook, *arguments]


def playbook_environment(record: str, visits: str = os.devnull) -> dict[str, str]:
    """Return the environment in which results are recorded to the file *record*, and uses of ssh to *visits*."""
    return {
        **os.environ,
        "ANSIBLE_CALLBACK_PLUGINS": str(CHECKOUT / "tests" / "support" / "callback"),
        "ANSIBLE_CALLBACKS_ENABLED": "record",
        "ANSIBLE_FORCE_COLOR": "0",
        "HOMELAB_RECORD": record,
        "ANSIBLE_SSH_EXECUTABLE": str(CHECKOUT / "tests" / "support" / "ssh"),
        "HOMELAB_VISITS": visits,
    }


def run_playbook(*arguments: str, playbook: str = "site.yml", timeout: float = 900) -> SiteRun:
    """Run a playbook on the lab to its end."""
    with tempfile.NamedTemporaryFile("r", suffix=".jsonl") as stream, tempfile.NamedTemporaryFile("r") as visits:
        started = time.time()
        done = subprocess.run(
            playbook_command(*arguments, playbook=playbook),
            cwd=CHECKOUT, env=playbook_environment(stream.name, visits.name), check=False, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout,
        )  # fmt: skip
        ended = time.time()
        records = [json.loads(line) for line in stream]
        sent = visits.read().splitlines()
    return SiteRun(done.returncode, ended - started, done.stdout, records, started, ended, sent)


def kill_controller(pid: int) -> None:
    """Kill ansible-playbook and all that it started, at one moment: its workers have sessions of their own."""
    os.kill(pid, signal.SIGSTOP)
    found = [pid]
    for parent in found:
        found += _children(parent)
    for one in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)


def _children(pid: int) -> list[int]:
    # proc(5): the parent is the second field behind the name, which is in parentheses and may hold anything.
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(path.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(path.parent.name))
    return found


def lab(*arguments: str) -> str:
    """Run a verb of the embedded lab and return what it printed."""
    done = subprocess.run(
        ["python3", "-m", "lab", *arguments], cwd=CHECKOUT, check=False, capture_output=True, text=True, timeout=900
    )
    if done.returncode != 0:
        raise RuntimeError(f"lab {' '.join(arguments)} failed: {done.stdout}{done.stderr}")
    return done.stdout


def look_from(segment: str, *command: str) -> str:
    """Run a command of this machine as if it stood in a segment of the lab, and return its output."""
    return lab("look-from", segment, *command)


def lab_record() -> state.Lab:
    """Return what the lab consists of."""
    place = paths.of_environment()
    return state.require(place.record, place.lab)


def on_node(node: str, script: str) -> str:
    """Run a shell script on a node and return its output."""
    return lab("exec", node, "sh", "-c", script)


def written_since(node: str, moment: int, living: bool) -> str:
    """Return the files of *node* that were written after *moment* (Unix seconds), by find.

    On a *living* cluster its own data are left out.
    """
    passed_over = f"{_NOT_OURS} -o {_LIVING}" if living else _NOT_OURS
    return on_node(node, f"find / \\( {passed_over} \\) -prune -o -type f -newermt @{moment} -print")


def kubectl_shell(script: str) -> None:
    """Run a shell script that calls kubectl on the lab's cluster."""
    done = subprocess.run(["sh", "-c", script], check=False, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise RuntimeError(f"{script} failed: {done.stderr}")


def kubectl(*arguments: str, document: str | None = None, check: bool = True) -> str:
    """Run kubectl with the kubeconfig that the site left on the controller."""
    done = subprocess.run(
        ["kubectl", *arguments],
        check=False, capture_output=True, text=True, errors="replace", input=document, timeout=300,
    )  # fmt: skip
    if check and done.returncode != 0:
        raise RuntimeError(f"kubectl {' '.join(arguments)} failed: {done.stderr}")
    return done.stdout + ("" if check else done.stderr)


def kubectl_json(*arguments: str) -> t.Any:
    """Return what kubectl prints as JSON."""
    return json.loads(kubectl(*arguments, "--output", "json"))


def audit_events(since: float, until: float, user: str = "kubernetes-admin") -> list[dict[str, t.Any]]:
    """Return the API server's audit events of *user* between two moments (Unix seconds)."""
    text = on_node("cp1", f'grep -h \'"username":"{user}"\' /var/log/kubernetes/audit*.log || true')
    found = []
    for line in text.splitlines():
        event = json.loads(line)
        moment = _unix(event["requestReceivedTimestamp"])
        if since <= moment <= until:
            found.append(event)
    return found


def changing_requests(since: float, until: float) -> list[str]:
    """Return the requests of our user that were not mere reads."""
    return [
        f"{event['verb']} {event['requestURI']}"
        for event in audit_events(since, until)
        if event["verb"] in CHANGING_VERBS
    ]


def storing_requests(since: float, until: float) -> list[str]:
    """Return the changing requests of our user that were more than a question (dry run)."""
    return [request for request in changing_requests(since, until) if "dryRun=All" not in request]


def _unix(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
