# SPDX-License-Identifier: GPL-3.0-or-later
"""The interfaces of a host in memory, with a networkd and an ifupdown that read the files of its folder."""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.atarnet.homelab.plugins.module_utils._host.commands import RunResult

Json = dict[str, t.Any]
Section = tuple[str, list[tuple[str, str]]]


@dataclass
class Device:
    """One interface of the kernel."""

    kind: str = ""
    link: str = ""
    vlan: int = 0
    mode: str = ""
    mtu: int = 1500
    master: str = ""
    addresses: list[str] = field(default_factory=list)


def sections(path: Path) -> list[Section]:
    """The sections of a file of systemd, with their settings in order."""
    found: list[Section] = []
    for line in path.read_text().splitlines():
        if line.startswith("["):
            found.append((line.strip("[]"), []))
        elif "=" in line and not line.startswith("#"):
            key, _equals, value = line.partition("=")
            found[-1][1].append((key, value))
    return found


def values(path: Path, section: str, key: str) -> list[str]:
    """All values of one setting."""
    return [value for name, settings in sections(path) if name == section for at, value in settings if at == key]


class Kernel:
    """Interfaces and default routes, each (gateway, interface)."""

    def __init__(self, root: Path, *physical: str) -> None:
        self.root = root
        self.physical = {name: Device() for name in physical}
        self.boot()

    def boot(self) -> None:
        """Begin without any configuration."""
        self.devices = {name: Device(one.kind) for name, one in self.physical.items()}
        self.routes: list[tuple[str, str]] = []

    def networkd(self) -> None:
        """Do what systemd-networkd does with its files."""
        files = sorted((self.root / "etc/systemd/network").glob("*"))
        for path in (path for path in files if path.suffix == ".netdev"):
            name = values(path, "NetDev", "Name")[0]
            vlan = int((values(path, "VLAN", "Id") or ["0"])[0])
            mode = "".join(values(path, "Bond", "Mode"))
            self.devices.setdefault(name, Device(values(path, "NetDev", "Kind")[0], "", vlan, mode))
        for path in (path for path in files if path.suffix == ".network"):
            name = values(path, "Match", "Name")[0]
            for vlan in values(path, "Network", "VLAN"):
                self.devices[vlan].link = name
            if name in self.devices:
                self._configure(name, path)

    def _configure(self, name: str, path: Path) -> None:
        device = self.devices[name]
        device.addresses = values(path, "Network", "Address")
        device.mtu = int(values(path, "Link", "MTUBytes")[0])
        device.master = "".join(values(path, "Network", "Bond") + values(path, "Network", "Bridge"))
        self.routes = [route for route in self.routes if route[1] != name]
        self.routes += [(way, name) for way in values(path, "Network", "Gateway")]

    def ifup(self, name: str) -> None:
        """Do what ifupdown does with a stanza of static addresses."""
        words: dict[str, str] = {}
        for line in (self.root / "etc/network/interfaces").read_text().splitlines():
            if line.startswith("iface"):
                words = {"name": line.split()[1]}
            elif words.get("name") == name and line.strip():
                key, value = line.split()
                words[key] = value
                if key == "address" and value not in self.devices[name].addresses:
                    self.devices[name].addresses.append(value)
                if key == "gateway" and (value, name) not in self.routes:
                    self.routes.append((value, name))

    def ip(self, words: list[str]) -> RunResult | str:
        """The command ip(8), as far as it is used."""
        words = [word for word in words if word not in ("-j", "-d", "-4")]
        if words[-1] == "show":
            return json.dumps([] if "-6" in words else self._show(words[0]))
        verb = (words[0], words[1])
        if verb == ("link", "delete"):
            known = self.devices.pop(words[2], None)
            self.routes = [route for route in self.routes if route[1] != words[2]]
            return "" if known else RunResult(1, "", "Cannot find device")
        if verb == ("address", "flush"):
            self.devices[words[3]].addresses = []
            self.routes = [route for route in self.routes if route[1] != words[3]]
        elif verb == ("address", "replace"):
            addresses = self.devices[words[4]].addresses
            addresses += [words[2]] if words[2] not in addresses else []
        elif verb == ("route", "replace") and (words[4], words[6]) not in self.routes:
            self.routes.append((words[4], words[6]))
        elif verb == ("route", "delete"):
            self.routes = [route for route in self.routes if route != (words[4], words[6])]
        elif verb == ("link", "set") and "mtu" in words:
            self.devices[words[2]].mtu = int(words[4])
        elif verb == ("link", "set"):
            self.devices[words[2]].master = words[4] if words[3] == "master" else ""
        return ""

    def _show(self, what: str) -> list[Json]:
        if what == "route":
            return [{"dst": "default", "gateway": way, "dev": name} for way, name in self.routes]
        return [
            {
                "ifname": name,
                "mtu": device.mtu,
                "flags": ["UP"],
                **({"link": device.link} if device.link else {}),
                **({"master": device.master} if device.master else {}),
                "linkinfo": {
                    "info_kind": device.kind,
                    "info_data": {"id": device.vlan, "mode": device.mode},
                },
                "addr_info": [
                    {"local": address.split("/")[0], "prefixlen": int(address.split("/")[1]), "scope": "global"}
                    for address in device.addresses
                ],
            }
            for name, device in self.devices.items()
        ]

    def look(self) -> tuple[dict[str, Device], list[tuple[str, str]]]:
        """Everything, for comparison."""
        return json.loads(json.dumps({name: vars(one) for name, one in self.devices.items()})), sorted(self.routes)
