# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets are in no output, log, cache, temporary file or process list, at the highest verbosity with diffs."""

from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess
import threading
import typing as t
from pathlib import Path

import pytest

from tests.support.lab import CHECKOUT, NODES, on_node, playbook_command

PLACES = "/tmp /var/tmp /var/log /root /run/log"
CHART = {
    "Chart.yaml": json.dumps({"apiVersion": "v2", "name": "canary", "version": "1.0.0"}),
    "templates/secret.yaml": (
        "apiVersion: v1\nkind: Secret\nmetadata: {name: canary-release}\n"
        "stringData: {password: {{ .Values.password | quote }}}\n"
    ),
}


class Watcher(threading.Thread):
    """Collects the command lines of all processes of this machine, which its containers share, until it is stopped."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[bytes] = set()
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.02):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    self.seen.add(path.read_bytes())
                except OSError:
                    continue  # it has ended meanwhile


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """A chart that puts a value into a Secret."""
    for name, text in CHART.items():
        path = tmp_path / "chart" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "chart"


def forms(canary: str) -> list[str]:
    """Return how a canary may appear: plain, and in base64 whatever comes before it."""
    return [canary, *(base64.b64encode(b"\0" * shift + canary.encode()).decode()[4:-4] for shift in range(3))]


def run(folder: Path, *arguments: str) -> str:
    """Run the play and return all that it said."""
    environment = {
        **os.environ,
        "ANSIBLE_LOCAL_TEMP": str(folder / "local"),
        "ANSIBLE_LOG_PATH": str(folder / "ansible.log"),
        "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(folder / "cache"),
        "HOMELAB_REPORT": str(folder / "report.json"),
    }
    done = subprocess.run(
        playbook_command("-vvvv", "--diff", *arguments, playbook="tests/integration/canaries.yml"),
        cwd=CHECKOUT, env=environment, check=False, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout + done.stderr


def test_no_canary_is_found_anywhere(chart: Path, tmp_path: Path) -> None:
    canaries = {name: secrets.token_hex(16) for name in ("file", "text", "encoded", "value")}
    # Variables come from a file: what is written on a command line is in the process list by the user's own doing.
    variables = tmp_path / "variables.json"
    content: dict[str, t.Any] = {"canaries": canaries, "canary_chart": str(chart), "canary_state": "present"}
    output = tmp_path / "output"
    output.mkdir()
    watcher = Watcher()
    watcher.start()
    try:
        variables.write_text(json.dumps(content), encoding="utf-8")
        said = [run(output, "-e", f"@{variables}", *more) for more in (["--check"], [], [])]
        variables.write_text(json.dumps({**content, "canary_state": "absent"}), encoding="utf-8")
        said.append(run(output, "-e", f"@{variables}"))
    finally:
        watcher.over.set()
        watcher.join()
    assert "(secret" in said[0] and "(changed)" in said[1], "the diffs were not shown"
    haystacks = {f"output {number}": text for number, text in enumerate(said)}
    haystacks |= {str(path): path.read_text(errors="replace") for path in output.rglob("*") if path.is_file()}
    haystacks["process list"] = b"\n".join(watcher.seen).decode("utf-8", "replace")
    assert len(haystacks) >= 6 and "ansible-playbook" in haystacks["process list"]
    needles = [form for canary in canaries.values() for form in forms(canary)]
    assert [(place, name) for place, text in haystacks.items() for name in needles if name in text] == []
    pattern = "\\|".join(needles)
    for node in NODES:
        script = f"journalctl --no-pager -o cat | grep -c '{pattern}'; grep -rl '{pattern}' {PLACES} || true"
        assert on_node(node, script).split() == ["0"], node
    leftovers = subprocess.run(
        ["grep", "-rls", pattern, str(Path.home() / ".ansible"), str(Path.home() / ".local" / "state")],
        check=False, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert leftovers == ""
