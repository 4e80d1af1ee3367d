# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines as network namespaces on bridges, one a segment, through which real packets are sent. Needs root."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t

_TIMEOUT = 0.7
# Opens every connection at once: what is refused has arrived, what is silent was dropped.
_PROBE = f"""
import json, selectors, socket, sys, time
waiting, passed = selectors.DefaultSelector(), []
for index, (source, target, protocol, port) in enumerate(json.load(sys.stdin)):
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    probe = socket.socket(socket.AF_INET, kind)
    probe.setblocking(False)
    probe.bind((source, 0))
    try:
        probe.connect((target, port))
        if protocol == "udp":
            probe.send(b"?")
    except BlockingIOError:
        pass
    events = selectors.EVENT_WRITE if protocol == "tcp" else selectors.EVENT_READ
    waiting.register(probe, events, index)
end = time.monotonic() + {_TIMEOUT}
while (left := end - time.monotonic()) > 0 and waiting.get_map():
    for key, _events in waiting.select(left):
        waiting.unregister(key.fileobj)
        if key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) in (0, 111):
            passed.append(key.data)
json.dump(passed, sys.stdout)
"""

Probe = tuple[str, str, str, int]


class Wires:
    """Namespaces that begin with one prefix, so that all can be removed."""

    def __init__(self) -> None:
        self._prefix = f"hl{os.getpid()}-"
        self._names: list[str] = []
        self._cables = 0
        self.switch = self.machine("switch")

    def machine(self, name: str) -> str:
        """Make a machine and return its name."""
        _run("ip", "netns", "add", self._prefix + name)
        self._names.append(name)
        self.run(name, "ip", "link", "set", "lo", "up")
        return name

    def run(self, name: str, *command: str, text: str = "") -> str:
        """Run a command on a machine; returns what it prints."""
        return _run("ip", "netns", "exec", self._prefix + name, *command, text=text)

    def plug(self, name: str, interface: str, wire: str, *addresses: str) -> None:
        """Give a machine an interface on *wire* (made when it is new), with *addresses* (ADDRESS/LENGTH)."""
        bridge, self._cables = f"br-{wire}"[:15], self._cables + 1
        if bridge not in self.run(self.switch, "ls", "/sys/class/net").split():
            self.run(self.switch, "ip", "link", "add", bridge, "type", "bridge")
            self.run(self.switch, "ip", "link", "set", bridge, "up")
        here, there = f"cable{self._cables}", self._prefix + name
        self.run(self.switch, "ip", "link", "add", here, "type", "veth", "peer", "name", interface, "netns", there)
        self.run(self.switch, "ip", "link", "set", here, "master", bridge, "up")
        for address in addresses:
            self.run(name, "ip", "address", "add", address, "dev", interface)
        self.run(name, "ip", "link", "set", interface, "up")

    def send(self, name: str, probes: t.Sequence[Probe]) -> list[bool]:
        """Send the first packet of each connection (source, target, protocol, port); tell which came through."""
        passed = json.loads(self.run(name, sys.executable, "-c", _PROBE, text=json.dumps(probes)))
        return [index in passed for index in range(len(probes))]

    def remove(self) -> None:
        """Remove every machine."""
        for name in self._names:
            _run("ip", "netns", "delete", self._prefix + name)


def _run(*command: str, text: str = "") -> str:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout
