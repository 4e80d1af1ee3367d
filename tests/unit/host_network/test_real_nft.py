# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's own nftables, in a network of its own: what is listed, put back, and never touched. Needs root."""

from __future__ import annotations

import os
import socket
import subprocess
import typing as t
from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._host.commands import RunResult
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network import apply
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network.model import PROGRAM
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network.plan import Plan
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network.revert import OLD_TABLE, PENDING
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network.ruleset import Ruleset

from tests.unit.host.fake import RootedSystem
from tests.unit.host_network.fake import summary, wish

# Everything that the listing of a table may hold: state, order, elements that packets add.
RULES = """\
counter denied { comment "promises" }
set peers { type ipv4_addr; elements = { 192.168.20.11, 192.168.20.12, 192.168.20.13 } }
set seen { type ipv4_addr; flags dynamic; size 1024; timeout 2m; }
set plain { type ipv4_addr; size 64; flags dynamic; }
set allowed {
  typeof ip saddr . ip daddr . meta l4proto . th dport
  flags interval
  counter
  elements = { 192.168.10.0/24 . 192.168.20.11 . tcp . 22 comment "management to ssh",
               192.168.30.0/24 . 192.168.20.11-192.168.20.13 . udp . 53-54 comment "services to dns" }
}
chain input {
  type filter hook input priority filter; policy drop;
  ct state vmap { established : accept, related : accept, invalid : drop }
  meta l4proto udp counter update @seen { ip saddr limit rate over 200/minute burst 200 packets }
  meta l4proto udp add @plain { ip saddr }
  fib saddr . iif oif missing counter name denied drop
  ip saddr @peers accept
  ip saddr . ip daddr . meta l4proto . th dport @allowed accept
  icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
  limit rate 5/minute log prefix "homelab drop: "
}
chain forward {
  type filter hook forward priority filter - 5; policy accept;
  ct status dnat accept
}
"""
OTHER = "chain input {\n  type filter hook input priority filter; policy drop;\n}\n"
SYSTEMCTL = """#!/bin/sh
case "$*" in *UserspaceTimestampMonotonic*) echo 7000000; exit;; esac
if [ "$1" = show ]; then
  for unit; do case "$unit" in *.service) printf 'LoadState=loaded\\nUnitFileState=enabled\\n\\n';; esac; done
fi
"""
DPKG_QUERY = "#!/bin/sh\nprintf 'installed\\tnftables\\t1\\n'\n"
FOREIGN = """\
table ip foreign {
  set s { type ipv4_addr; elements = { 10.0.0.1, 10.0.0.2 } }
  chain c { type nat hook postrouting priority srcnat; ip saddr @s counter masquerade; }
}
table inet homelab2 { chain input { type filter hook input priority 5; counter; }; }
"""


def _run(argv: t.Sequence[str]) -> RunResult:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return RunResult(done.returncode, done.stdout, done.stderr)


def nft(*words: str, text: str | None = None) -> str:
    """The output of nft, which has to succeed."""
    return subprocess.run(["nft", *words], input=text, check=True, capture_output=True, text=True).stdout


class RealHost:
    """A host whose files lie in a folder and whose kernel is the real one."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in ("var/lib", "etc/systemd/system", "run/lock", "usr/local"):
            (root / folder).mkdir(parents=True)
        self.system = RootedSystem(str(root), _run)

    def plan(self, ruleset: str, check: bool = False) -> Plan:
        """One apply round."""
        return apply.reconcile(self.system, wish(ruleset, 30), "t", check)

    def change(self, ruleset: str) -> Plan:
        """Both rounds."""
        plan = self.plan(ruleset)
        assert apply.confirm(self.system, "t", [Ruleset(self.system, wish("", 30))], False) == "confirmed"
        return plan

    def revert(self, *asked: str) -> subprocess.CompletedProcess[str]:
        """Run the program that was installed, as its units do: with nothing of ours at hand."""
        return subprocess.run(
            [f"{self.root}{PROGRAM}", *asked, self.root], capture_output=True, text=True, cwd="/", check=False
        )


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[RealHost]:
    """A host in a fresh network namespace, where foreign tables are; no systemd is asked."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, script in {"systemctl": SYSTEMCTL, "systemd-run": "#!/bin/sh\n", "dpkg-query": DPKG_QUERY}.items():
        (tools / name).write_text(script)
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}:/usr/sbin:/sbin")
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    os.unshare(os.CLONE_NEWNET)
    try:
        nft("-f", "-", text=FOREIGN)
        yield RealHost(tmp_path / "root")
    finally:
        os.setns(home, os.CLONE_NEWNET)
        os.close(home)


def _packets() -> None:
    """Have packets arrive, so that counters and dynamic sets are no longer empty."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stream:
        for _ in range(3):
            stream.sendto(b"x", ("127.0.0.1", 9))


def test_packets_are_no_drift(host: RealHost) -> None:
    host.change(RULES)
    before = nft("list", "table", "inet", "homelab")
    _packets()
    listed = nft("list", "table", "inet", "homelab")
    assert before != listed and listed.count("elements = { 127.0.0.1") == 2, "packets left their traces"
    assert host.plan(RULES).changes == []


def test_the_same_text_loaded_again_is_listed_the_same(host: RealHost) -> None:
    host.change(RULES)
    nft("-f", f"{host.root}/etc/atarnet-homelab/firewall.nft")
    assert host.plan(RULES).changes == []


CHANGES_BY_HAND = {
    "rule": (["add", "rule", "inet", "homelab", "input", "drop"], "rule added in input"),
    "element": (["add", "element", "inet", "homelab", "peers", "{ 10.9.9.9 }"], "set peers added, set peers missing"),
    "policy": (["add chain inet homelab forward { policy drop; }"], "chain forward added, chain forward missing"),
    "flush ruleset": (["flush", "ruleset"], "absent"),
    "delete table": (["delete", "table", "inet", "homelab"], "absent"),
}


@pytest.mark.parametrize(("command", "words"), CHANGES_BY_HAND.values(), ids=CHANGES_BY_HAND)
def test_what_people_do_is_drift(host: RealHost, command: list[str], words: str) -> None:
    host.change(RULES)
    nft(*command)
    (change,) = host.plan(RULES, check=True).changes
    assert change.identity == "table:inet homelab" and change.before.endswith(words)
    host.change(RULES)
    assert host.plan(RULES).changes == []


@pytest.mark.parametrize("asked", [(), ("boot",)], ids=["by the timer", "at boot"])
@pytest.mark.parametrize("first", ["", RULES], ids=["from nothing", "from a table in use"])
def test_the_installed_program_puts_back_what_was(host: RealHost, first: str, asked: tuple[str, ...]) -> None:
    if first:
        host.change(first)
        _packets()
        nft("add", "rule", "inet", "homelab", "input", "tcp", "dport", "2222", "accept")
    before = nft("-s", "list", "ruleset")
    host.plan(OTHER)
    assert nft("-s", "list", "ruleset") != before and (host.root / PENDING[1:]).exists()
    done = host.revert(*asked)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "The change was not confirmed: the network is as it was before.\n"
    # The same up to the order in which the kernel keeps tables and the elements of a set.
    assert sorted(nft("-s", "list", "ruleset").split("\n")) == sorted(before.split("\n"))
    assert not (host.root / PENDING[1:]).exists()
    assert host.revert().stdout == "No change is pending.\n"


def test_the_program_keeps_a_change_pending_that_it_could_not_put_back(host: RealHost) -> None:
    host.plan(OTHER)
    saved = (host.root / OLD_TABLE[1:]).read_text()
    (host.root / OLD_TABLE[1:]).write_text("nonsense\n")
    done = host.revert()
    assert done.returncode == 1 and "It is tried again" in done.stderr
    (host.root / OLD_TABLE[1:]).write_text(saved)
    assert host.revert().returncode == 0 and "homelab {" not in nft("list", "ruleset")


def test_other_tables_stay_as_they_are(host: RealHost) -> None:
    before = nft("list", "ruleset")
    host.change(RULES)
    host.change(OTHER)
    host.plan(RULES)
    assert host.revert().returncode == 0
    host.plan("")
    assert nft("list", "ruleset") == before


def test_a_mistake_is_named_by_its_line(host: RealHost) -> None:
    for check in (True, False):
        with pytest.raises(HostError, match=r"nft refuses line 3, `tcp dport 22 acept`: syntax error"):
            host.plan(OTHER.replace("}", "  tcp dport 22 acept\n}"), check=check)
        with pytest.raises(
            HostError, match=r"nft refuses line 3, `ip saddr @nosuch accept`: No such file or directory"
        ):
            host.plan(OTHER.replace("}", "  ip saddr @nosuch accept\n}"), check=check)


def test_a_table_of_somebody_else_is_taken_over_only_when_equal(host: RealHost) -> None:
    nft("-f", "-", text=f"table inet homelab {{\n{OTHER}}}\n")
    with pytest.raises(HostError, match="did not make"):
        host.plan(RULES)
    assert "replace table:inet homelab" in summary(host.change(OTHER))
