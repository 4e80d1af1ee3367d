# SPDX-License-Identifier: GPL-3.0-or-later
"""A thousand files on each of three hosts: one host_state task, ansible.builtin.template in a loop, and a floor.

Runs on the lab that LAB names, in turn; the loop has LOOPED files only, and its time is given for as many as ours.
The floor reads and hashes the files on all hosts at once over the same SSH. Prints one line a round and last:
host_state noop=MED over_empty=MED floor=MED ratio_floor=MED min= max= first=S peer_scaled=S files=N
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.lab import CHECKOUT, INVENTORY, NODES

FILES = int(os.environ.get("FILES", "1000"))
LOOPED = int(os.environ.get("LOOPED", "10"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
PLACE = "/etc/homelab-bench"
TEMPLATE = "# {{ item }}\n{% for number in range(20) %}\nline {{ number }} of {{ item }}\n{% endfor %}\n"


def play(folder: Path, name: str, task: dict[str, t.Any]) -> list[str]:
    """Write a play of one task and return the command that runs it on the lab's nodes."""
    content = [{"hosts": "all", "gather_facts": False, "tasks": [task]}]
    (folder / f"{name}.yml").write_text(json.dumps(content), encoding="utf-8")
    return ["ansible-playbook", "-i", str(INVENTORY), str(folder / f"{name}.yml")]


def timed(command: list[str], changed: bool | None = None) -> float:
    """Return the seconds a play takes; ends the benchmark when it fails or is not *changed* as it should be."""
    environment = {**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default"}
    start = time.monotonic()
    done = subprocess.run(command, cwd=CHECKOUT, env=environment, check=False, capture_output=True, text=True)
    took = time.monotonic() - start
    if done.returncode != 0 or (changed is not None and ("changed=0" not in done.stdout) != changed):
        sys.exit(f"{' '.join(command)} was not to end like this:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return took


def floor() -> float:
    """Return the seconds in which all hosts hash all files, asked at once."""
    listed = json.loads(subprocess.run([INVENTORY / "hosts.py", "--list"], check=True, capture_output=True).stdout)
    common, hosts = listed["all"]["vars"], listed["_meta"]["hostvars"]
    base = ["ssh", "-i", common["ansible_ssh_private_key_file"], *common["ansible_ssh_common_args"].split()]

    def ask(node: str) -> None:
        command = [*base, f"root@{hosts[node]['ansible_host']}", f"sha256sum {PLACE}/* | wc -l"]
        seen = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        if int(seen) != FILES:
            sys.exit(f"{node} has {seen.strip()} files instead of {FILES}")

    start = time.monotonic()
    with ThreadPoolExecutor(len(NODES)) as pool:
        list(pool.map(ask, NODES))
    return time.monotonic() - start


def main() -> None:
    """Measure in turn and print."""
    names = [f"file{number}.conf" for number in range(FILES)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "templates").mkdir()
        (folder / "templates" / "bench.conf.j2").write_text(TEMPLATE, encoding="utf-8")
        files = [{"directory": PLACE}, {"file": f"{PLACE}/@item", "template": "bench.conf.j2", "each": names}]
        arguments: dict[str, t.Any] = {"owner": "bench", "resources": files}
        ours = play(folder, "ours", {"atarnet.homelab.host_state": arguments})
        empty = play(folder, "empty", {"ansible.builtin.debug": {"msg": ""}})
        peer = play(
            folder,
            "peer",
            {
                "ansible.builtin.template": {"src": "bench.conf.j2", "dest": PLACE + "/{{ item }}"},
                "loop": names[:LOOPED],
            },
        )
        first = timed(ours, changed=True)
        rows = []
        for number in range(1, ROUNDS + 1):
            row = [timed(empty), timed(ours, changed=False), floor(), timed(peer, changed=False)]
            rows.append(row)
            print(
                f"round {number}: empty {row[0]:.2f} s, ours {row[1]:.2f} s, floor {row[2]:.2f} s, "
                f"{LOOPED} files by template in a loop {row[3]:.2f} s",
                flush=True,
            )
        timed(play(folder, "gone", {"atarnet.homelab.host_state": {"owner": "bench", "state": "absent"}}), changed=True)
    bare, mine, hashed, looped = (list(column) for column in zip(*rows, strict=True))
    over = [a - b for a, b in zip(mine, bare, strict=True)]
    ratios = [a / b for a, b in zip(over, hashed, strict=True)]
    scaled = statistics.median(a - b for a, b in zip(looped, bare, strict=True)) * FILES / LOOPED
    print(
        f"host_state noop={statistics.median(mine):.2f} over_empty={statistics.median(over):.2f} "
        f"floor={statistics.median(hashed):.2f} ratio_floor={statistics.median(ratios):.2f} min={min(ratios):.2f} "
        f"max={max(ratios):.2f} first={first:.2f} peer_scaled={scaled:.0f} files={FILES}"
    )


if __name__ == "__main__":
    main()
