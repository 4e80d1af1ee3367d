# SPDX-License-Identifier: GPL-3.0-or-later
"""A host in a folder whose nft keeps tables in memory: one line of the ruleset is one rule of the listing."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.atarnet.homelab.plugins.module_utils._host.commands import RunResult
from ansible_collections.atarnet.homelab.plugins.module_utils._host.system import System
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network import apply, ifupdown, revert
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network.interfaces import Interfaces, Origin
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network.links import Json, parse_links
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network.model import (
    BOOT,
    BOOT_UNIT,
    EMPTIED,
    FIREWALL_UNIT,
    Wanted,
    parse,
)
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network.plan import Plan
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network.ruleset import Ruleset
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network.steps import NETWORKD_UNIT

from tests.unit.host.fake import Commands, Host, RootedSystem
from tests.unit.host_network.fake_links import Kernel

PROGRAM = Path(revert.__file__).read_text(encoding="utf-8")
OPENED = "table inet homelab {"
# When systemd began, by the monotonic clock.
STARTED_US = 7_000_000


@dataclass
class NetworkCommands(Commands):
    """Knows our table (None: there is none), a foreign one, and whether the timer is set."""

    table: list[str] | None = None
    timer: str = ""
    broken: set[str] = field(default_factory=set)
    entering: bool = False
    kernel: Kernel = field(init=False)

    def __post_init__(self) -> None:
        self.kernel = Kernel(self.root, "eth0", "eth1")

    def __call__(self, argv: Sequence[str]) -> RunResult:
        if argv[0] in self.broken:
            return RunResult(1, "", f"{argv[0]}: no")
        return super().__call__(argv)

    def _nft(self, words: list[str]) -> RunResult | str:
        if "nftables" not in self.packages:
            return RunResult(127, "", "nft: not found")
        if words == [EMPTIED]:
            self.table = None
        elif "-f" in words:
            return self._load(Path(words[-1]).read_text(), "-c" in words)
        elif words[-2:] == ["list", "tables"]:
            tables = [{"table": {"family": "ip", "name": "foreign"}}]
            tables += [{"table": {"family": "inet", "name": "homelab"}}] if self.table is not None else []
            return json.dumps({"nftables": [{"metainfo": {}}, *tables]})
        elif "table" in words:
            assert self.table is not None
            return self._listing() if "-j" in words else "\n".join([OPENED, *self.table, "}", ""])
        return ""

    def _listing(self) -> str:
        rules = [
            {"rule": {"chain": "input", "handle": len(self.log), "expr": [line.strip()]}} for line in self.table or []
        ]
        return json.dumps({"nftables": [{"metainfo": {}}, *rules]})

    def _load(self, text: str, check: bool) -> RunResult | str:
        assert text.replace("# Managed by atarnet.homelab (host_network).\n", "").startswith(EMPTIED)
        assert "flush" not in text
        lines = text.splitlines()
        for number, line in enumerate(lines, 1):
            if "acept" in line or ("refused by the kernel" in line and not check):
                return RunResult(1, "", f"/x/candidate.nft:{number}:3-9: Error: syntax error\n{line}\n  ^^^\n")
        if not check:
            self.table = lines[lines.index(OPENED) + 1 : -1] if OPENED in lines else None
        return ""

    def _unshare(self, words: list[str]) -> RunResult | str:
        kept = self.table
        result = self._load(Path(words[-1]).read_text(), False)
        listing, self.table = self._listing(), kept
        return result or listing

    def _systemd_run(self, words: list[str]) -> str:
        if words[-1] == "enter":
            self.entering = True
            return ""
        assert "--unit=homelab-network-revert" in words and not self.timer
        now, after = time.clock_gettime(time.CLOCK_MONOTONIC), words[words.index("--on-startup") + 1]
        self.timer = f"{(int(after.removesuffix('us')) + STARTED_US) / 1e6 - now:.0f}s"
        return ""

    def _systemctl(self, words: list[str]) -> RunResult | str:
        if words == ["stop", "homelab-network-revert.timer"]:
            self.timer = ""
        if words == ["show", "--value", "--property=UserspaceTimestampMonotonic"]:
            return f"{STARTED_US}\n"
        result = super()._systemctl(words)
        if words == ["restart", NETWORKD_UNIT]:
            self.kernel.networkd()
        return result

    def _networkctl(self, _words: list[str]) -> str:
        assert self.units[NETWORKD_UNIT]["ActiveState"] == "active"
        self.kernel.networkd()
        return ""

    def _ip(self, words: list[str]) -> RunResult | str:
        return self.kernel.ip(words)

    def _modprobe(self, words: list[str]) -> RunResult | str:
        return "" if "--dry-run" in words else super()._modprobe(words)

    def _timeout(self, words: list[str]) -> RunResult | str:
        state = self.root / "run/network/ifstate"
        brought_up = set(state.read_text().split())
        name = words[-1]
        if "ifdown" in words:
            self.kernel.ip(["address", "flush", "dev", name])
            brought_up -= {f"{name}={name}"}
        else:
            self.kernel.ifup(name)
            brought_up |= {f"{name}={name}"}
        state.write_text("".join(f"{entry}\n" for entry in sorted(brought_up)))
        return ""


class NetworkHost(Host):
    """A host to try host_network on."""

    commands: NetworkCommands

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        (root / "run/lock").mkdir(parents=True)
        self.commands = NetworkCommands(root, packages={"nftables": "1"})
        self.commands.units[NETWORKD_UNIT] = {"ActiveState": "inactive", "UnitFileState": "disabled"}
        self.system: System = RootedSystem(str(root), self.commands)

    def connect(self, session: str) -> None:
        """Be started over this SSH connection from now on, by sudo: the parent knows of it."""
        self.write("/proc/self/environ", "HOME=/root\0")
        self.write("/proc/self/status", "Name:\tpython3\nPPid:\t77\n")
        self.write("/proc/77/environ", f"A=b\0SSH_CONNECTION={session}\0")

    def plan(
        self, ruleset: str, check: bool = True, token: str = "t", seconds: int = 30, links: Json | None = None
    ) -> Plan:
        """One apply round; an empty *ruleset* is state absent."""
        return apply.reconcile(self.system, wish(ruleset, seconds, links), token, check)

    def confirm(self, token: str = "t", new: bool = True, links: Json | None = None) -> str:
        """The confirm round."""
        parts: list[apply.Part] = [Ruleset(self.system, wish("", 30))]
        wanted = parse_links(links)
        parts.append(Interfaces(self.system, wanted) if wanted else Origin(self.system))
        return apply.confirm(self.system, token, parts, new)

    def change(self, ruleset: str, token: str = "t", links: Json | None = None) -> list[str]:
        """Both rounds; returns the changes."""
        plan = self.plan(ruleset, check=False, token=token, links=links)
        again = apply.seen_session(self.system, wish(ruleset, 30, links))["again"]
        self.enter()
        if plan.needs_confirmation:
            assert self.confirm(token, new=False, links=links) == "confirmed"
        if again:
            self.plan(ruleset, check=False, token=token)
        return summary(plan)

    def enter(self) -> bool:
        """What the program does that was started for new interfaces."""
        entering, self.commands.entering = self.commands.entering, False
        return entering and revert.enter(str(self.root), self._demand)

    def fire(self) -> None:
        """What the timer does when it elapses."""
        revert.put_back(str(self.root), self._demand)
        self.commands.timer = ""

    def reboot(self) -> None:
        """Start anew: nothing is in the kernel, enabled units run in their order."""
        self.commands.table, self.commands.timer, self.commands.entering = None, "", False
        self.commands.kernel.boot()
        if self._enabled(BOOT_UNIT):
            revert.put_back(str(self.root), self._at_boot, boots=True)
        if self._enabled(FIREWALL_UNIT) and self.exists(BOOT):
            self._demand(["nft", "-f", str(self.root) + BOOT])
        if self._enabled(NETWORKD_UNIT):
            self.commands.kernel.networkd()
        self.commands.units[NETWORKD_UNIT]["ActiveState"] = "active" if self._enabled(NETWORKD_UNIT) else "inactive"
        if self.exists(ifupdown.PATH):
            self.write(ifupdown.STATE, "")
            for line in self.read(ifupdown.PATH).splitlines():
                for name in line.split()[1:] if line.startswith("auto") else []:
                    self._demand(["timeout", "20", "ifup", name])

    def _at_boot(self, command: list[str]) -> None:
        """The network waits for whoever runs this: to wait for the network would be for ever."""
        starts = command[0] == "systemctl" and command[1] in ("start", "restart", "reload")
        assert not starts and command[0] not in ("ip", "networkctl", "netplan", "timeout"), command
        self._demand(command)

    def _enabled(self, unit: str) -> bool:
        return self.commands.units.get(unit, {}).get("UnitFileState") == "enabled"

    def _demand(self, command: list[str]) -> None:
        if self.commands(command).rc != 0:
            raise subprocess.CalledProcessError(1, command)

    @property
    def rules(self) -> list[str] | None:
        """The lines of our table in the kernel."""
        return None if self.commands.table is None else [line.strip() for line in self.commands.table if line.strip()]


def wish(ruleset: str, seconds: int, links: Json | None = None) -> Wanted:
    """What the module's options ask for."""
    options = {"ruleset": ruleset, "confirm_within": seconds, "state": "present", "interfaces": links}
    return parse(options, PROGRAM)


def summary(plan: Plan) -> list[str]:
    """A plan's changes in a form that is easily compared."""
    return [f"{change.action} {change.identity}" for change in plan.changes]
