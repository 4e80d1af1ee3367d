# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way from the interfaces a host has to those it should have, and back: steps for revert.carry_out. Pure.

A step is {"write": path, "text": ..., "mode": ...}, {"remove": path} or {"run": [...]}; of the latter, "live" ones
are left out at boot, when nothing is configured yet, and those that "may_fail" do not end the way.
"""

from __future__ import annotations

import typing as t

from . import ifupdown, netplan, networkd
from .links import NETPLAN, Link, Links
from .live import RESOLVERS, Json, Live, is_other_device, lacks
from .model import File

FORWARDING = "/etc/sysctl.d/60-homelab-forwarding.conf"
CLOUD_FOLDER = "/etc/cloud/cloud.cfg.d"
CLOUD = f"{CLOUD_FOLDER}/99-homelab-network.cfg"
_HEAD = "# Managed by atarnet.homelab (host_network).\n"
_SWITCH = "net.ipv4.ip_forward"
NETWORKD_UNIT = "systemd-networkd.service"
_NETWORKD_UNITS = (NETWORKD_UNIT, "systemd-networkd.socket", "systemd-networkd-wait-online.service")
# A DHCP client that finds no server must not keep the way back from being gone.
_PATIENCE = ("timeout", "20")


def files(links: Links, live: Live) -> dict[str, File | None]:
    """Return all files that a host has to have, None for those it must not have."""
    found: dict[str, File | None] = {path: None for path in live.files if is_ours(path)}
    found.update(netplan.render(links) if links.backend == NETPLAN else networkd.render(links))
    names = {link.name for link in links}
    for path, file in live.files.items():
        if path == ifupdown.PATH or path.startswith(ifupdown.FOLDER):
            left = ifupdown.without(file.text, names)
            if left != file.text:
                found[path] = File(left, file.mode)
        elif links.backend == NETPLAN and _is_other_plan(path) and netplan.interfaces_in(file.text) & names:
            found[path] = None
    if links.forwarding:
        found[FORWARDING] = File(f"{_HEAD}{_SWITCH} = 1\n", "0644")
    if live.cloud:
        found[CLOUD] = File(f"{_HEAD}network: {{config: disabled}}\n", "0644")
    resolvers = _resolvers(links)
    if resolvers and not live.resolved:
        found[RESOLVERS] = File(resolvers, "0644")
    return {path: file for path, file in found.items() if live.files.get(path) != file}


def _is_other_plan(path: str) -> bool:
    return path.startswith(netplan.FOLDER) and path != netplan.PATH


def is_ours(path: str) -> bool:
    """Tell whether only this collection makes a file of this name."""
    return path.startswith(networkd.PREFIX) or path in (networkd.SETTINGS, netplan.PATH, FORWARDING, CLOUD)


def _resolvers(links: Links) -> str:
    servers = list(dict.fromkeys(server for link in links for server in link.resolvers))
    domains = list(dict.fromkeys(link.domain for link in links if link.domain))
    lines = [*([f"search {' '.join(domains)}"] if domains else []), *(f"nameserver {server}" for server in servers)]
    return _HEAD + "".join(f"{line}\n" for line in lines) if servers else ""


def stale(links: Links, live: Live) -> list[str]:
    """Return the interfaces that were made for an earlier wish and should be gone, children first."""
    gone = made(live) - {link.name for link in links}
    return sorted(gone, key=lambda name: (not live.links[name].link, name))


def made(live: Live) -> set[str]:
    """Return the interfaces that are there because our files make them; others of ours are only configured by them."""
    suffix = ".netdev"
    names = {
        path[len(networkd.PREFIX) : -len(suffix)] for path in live.files if path.endswith(suffix) and is_ours(path)
    }
    if netplan.PATH in live.files:
        names |= netplan.interfaces_in(live.files[netplan.PATH].text, netplan.MADE)
    return names & set(live.links)


def forward(links: Links, live: Live, changed: t.Mapping[str, File | None]) -> list[Json]:
    """Return the steps to what is wanted; *changed* as files() returns it."""
    names = [link.name for link in links]
    leaving = [name for name in reversed(names) if name in live.ifupdown]
    doomed = [*stale(links, live), *(link.name for link in reversed(links.links) if _is_doomed(link, live))]
    steps = [_run(*_PATIENCE, "ifdown", "--force", name, may_fail=True) for name in leaving]
    steps += [_put(path, file) for path, file in changed.items()]
    steps += [_run("ip", "link", "delete", name, may_fail=True) for name in doomed]
    if links.forwarding and not live.forwarding:
        steps.append(_run("sysctl", "-q", "-w", f"{_SWITCH}=1"))
    differing = [link.name for link in links if link.name in live.links and lacks(links, link, live)]
    again = [name for name in differing if name not in doomed]
    steps += _netplan() if links.backend == NETPLAN else _networkd(live, changed, again)
    return steps + _old_ways(links, live)


def _is_doomed(link: Link, live: Live) -> bool:
    return link.name in live.links and is_other_device(link, live.links[link.name])


def _networkd(live: Live, changed: t.Mapping[str, File | None], again: t.Sequence[str]) -> list[Json]:
    steps = [] if live.networkd_enabled else [_run("systemctl", "enable", NETWORKD_UNIT)]
    if live.networkd_active and networkd.SETTINGS not in changed:
        return steps + _reload(again, changed, may_fail=False)
    return [*steps, _run("systemctl", "restart", NETWORKD_UNIT)]


def _reload(names: t.Sequence[str], changed: t.Mapping[str, File | None], may_fail: bool) -> list[Json]:
    """A reload configures anew what has another file (networkctl(1)); the rest of *names* has to be named."""
    rest = [name for name in names if f"{networkd.PREFIX}{name}.network" not in changed]
    steps = [_run("networkctl", "reload", may_fail=may_fail)]
    return steps + ([_run("networkctl", "reconfigure", *rest, may_fail=True)] if rest else [])


def _netplan() -> list[Json]:
    return [_run("netplan", "apply")]


def _old_ways(links: Links, live: Live) -> list[Json]:
    """Routes that nobody takes away when they were made by hand or by ifupdown."""
    wanted = {(link.name, way) for link in links for way in link.gateways}
    old = [route for link in links for route in live.routes_on(link.name) if route.to == "default"]
    return [
        _run("ip", "route", "delete", "default", "via", route.via, "dev", route.device, may_fail=True)
        for route in old
        if (route.device, route.via) not in wanted
    ]


def back(links: Links, live: Live, changed: t.Mapping[str, File | None]) -> list[Json]:
    """Return the steps that bring back what was seen, whoever configured it."""
    touched = [*(link.name for link in links), *stale(links, live)]
    steps = [_put(path, live.files.get(path)) for path in changed]
    if links.backend == NETPLAN:
        steps.append(_run("netplan", "apply", may_fail=True))
    elif not live.networkd_enabled:
        # systemd reads all its files anew when it is next asked to: the way back has no time for it.
        steps.append(_run("systemctl", "disable", "--no-reload", NETWORKD_UNIT, may_fail=True, live=False))
        # A boot has them in its queue already, and would wait two minutes for a network that nobody configures.
        steps.append(_run("systemctl", "stop", "--no-block", *_NETWORKD_UNITS, may_fail=True, live=False))
    new = [link.name for link in reversed(links.links) if link.is_made]
    doomed = [name for name in new if name not in live.links or _was_remade(name, links, live)]
    steps += [_run("ip", "link", "delete", name, may_fail=True) for name in doomed]
    if links.forwarding and not live.forwarding:
        steps.append(_run("sysctl", "-q", "-w", f"{_SWITCH}=0", may_fail=True))
    kept = [name for name in touched if name in live.links]
    if live.networkd_active:
        steps += _reload([name for name in kept if name not in live.ifupdown], changed, may_fail=True)
    else:
        steps.append(_run("systemctl", "stop", *_NETWORKD_UNITS, may_fail=True))
        steps += [_run("ip", "address", "flush", "dev", name, "scope", "global", may_fail=True) for name in kept]
    steps += [step for name in kept for step in _restore(name, live)]
    texts = [file.text for path, file in live.files.items() if path.startswith(ifupdown.PATH)]
    returning = [name for name in touched if name in live.ifupdown]
    # One by a DHCP client comes last: it has its old address from above by then.
    returning.sort(key=lambda name: ifupdown.by_dhcp(texts, name))
    return steps + [_run(*_PATIENCE, "ifup", "--force", name, may_fail=True) for name in returning]


def configured(live: Live) -> list[str]:
    """Return the interfaces that our files configure, those that stand on others first."""
    names = [path[len(networkd.PREFIX) : -len(".network")] for path in live.files if path.endswith(".network")]
    named = [name for name in names if f"{networkd.PREFIX}{name}.network" in live.files]
    if netplan.PATH in live.files:
        named += netplan.interfaces_in(live.files[netplan.PATH].text)
    there = [name for name in named if name in live.links]
    return sorted(there, key=lambda name: (not live.links[name].link, not live.links[name].kind, name))


def home(origin: t.Sequence[Json], live: Live) -> list[Json]:
    """Return the steps to how the host was before the first change, of which *origin* has the steps back."""
    put = {step.get("write", step.get("remove")) for step in origin}
    steps = [_put(path, None) for path in live.files if is_ours(path) and path not in put]
    steps += [_run("ip", "link", "delete", name, may_fail=True) for name in configured(live) if name in made(live)]
    return [*steps, *origin]


def again(origin: t.Sequence[Json], live: Live) -> list[Json]:
    """Return the steps that bring back what was seen, which is ours."""
    put = [step.get("write", step.get("remove")) for step in home(origin, live)]
    steps = [_put(path, live.files.get(path)) for path in put if path]
    if netplan.PATH in live.files:
        steps.append(_run("netplan", "apply", may_fail=True))
    else:
        steps.append(_run("systemctl", "enable", NETWORKD_UNIT, may_fail=True, live=False))
        steps.append(_run("systemctl", "restart", NETWORKD_UNIT, may_fail=True))
    return steps + [step for name in reversed(configured(live)) for step in _restore(name, live)]


def _was_remade(name: str, links: Links, live: Live) -> bool:
    return any(link.name == name and is_other_device(link, live.links[name]) for link in links)


def _restore(name: str, live: Live) -> list[Json]:
    """Give an interface what it had, which its manager may take its time for."""
    now = live.links[name]
    master = ["master", now.master] if now.master else ["nomaster"]
    switches = [f"net/ipv6/conf/{name}/{switch}={value}" for switch, value in live.ipv6.get(name, {}).items()]
    steps = [
        *([_run("sysctl", "-q", "-w", *switches, may_fail=True)] if switches else []),
        _run("ip", "link", "set", name, *master, may_fail=True),
        _run("ip", "link", "set", name, "mtu", str(now.mtu), "up" if now.up else "down", may_fail=True),
    ]
    for address, seconds in now.addresses.items():
        life = [] if seconds is None else ["valid_lft", str(seconds), "preferred_lft", str(seconds)]
        steps.append(_run("ip", "address", "replace", address, "dev", name, *life, may_fail=True))
    for route in live.routes_on(name):
        metric = [] if route.metric is None else ["metric", str(route.metric)]
        way = (route.to, "via", route.via, "dev", name, "proto", route.protocol, *metric)
        steps.append(_run("ip", "route", "replace", *way, may_fail=True))
    return steps


def _put(path: str, file: File | None) -> Json:
    return {"write": path, "text": file.text, "mode": file.mode} if file else {"remove": path}


def _run(*command: str, may_fail: bool = False, live: bool = True) -> Json:
    return {"run": list(command), "may_fail": may_fail, "live": live}
