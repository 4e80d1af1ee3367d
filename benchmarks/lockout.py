# SPDX-License-Identifier: GPL-3.0-or-later
"""Rulesets that lock everybody out, on machines of the lab that LAB names: does each host put itself back, and when?

TRIALS over three machines at once. Of every ten two have their controller killed and one, on a worker, the plug of its
machine pulled, before anything could be confirmed. Seconds are the host's own, from the moment it noted the change.
Then PROBES connections are made to the API server while its host's rules are replaced by others that hold. Last line:
lockout trials=N reverted=N worst_seconds_over_t=S median= plugs_pulled=N others_identical=yes probes=N dropped=N
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.lab import CHECKOUT, INVENTORY, lab, lab_record, on_node

TRIALS = int(os.environ.get("TRIALS", "100"))
PROBES = int(os.environ.get("PROBES", "1000"))
WITHIN_S = 5
MACHINES = ("w1", "w2", "gw")
PENDING = "/var/lib/atarnet-homelab/network/pending.json"
OURS = "nft -s list table inet homelab"
OTHERS = "nft -s list ruleset | awk '/^table /{ours = /inet homelab /} !ours'"
HOOK = "type filter hook {} priority {}; policy {};"
BAD = {
    "nothing comes in": f"chain input {{ {HOOK.format('input', 'filter', 'drop')} }}",
    "no new connection": f"chain input {{ {HOOK.format('input', 'filter', 'accept')} ct state new drop; }}",
    "ssh from elsewhere only": f"chain input {{ {HOOK.format('input', 'filter', 'drop')} ct state established accept; "
    "ip saddr 192.0.2.0/24 tcp dport 22 accept; }",
    "ssh on another port": f"chain input {{ {HOOK.format('input', 'filter', 'drop')} ct state established accept; "
    "tcp dport 2222 accept; }",
    "before any routing": f"chain early {{ {HOOK.format('prerouting', 'raw', 'accept')} tcp dport 22 drop; }}",
    "no answer goes out": f"chain output {{ {HOOK.format('output', 'filter', 'accept')} tcp sport 22 drop; }}",
    "one connection an hour": f"chain input {{ {HOOK.format('input', 'filter', 'accept')} "
    "tcp dport 22 ct state new limit rate over 1/hour burst 1 packets drop; }",
}
WATCH = f"""
while [ ! -e {PENDING} ]; do sleep 0.02; done; date +%s.%N
while [ -e {PENDING} ]; do sleep 0.02; done; date +%s.%N
"""


class Trial(t.NamedTuple):
    """How a trial ended: whether all was as before, and the seconds it took (None: the plug was pulled)."""

    reverted: bool
    seconds: float | None


def play(ruleset: str) -> dict[str, t.Any]:
    """Return a play that puts a ruleset into force."""
    task = {"atarnet.homelab.host_network": {"ruleset": ruleset + "\n", "confirm_within": WITHIN_S}}
    return {"hosts": "all", "gather_facts": False, "tasks": [task]}


def start(folder: Path, machine: str, ruleset: str) -> subprocess.Popen[str]:
    """Start ansible-playbook on one machine as the head of a process group."""
    path = folder / f"{machine}.yml"
    path.write_text(json.dumps([play(ruleset)]), encoding="utf-8")
    environment = {**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default", "ANSIBLE_TIMEOUT": "2"}
    command = ["ansible-playbook", "-i", str(INVENTORY), "--limit", machine, str(path)]
    return subprocess.Popen(
        command, cwd=CHECKOUT, env=environment, start_new_session=True, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def answers(machine: str) -> bool:
    """Tell whether SSH greets a new connection."""
    address, end = lab_record().nodes[machine].address, time.monotonic() + 10
    while time.monotonic() < end:
        try:
            with socket.create_connection((address, 22), timeout=2) as connection:
                connection.settimeout(5)
                return connection.recv(4) == b"SSH-"
        except OSError:
            time.sleep(0.5)
    return False


def attempt(folder: Path, number: int, machine: str) -> Trial:
    """Make one trial; prints how it went."""
    name = list(BAD)[number % len(BAD)]
    killed, pulled = number % 10 in (3, 7), number % 10 == 5 and machine != "gw"
    before = on_node(machine, OURS)
    process = start(folder, machine, BAD[name])
    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(on_node, machine, WATCH if not pulled else WATCH.splitlines()[1])
        if killed or pulled:
            on_node(machine, WATCH.splitlines()[1])
            time.sleep(0.5)
            os.killpg(process.pid, signal.SIGKILL)
        if pulled:
            lab("node", "stop", machine)
            lab("node", "start", machine)
        said = process.communicate(timeout=120)[0]
        times = [float(word) for word in watching.result(timeout=120).split()]
    reverted = on_node(machine, OURS) == before and answers(machine)
    if not killed and not pulled:
        # Where answers are cut as well, nobody is left who could ask the host.
        reverted = reverted and ("it has put everything back" in said or "UNREACHABLE" in said)
    seconds = times[1] - times[0] if len(times) == 2 else None
    end = "plug pulled" if pulled else "controller killed" if killed else "refused by the run"
    print(f"{number:3d} {machine}: {name}, {end}: {'as before' if reverted else 'NOT AS BEFORE: ' + said[-1500:]}"
          f"{f' after {seconds:.2f} s' if seconds is not None else ''}", flush=True)  # fmt: skip
    return Trial(reverted, seconds)


def trials() -> list[Trial]:
    """Make all trials, those of one machine one after the other."""
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(len(MACHINES)) as pool:
        share = {machine: list(range(place, TRIALS, len(MACHINES))) for place, machine in enumerate(MACHINES)}

        def of(machine: str) -> list[Trial]:
            return [attempt(Path(name), number, machine) for number in share[machine]]

        return list(itertools.chain.from_iterable(pool.map(of, MACHINES)))


def reloads() -> tuple[int, int]:
    """Return how many connections were made while the rules were replaced, and how many of them failed."""
    address, dropped, made = lab_record().nodes["cp1"].address, 0, 0
    rules = on_node("cp1", "cat /etc/atarnet-homelab/firewall.nft")
    body = rules[rules.index("{") + 1 : rules.rindex("}")]
    over = threading.Event()

    def reload() -> None:
        with tempfile.TemporaryDirectory() as name:
            for number in itertools.count():
                if over.is_set():
                    break
                process = start(Path(name), "cp1", f"{body}\ncounter reload_{number} {{ }}")
                if "changed=1" not in process.communicate()[0]:
                    sys.exit("a reload that holds was not confirmed")

    with ThreadPoolExecutor(1) as pool:
        reloading = pool.submit(reload)
        for _ in range(PROBES):
            made += 1
            try:
                socket.create_connection((address, 6443), timeout=0.9).close()
            except OSError:
                dropped += 1
            time.sleep(0.02)
        over.set()
        reloading.result()
    return made, dropped


def main() -> None:
    """Try, and print."""
    mend = ["ansible-playbook", "-i", str(INVENTORY), "playbooks/network.yml"]
    subprocess.run(mend, cwd=CHECKOUT, check=True, stdout=subprocess.DEVNULL)
    others = {machine: on_node(machine, OTHERS) for machine in ("gw", "cp1")}
    done = trials()
    made, dropped = reloads()
    identical = all(on_node(machine, OTHERS) == text for machine, text in others.items())
    subprocess.run(mend, cwd=CHECKOUT, check=True, stdout=subprocess.DEVNULL)
    over = [trial.seconds - WITHIN_S for trial in done if trial.seconds is not None]
    print(
        f"lockout trials={len(done)} reverted={sum(trial.reverted for trial in done)} "
        f"worst_seconds_over_t={max(over):.2f} median={statistics.median(over):.2f} "
        f"plugs_pulled={len(done) - len(over)} others_identical={'yes' if identical else 'no'} "
        f"probes={made} dropped={dropped}"
    )


if __name__ == "__main__":
    main()
