# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at a host's interfaces, and change them by the program that outlives the connection."""

from __future__ import annotations

import json
import stat
import typing as t

from .._host import probes
from .._host.errors import HostError
from .._host.ledger import LedgerStore
from .._host.system import System
from . import ifupdown, netplan, networkd, steps
from .links import NETPLAN, Links
from .live import MODULES, RESOLVERS, Json, Live, lacking, leaving, read_links, read_routes, remaining
from .model import PROGRAM, File
from .revert import ENTER, OLD_INTERFACES, ORIGIN
from .session import session

_FOLDERS = (networkd.FOLDER, netplan.FOLDER, ifupdown.FOLDER)
_SINGLE = (networkd.SETTINGS, ifupdown.PATH, steps.FORWARDING, steps.CLOUD, RESOLVERS)
_UNITS = ("systemd-networkd.service", "systemd-resolved.service", "NetworkManager.service")
_SWITCH = "/proc/sys/net/ipv4/ip_forward"
_IPV6 = "/proc/sys/net/ipv6/conf"
_IPV6_SWITCHES = ("disable_ipv6", "accept_ra", "addr_gen_mode")
_TAKES_OVER = "homelab-network-enter"


def observe(system: System, links: Links) -> Live:
    """Return what a plan may ask about the interfaces of the host. Raises HostError."""
    units = probes.units(system, _UNITS)
    networkd_state, resolved, manager = (units[name] for name in _UNITS)
    seen = read_links(_ip(system, "-d", "address", "show"))
    return Live(
        links=seen,
        routes=read_routes([*_ip(system, "-4", "route", "show"), *_ip(system, "-6", "route", "show")]),
        files=_files(system),
        networkd_active=networkd_state.active == "active",
        networkd_enabled=networkd_state.enabled == "enabled",
        network_manager=manager.active == "active",
        resolved=resolved.active == "active" or _is_link(system, RESOLVERS),
        cloud=system.is_directory(steps.CLOUD_FOLDER),
        netplan=system.exists("/usr/sbin/netplan"),
        forwarding=system.read_text(_SWITCH).strip() == "1",
        ifupdown=frozenset(ifupdown.managed(system.read_text(ifupdown.STATE))),
        missing=_missing(system, {link.kind for link in links if link.is_made and link.name not in seen}),
        ipv6={name: _ipv6(system, name) for name in seen if system.is_directory(f"{_IPV6}/{name}")},
    )


def _ipv6(system: System, name: str) -> dict[str, str]:
    return {switch: system.read_text(f"{_IPV6}/{name}/{switch}").strip() for switch in _IPV6_SWITCHES}


def _ip(system: System, *words: str) -> list[Json]:
    fix = "Run the task as root (become: true); the package iproute2 has to be installed"
    output = system.demand("Cannot look at the interfaces", fix, "ip", "-j", *words)
    return t.cast("list[Json]", json.loads(output or "[]"))


def _missing(system: System, kinds: t.Iterable[str]) -> frozenset[str]:
    modules = [MODULES[kind] for kind in kinds]
    asked = {name: system.run("modprobe", "--dry-run", "--quiet", name).rc for name in modules}
    return frozenset(name for name, code in asked.items() if code == 1 and not system.exists(f"/sys/module/{name}"))


def _is_link(system: System, path: str) -> bool:
    found = system.lstat(path)
    return found is not None and stat.S_ISLNK(found.st_mode)


def _files(system: System) -> dict[str, File]:
    paths = [f"{folder}/{name}" for folder in _FOLDERS for name in system.children(folder)]
    found = {}
    for path in [*paths, *_SINGLE]:
        state = system.lstat(path)
        if state is not None and stat.S_ISREG(state.st_mode):
            found[path] = File(system.read_text(path), f"{stat.S_IMODE(state.st_mode):04o}")
    return found


def given_up(system: System, links: Links) -> set[str]:
    """Return the addresses that the host has now, on interfaces of ours, and is to have no longer."""
    live = observe(system, links)
    names = {link.name for link in links if not link.dhcp} | set(steps.stale(links, live))
    kept = {address for link in links for address in link.addresses}
    now = {address for name in names if name in live.links for address in live.links[name].addresses}
    return {address.partition("/")[0] for address in now} - {address.partition("/")[0] for address in kept}


def origin(system: System) -> Json:
    """Return how the host was before the first change: {"address", "steps"}, {} when there was none."""
    return dict(json.loads(system.read_text(ORIGIN) or "{}"))


class _Moving:
    """What changes of interfaces have in common: they are made by a program that outlives the connection."""

    name = "interfaces"

    def __init__(self, system: System) -> None:
        self._system = system
        self._store = LedgerStore(system)

    def _keep(self, live: Live, back: list[Json], forward: list[Json], links: Links | None = None) -> list[str]:
        """Write the steps back and forward down; returns the present addresses in words."""
        came_to = "".join(session(self._system).split()[2:3])
        record = {"address": came_to, "steps": back, "leaving": leaving(links, live, came_to) if links else []}
        self._write(OLD_INTERFACES, record)
        self._write(ENTER, {"steps": forward})
        return [f"{name} {address}" for name, link in live.links.items() for address in link.addresses]

    def _start(self) -> None:
        fix = "Look at `systemctl --failed` and the journal of the host"
        command = ("systemd-run", "--quiet", "--collect", f"--unit={_TAKES_OVER}", PROGRAM, "enter")
        self._system.demand("Cannot start the change of interfaces", fix, *command)

    def _is_being_made(self) -> list[str]:
        return ["the change is being made"] if self._system.exists(ENTER) else []

    def _write(self, path: str, record: Json) -> None:
        self._store.write_private(path, json.dumps(record).encode("utf-8"))


class Interfaces(_Moving):
    """The part of a transaction that is the host's interfaces."""

    def __init__(self, system: System, links: Links) -> None:
        """Take the host and what is wanted."""
        super().__init__(system)
        self._links = links

    def save(self) -> list[str]:
        """Keep the steps back to the present interfaces; returns these in words. Raises HostError."""
        live = observe(self._system, self._links)
        changed = steps.files(self._links, live)
        back, forward = steps.back(self._links, live, changed), steps.forward(self._links, live, changed)
        return self._keep(live, back, forward, self._links)

    def enter(self) -> list[str]:
        """Have the interfaces change as soon as this connection has its answer; returns what they will be."""
        self._start()
        return [f"{link.name} {address}" for link in self._links for address in link.addresses]

    def lacking(self) -> list[str]:
        """Return in words what is not as wanted yet, or still there that is to go: it could carry the connection."""
        old = json.loads(self._system.read_text(OLD_INTERFACES) or "{}").get("leaving", [])
        live = observe(self._system, self._links)
        return self._is_being_made() or [*lacking(self._links, live), *remaining(old, live)]

    def confirm(self) -> None:
        """Remember how the host was before the first change; every boot reads the files that are there."""
        if not self._system.exists(ORIGIN):
            record = json.loads(self._system.read_text(OLD_INTERFACES))
            self._write(ORIGIN, {"address": record["address"], "steps": record["steps"]})


class Origin(_Moving):
    """The part of a transaction that gives the interfaces back to whoever had them before."""

    def save(self) -> list[str]:
        """Keep the steps back to the present interfaces; returns these in words. Raises HostError."""
        live, taken = observe(self._system, Links("", ())), origin(self._system)["steps"]
        return self._keep(live, steps.again(taken, live), steps.home(taken, live))

    def enter(self) -> list[str]:
        """Have the interfaces change as soon as this connection has its answer."""
        self._start()
        return []

    def lacking(self) -> list[str]:
        """Return in words whether the change is still being made."""
        return self._is_being_made()

    def confirm(self) -> None:
        """Forget that the interfaces were ours."""
        self._system.remove(ORIGIN)


def refuse(links: Links, live: Live) -> None:
    """Refuse what this host cannot have. Raises HostError."""
    for link in links:
        if not link.is_made and link.name not in live.links:
            others = ", ".join(sorted(name for name, other in live.links.items() if not other.kind and name != "lo"))
            fix = f"Name one of {others}" if others else "Look at `ip link` on the host"
            raise HostError(f"Cannot configure {link.name}", "the host has no such interface", fix)
        module = MODULES.get(link.kind, "")
        if module in live.missing:
            cause = f"the host's kernel has no module {module}"
            raise HostError(f"Cannot make {link.name}", cause, "Boot a kernel of the distribution")
    if live.network_manager:
        cause = "NetworkManager is active, and would undo it"
        raise HostError("Cannot configure the interfaces", cause, "Disable it: systemctl disable --now NetworkManager")
    if links.backend == NETPLAN and not live.netplan:
        raise HostError("Cannot use the backend netplan", "the host does not have it", "Use networkd, the default")
