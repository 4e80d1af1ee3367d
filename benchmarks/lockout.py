# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules and interfaces that lock everybody out, on the lab that LAB names: does each host put itself back, and when?

TRIALS over three machines at once. Of every ten two have their controller killed and one, on a worker, the plug of its
machine pulled, before anything could be confirmed. Seconds are the host's own, from the moment it noted the change.
Then PROBES connections are made to the API server while its host's rules are replaced by others that hold. Last line:
lockout trials=N reverted=N worst_seconds_over_t=S median= interfaces=N controllers_killed=N plugs_pulled=N ...
"""

from __future__ import annotations

import itertools
import json
import os
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

from tests.support.lab import CHECKOUT, INVENTORY, kill_controller, lab, lab_record, on_node

TRIALS = int(os.environ.get("TRIALS", "100"))
PROBES = int(os.environ.get("PROBES", "1000"))
WITHIN_S = 5
SETTLES_WITHIN_S = 120
MACHINES = ("w1", "w2", "gw")
PENDING = "/var/lib/atarnet-homelab/network/pending.json"
# Who asked for ssh of late comes and goes.
OURS = r"nft -s list table inet homelab | sed '/elements = {.*limit rate/d'"
OTHERS = "nft -s list ruleset | awk '/^table /{ours = /inet homelab /} !ours'"
HOOK = "type filter hook {} priority {}; policy {};"
# What is of pods comes and goes; of them only the other tables are looked at, at the end.
LOOK = f"{OURS}; ip -br address show dev %s | sed s/@if[0-9]*//; ip route show dev %s; ls /etc/systemd/network"
BAD_RULES = {
    "nothing comes in": f"chain input {{ {HOOK.format('input', 'filter', 'drop')} }}",
    "no new connection": f"chain input {{ {HOOK.format('input', 'filter', 'accept')} ct state new drop; }}",
    "ssh from elsewhere only": f"chain input {{ {HOOK.format('input', 'filter', 'drop')} ct state established accept; "
    "ip saddr 192.0.2.0/24 tcp dport 22 accept; }",
    "ssh on another port": f"chain input {{ {HOOK.format('input', 'filter', 'drop')} ct state established accept; "
    "tcp dport 2222 accept; }",
    "before any routing": f"chain early {{ {HOOK.format('prerouting', 'raw', 'accept')} tcp dport 22 drop; }}",
    "no answer goes out": f"chain output {{ {HOOK.format('output', 'filter', 'accept')} tcp sport 22 drop; }}",
    "ssh from one port only": f"chain input {{ {HOOK.format('input', 'filter', 'accept')} "
    "tcp dport 22 tcp sport != 22 ct state new drop; }",
}
HOLDS = f"chain input {{ {HOOK.format('input', 'filter', 'accept')} }}"
BAD_LINKS: dict[str, list[dict[str, t.Any]]] = {
    "an address of elsewhere": [{"addresses": ["192.0.2.7/24"]}],
    "no address": [{}],
    "nobody on the link": [{"addresses": ["{address}/32"]}],
    "an address by a server that is not there": [{"dhcp": True}],
    "in a bridge without an address": [{}, {"name": "br0", "kind": "bridge", "members": ["{name}"]}],
    "the address one prefix off": [{"addresses": ["{address}/30"]}],
}
WATCH = f"""
while [ ! -e {PENDING} ]; do sleep 0.02; done; date +%s.%N
while [ -e {PENDING} ]; do sleep 0.02; done; date +%s.%N
"""


class Trial(t.NamedTuple):
    """How a trial ended: whether all was as before, and the seconds it took (None: the plug was pulled)."""

    kind: str
    end: str
    reverted: bool
    seconds: float | None


def bad(number: int, machine: str) -> tuple[str, str, dict[str, t.Any]]:
    """Return the kind, the name and the arguments of a change that locks everybody out of a machine."""
    name = list(BAD_RULES | BAD_LINKS)[number % len(BAD_RULES | BAD_LINKS)]
    if name in BAD_RULES:
        return "rules", name, {"ruleset": BAD_RULES[name] + "\n"}
    port, address = port_of(machine), lab_record().nodes[machine].address
    text = json.dumps(BAD_LINKS[name]).replace("{address}", address).replace("{name}", port)
    links = [{"name": port, **link} for link in json.loads(text)]
    return "interfaces", name, {"ruleset": HOLDS + "\n", "interfaces": {"links": links}}


def port_of(machine: str) -> str:
    """Return the interface that a machine is reached by."""
    address = lab_record().nodes[machine].address
    listing = json.loads(on_node(machine, "ip -j address show"))
    return str(next(one["ifname"] for one in listing if address in str(one["addr_info"])))


def start(folder: Path, machine: str, arguments: dict[str, t.Any]) -> subprocess.Popen[str]:
    """Start ansible-playbook, which changes one machine, as the head of a process group."""
    path = folder / f"{machine}.yml"
    task = {"atarnet.homelab.host_network": {"confirm_within": WITHIN_S, **arguments}}
    path.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [task]}]), encoding="utf-8")
    environment = {**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default", "ANSIBLE_TIMEOUT": "2"}
    # What is measured is the hosts, which share this machine's processors with their controllers here.
    command = ["nice", "-n", "15", "ansible-playbook", "-i", str(INVENTORY), "--limit", machine, str(path)]
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
    kind, name, arguments = bad(number, machine)
    killed, pulled = number % 10 in (3, 7), number % 10 == 5 and machine != "gw"
    look = LOOK.replace("%s", port_of(machine))
    before = on_node(machine, look)
    process = start(folder, machine, arguments)
    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(on_node, machine, WATCH if not pulled else WATCH.splitlines()[1])
        if killed or pulled:
            on_node(machine, WATCH.splitlines()[1])
            time.sleep(0.5)
            kill_controller(process.pid)
        if pulled:
            lab("node", "stop", machine)
            lab("node", "start", machine)
        said = process.communicate()[0]
        if "changed=1" in said:
            sys.exit(f"{machine}: {name} was confirmed: {said}")
        times = [float(word) for word in watching.result(timeout=120).split()]
    reverted = on_node(machine, look) == before and answers(machine)
    if not killed and not pulled:
        # Where answers are cut as well, nobody is left who could ask the host.
        reverted = reverted and ("put everything back" in said or "UNREACHABLE" in said)
    seconds = times[1] - times[0] if len(times) == 2 else None
    end = "plug pulled" if pulled else "controller killed" if killed else "refused by the run"
    print(f"{number:3d} {machine}: {name}, {end}: {'as before' if reverted else 'NOT AS BEFORE: ' + said[-1500:]}"
          f"{f' after {seconds:.2f} s' if seconds is not None else ''}", flush=True)  # fmt: skip
    return Trial(kind, end, reverted, seconds)


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
                process = start(Path(name), "cp1", {"ruleset": f"{body}\ncounter reload_{number} {{ }}\n"})
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


def unchanged(others: dict[str, str]) -> bool:
    """Tell whether the tables of others are as before, once the cluster has seen that its nodes are back."""
    end = time.monotonic() + SETTLES_WITHIN_S
    while any(on_node(machine, OTHERS) != text for machine, text in others.items()):
        if time.monotonic() > end:
            return False
        time.sleep(1)
    return True


def main() -> None:
    """Try, and print."""
    mend = ["ansible-playbook", "-i", str(INVENTORY), "playbooks/network.yml"]
    subprocess.run(mend, cwd=CHECKOUT, check=True, stdout=subprocess.DEVNULL)
    others = {machine: on_node(machine, OTHERS) for machine in ("gw", "cp1")}
    done = trials()
    made, dropped = reloads()
    identical = unchanged(others)
    subprocess.run(mend, cwd=CHECKOUT, check=True, stdout=subprocess.DEVNULL)
    over = [trial.seconds - WITHIN_S for trial in done if trial.seconds is not None]
    print(
        f"lockout trials={len(done)} reverted={sum(trial.reverted for trial in done)} "
        f"worst_seconds_over_t={max(over):.2f} median={statistics.median(over):.2f} "
        f"interfaces={sum(trial.kind == 'interfaces' for trial in done)} "
        f"controllers_killed={sum(trial.end == 'controller killed' for trial in done)} "
        f"plugs_pulled={len(done) - len(over)} others_identical={'yes' if identical else 'no'} "
        f"probes={made} dropped={dropped}"
    )


if __name__ == "__main__":
    main()
