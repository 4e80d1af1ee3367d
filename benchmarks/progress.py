# SPDX-License-Identifier: GPL-3.0-or-later
"""What the callback costs: the same play of many small tasks with it and with Ansible's default callback.

The two run in turn. Measured is the CPU time of ansible-playbook and its workers, which a busy machine spoils less than
seconds. Prints one line a round and last:
progress results=N ours=MED default=MED ratio_default=MED min= max= callback_ms_per_result=
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROUNDS = int(os.environ.get("ROUNDS", "5"))
TASKS, HOSTS = 30, 4
OURS, DEFAULT = "atarnet.homelab.progress", "default"
# Measures the CPU time of all events of the callback.
TIMED = """
import atexit, sys, time
from ansible_collections.atarnet.homelab.plugins.callback.progress import DOCUMENTATION, CallbackModule as Progress
took = [0.0]
class CallbackModule(Progress):
    CALLBACK_NAME = "timed"
def timed(method):
    def call(*args, **kwargs):
        start = time.thread_time()
        method(*args, **kwargs)
        took[0] += time.thread_time() - start
    return call
for name in dir(Progress):
    if name.startswith("v2_") and getattr(Progress, name) is not getattr(Progress.__mro__[1], name):
        setattr(CallbackModule, name, timed(getattr(Progress, name)))
atexit.register(lambda: print(f"callback took {took[0]}", file=sys.stderr))
"""


def run(folder: Path, callback: str) -> tuple[float, str]:
    """Return the CPU seconds of a run of the play and its standard error output; ends the benchmark when it fails."""
    environment = {**os.environ, "ANSIBLE_STDOUT_CALLBACK": callback, "ANSIBLE_CALLBACK_PLUGINS": str(folder)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        ["ansible-playbook", "-i", "hosts.json", "play.yml"],
        cwd=folder, env=environment, check=False, capture_output=True, text=True,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"ansible-playbook failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stderr


def main() -> None:
    """Measure in turn and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        task = {"ansible.builtin.assert": {"that": "true", "quiet": True}, "changed_when": "true"}
        tasks = [{"name": f"Task {number}", **task} for number in range(TASKS)]
        play = [{"name": "Measure", "hosts": "all", "gather_facts": False, "tasks": tasks}]
        (folder / "play.yml").write_text(json.dumps(play), encoding="utf-8")
        hosts = {f"h{number}": {"ansible_connection": "local"} for number in range(HOSTS)}
        (folder / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts}}), encoding="utf-8")
        (folder / "timed.py").write_text(TIMED, encoding="utf-8")
        ours, default = [], []
        for number in range(1, ROUNDS + 1):
            ours.append(run(folder, OURS)[0])
            default.append(run(folder, DEFAULT)[0])
            print(f"round {number}: ours {ours[-1]:.2f} s, default {default[-1]:.2f} s", flush=True)
        inside = float(run(folder, "timed")[1].rpartition("callback took ")[2])
    ratios = [a / b for a, b in zip(ours, default, strict=True)]
    print(
        f"progress results={TASKS * HOSTS} ours={statistics.median(ours):.2f} default={statistics.median(default):.2f} "
        f"ratio_default={statistics.median(ratios):.3f} min={min(ratios):.3f} max={max(ratios):.3f} "
        f"callback_ms_per_result={inside * 1000 / (TASKS * HOSTS):.3f}"
    )


if __name__ == "__main__":
    main()
