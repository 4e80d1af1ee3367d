# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: what can be wanted of a host, one class per resource type.

Every resource has a ``name`` (a path, a package, a key ...) and so an ``identity`` such as ``file:/etc/hosts``,
by which plans, results and the ledger speak of it. File contents are not part of the model: a resource
names them by SHA-256.
"""

from __future__ import annotations

import hashlib
import json
import typing as t
from dataclasses import dataclass, field

STATE_DIR = "/var/lib/atarnet-homelab"
UNIT_DIR = "/etc/systemd/system"
COMMAND_LINE = "/boot/firmware/cmdline.txt"
BZIP2 = "bzip2"


@dataclass(frozen=True)
class Resource:
    """One thing wanted of a host."""

    name: str
    kind: t.ClassVar[str] = ""

    @property
    def identity(self) -> str:
        """``<kind>:<name>``, unique in a task and on a host."""
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True)
class Package(Resource):
    """A Debian package, in any version."""

    kind: t.ClassVar[str] = "package"


@dataclass(frozen=True)
class File(Resource):
    """A regular file; ``name`` is its path, ``sha256`` names its content, ``mode`` is octal text.

    ``check`` is a command that must accept a content, on its standard input, before it is put into place. Without
    ``diff`` its content is in none: nobody reads a program there.
    """

    sha256: str
    mode: str = "0644"
    owner: str = "root"
    group: str = "root"
    secret: bool = False
    check: tuple[str, ...] = ()
    diff: bool = True
    kind: t.ClassVar[str] = "file"


@dataclass(frozen=True)
class Directory(Resource):
    """A folder and the folders above it."""

    mode: str = "0755"
    owner: str = "root"
    group: str = "root"
    kind: t.ClassVar[str] = "directory"


@dataclass(frozen=True)
class Link(Resource):
    """A symbolic link."""

    target: str
    kind: t.ClassVar[str] = "link"


@dataclass(frozen=True)
class Source:
    """Where the bytes of an archive come from: URLs in the order to try, and their one SHA-256."""

    urls: tuple[str, ...]
    sha256: str


@dataclass(frozen=True)
class Archive(Resource):
    """Files taken out of a downloaded archive, or the download itself.

    ``members`` maps a member's name to the file name it gets in ``destination``;
    it is empty for a plain file, which is installed as ``file_name``, unpacked before when it is ``packed``.
    """

    sources: dict[str, Source]
    destination: str
    members: dict[str, str]
    file_name: str = ""
    mode: str = "0755"
    packed: str | None = None
    kind: t.ClassVar[str] = "archive"

    @property
    def paths(self) -> list[str]:
        """The paths this archive provides on the host."""
        names = self.members.values() if self.members else [self.file_name]
        return [f"{self.destination.rstrip('/')}/{name}" for name in names]


@dataclass(frozen=True)
class KernelModule(Resource):
    """A kernel module, loaded now and at boot."""

    kind: t.ClassVar[str] = "kernel_module"


@dataclass(frozen=True)
class Sysctl(Resource):
    """A kernel parameter, set now and at boot."""

    value: str
    kind: t.ClassVar[str] = "sysctl"


@dataclass(frozen=True)
class KernelParameter(Resource):
    """A word of the kernel's command line on a Raspberry Pi, whose firmware reads it from a file of one line."""

    kind: t.ClassVar[str] = "kernel_parameter"


@dataclass(frozen=True)
class Group(Resource):
    """A group; ``gid`` is compared only when given."""

    gid: int | None = None
    system: bool = True
    kind: t.ClassVar[str] = "group"


@dataclass(frozen=True)
class User(Resource):
    """An account; only what is given is compared."""

    uid: int | None = None
    group: str | None = None
    groups: tuple[str, ...] = ()
    home: str | None = None
    shell: str | None = None
    system: bool = True
    kind: t.ClassVar[str] = "user"


@dataclass(frozen=True)
class Mount(Resource):
    """A file system mounted now and, through /etc/fstab, at boot."""

    source: str
    fstype: str
    options: str = "defaults"
    kind: t.ClassVar[str] = "mount"

    @property
    def fstab_line(self) -> str:
        """The line of /etc/fstab for it."""
        return f"{self.source} {self.name} {self.fstype} {self.options} 0 0"


@dataclass(frozen=True)
class MountPoint(Resource):
    """A folder on which somebody else mounts a file system; it is only looked at, so that nothing is put below it."""

    kind: t.ClassVar[str] = "mountpoint"


@dataclass(frozen=True)
class Swap(Resource):
    """No swap: ``name`` is always ``off``."""

    kind: t.ClassVar[str] = "swap"


@dataclass(frozen=True)
class Unit(Resource):
    """A systemd unit; ``None`` leaves that side of it alone. ``sha256`` names the content of its unit file.

    ``listens`` are addresses with port (``192.0.2.1:53``) that no other program may have.
    """

    state: str | None = None
    enabled: bool | None = None
    restart_on: tuple[str, ...] = ()
    sha256: str | None = None
    reload_on: tuple[str, ...] = ()
    listens: tuple[str, ...] = ()
    kind: t.ClassVar[str] = "unit"

    @property
    def path(self) -> str:
        """Where its unit file lies when the task gives its content."""
        return f"{UNIT_DIR}/{self.name}"


@dataclass
class Desired:
    """The whole wish of one owner: resources in order and their contents by SHA-256."""

    owner: str
    resources: list[Resource] = field(default_factory=list)
    contents: dict[str, str] = field(default_factory=dict)


def digest(text: str) -> str:
    """The SHA-256 that names a content, as hexadecimal text."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def name_of(wish: t.Any) -> str:
    """The name of what is wanted, the same on the controller and on the host: a SHA-256 of it, as it is sent."""
    return digest(as_text(wish))


def as_text(wish: t.Any) -> str:
    """What is wanted, plain data, as a line of JSON."""
    return json.dumps(wish, sort_keys=True) + "\n"
