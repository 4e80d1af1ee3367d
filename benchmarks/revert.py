# SPDX-License-Identifier: GPL-3.0-or-later
"""From a ruleset that lets nothing in to reachable again: host_network and community.general.iptables_state, in turn.

On one worker of the lab that LAB names, both with WITHIN seconds to confirm, iptables_state as its documentation has
it: async is ansible_timeout, poll is 0. Each is told to put into force what drops all that comes in: the host's own
nftables table, and iptables' filter table. Seconds go from when the host has the bad rules to when SSH greets a new
connection; a host that does not come back is mended from outside. All tables of the host are compared before and
afterwards, others' chains are also looked for in between, and a run's own seconds are those until it has told.

ansible-core 2.21 kills a job when its time is over, as seen every 5 seconds. iptables_state puts back after that very
time, so it is mostly killed before when WITHIN is a multiple of 5; with 7 it has 3 s. Prints a line a trial; last:
revert within=T ours_reverted=N/N ours_identical=N/N ours_kept_meanwhile=N/N ours_run=S ours_over=MED min= max=
peer_... ratio_peer=MED min= max= (over: seconds after T; the ratio is of the whole time without a way in)
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.support.peers import community_general
from benchmarks.support.reverts import Trial, lost, summary, tables
from tests.support.lab import CHECKOUT, INVENTORY, lab_record, on_node

TRIALS = int(os.environ.get("TRIALS", "8"))
WITHIN_S = int(os.environ.get("WITHIN", "7"))
MACHINE = "w1"
STATE_FILE = "/root/bench-revert.iptables"
# It says nothing of how often SSH may be asked.
OPEN = "chain input { type filter hook input priority filter; policy accept; }\n"
BAD_TABLE = "chain bench_bad { }\nchain input { type filter hook input priority filter; policy drop; }\n"
BAD_STATE = "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:bench_bad - [0:0]\nCOMMIT\n"
RULES = "nft -s list ruleset"
WATCH = f"until {RULES} | grep -q 'chain bench_bad '; do sleep 0.02; done; date +%s.%N; {RULES}"
SAVED = "/root/bench-revert.saved"
MEND = f"iptables-restore {SAVED} && rm -f /root/.ansible_async/iptables.state"

TASKS: dict[str, dict[str, t.Any]] = {
    "ours": {"atarnet.homelab.host_network": {"ruleset": BAD_TABLE, "confirm_within": WITHIN_S}},
    "peer": {
        "community.general.iptables_state": {"state": "restored", "path": STATE_FILE},
        "async": "{{ ansible_timeout }}",
        "poll": 0,
    },
}
TABLES = {"ours": "inet homelab", "peer": ""}


def start(folder: Path, task: dict[str, t.Any]) -> subprocess.Popen[str]:
    """Start a play of one task on the machine."""
    path = folder / "play.yml"
    play = {"hosts": MACHINE, "gather_facts": False, "vars": {"ansible_timeout": WITHIN_S}, "tasks": [task]}
    path.write_text(json.dumps([play]), encoding="utf-8")
    collections = f"{CHECKOUT / 'collections'}:{community_general()}"
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": collections, "ANSIBLE_STDOUT_CALLBACK": "default"}
    return subprocess.Popen(
        ["ansible-playbook", "-i", str(INVENTORY), str(path)], cwd=CHECKOUT, env=environment, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def greeted() -> float | None:
    """Return when SSH greeted a new connection, by the clock; None when it does not any more."""
    address, end = lab_record().nodes[MACHINE].address, time.time() + WITHIN_S + 20
    while time.time() < end:
        try:
            with socket.create_connection((address, 22), timeout=0.2) as connection:
                connection.settimeout(5)
                if connection.recv(4) == b"SSH-":
                    return time.time()
        except OSError:
            time.sleep(0.02)
    return None


def attempt(folder: Path, name: str) -> Trial:
    """Make one trial; ends the benchmark when the bad rules came through."""
    before = on_node(MACHINE, RULES)
    began = time.monotonic()
    with start(folder, TASKS[name]) as process, ThreadPoolExecutor(1) as pool:
        end = pool.submit(lambda: (process.communicate(timeout=180)[0], time.monotonic()))
        moment, _newline, meanwhile = on_node(MACHINE, WATCH).partition("\n")
        back = greeted()
        said, ended = end.result()
    if process.returncode == 0:
        sys.exit(f"{name} was not to be content with this:\n{said[-2000:]}")
    after = on_node(MACHINE, RULES)
    if back is None:
        on_node(MACHINE, MEND)
    seconds = None if back is None else back - float(moment)
    return Trial(seconds, ended - began, tables(after) == tables(before), lost(before, meanwhile, TABLES[name]))


def main() -> None:
    """Try in turn, and print."""
    done: dict[str, list[Trial]] = {"ours": [], "peer": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        task = {"atarnet.homelab.host_network": {"ruleset": OPEN, "confirm_within": 30}}
        with start(folder, task) as process:
            said = process.communicate()[0]
        if process.returncode != 0:
            sys.exit(f"{MACHINE} could not be made ready:\n{said[-2000:]}")
        on_node(MACHINE, f"iptables-save > {SAVED}")
        on_node(MACHINE, f"printf '{BAD_STATE.encode('unicode_escape').decode()}' > {STATE_FILE}")
        try:
            for number, who in ((number, who) for number in range(1, TRIALS + 1) for who in done):
                trial = attempt(folder, who)
                done[who].append(trial)
                back = f"reachable again after {trial.seconds:.2f} s" if trial.seconds else "NOT REACHABLE AGAIN"
                print(
                    f"{number} {who}: {back}, told after {trial.run:.1f} s, "
                    f"rules {'as before' if trial.identical else 'NOT AS BEFORE'}, "
                    f"gone in between: {', '.join(trial.lost) or 'nothing'}",
                    flush=True,
                )
        finally:
            on_node(MACHINE, f"{MEND}; rm -f {SAVED} {STATE_FILE}")
            mend = ["ansible-playbook", "-i", str(INVENTORY), "playbooks/network.yml"]
            subprocess.run(mend, cwd=CHECKOUT, check=True, stdout=subprocess.DEVNULL)
    print(f"revert {summary(done, WITHIN_S)}")


if __name__ == "__main__":
    main()
