# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: what was seen of a host, as plain values a plan can be made from."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class PathState:
    """What lies at a path; ``kind`` is absent, file, directory, link or other.

    ``sha256`` and ``text`` are those of a regular file; ``text`` is only read where a diff may need it and
    is None for what is binary or large. ``through`` tells that a link leads to a folder.
    """

    kind: str
    mode: str = ""
    owner: str = ""
    group: str = ""
    size: int = 0
    mtime_ns: int = 0
    inode: int = 0
    sha256: str = ""
    text: str | None = None
    target: str = ""
    through: bool = False


ABSENT = PathState("absent")


@dataclass(frozen=True)
class UnitState:
    """What systemd knows of a unit."""

    loaded: bool = False
    active: str = "inactive"
    enabled: str = ""
    stale: bool = False
    ran: bool = False
    looping: bool = False

    @property
    def running(self) -> bool:
        """Whether it is up, or is a one-shot unit that did its work; one that dies again and again is not."""
        return (self.active in ("active", "reloading", "activating", "refreshing") and not self.looping) or self.ran

    @property
    def stoppable(self) -> bool:
        """Whether there is something to stop."""
        return self.looping or (self.running and not self.ran)


@dataclass(frozen=True)
class Account:
    """A user or a group; a group has only a number."""

    number: int
    group: str = ""
    home: str = ""
    shell: str = ""
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Listener:
    """A socket that is listened on; ``program`` is empty when it is not known."""

    protocol: str
    address: str
    port: str
    program: str

    def takes(self, place: str) -> bool:
        """Whether nothing else can listen at ``address:port``."""
        address, _colon, port = place.rpartition(":")
        return self.port == port and self.address in (address, "0.0.0.0", "*", "[::]")


@dataclass
class Observed:
    """Everything a plan may ask about one host."""

    arch: str = ""
    packages: dict[str, str] = field(default_factory=dict)
    paths: dict[str, PathState] = field(default_factory=dict)
    children: dict[str, list[str]] = field(default_factory=dict)
    units: dict[str, UnitState] = field(default_factory=dict)
    modules: set[str] = field(default_factory=set)
    sysctls: dict[str, str | None] = field(default_factory=dict)
    command_line: str = ""
    users: dict[str, Account] = field(default_factory=dict)
    groups: dict[str, Account] = field(default_factory=dict)
    mounts: dict[str, str] = field(default_factory=dict)
    fstab: list[str] = field(default_factory=list)
    swaps: list[str] = field(default_factory=list)
    needed_by: dict[str, list[str]] = field(default_factory=dict)
    listeners: list[Listener] = field(default_factory=list)

    def path(self, path: str) -> PathState:
        """What lies at a path that was looked at."""
        return self.paths.get(path, ABSENT)
