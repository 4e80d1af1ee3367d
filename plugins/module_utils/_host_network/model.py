# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the network of a host should be, what was seen of it, and what its records say. Pure."""

from __future__ import annotations

import json
import re
import typing as t
from dataclasses import asdict, dataclass, field

from .._host.errors import HostError
from .._host.model import UNIT_DIR, digest
from .._host.state import UnitState
from . import revert
from .links import Links, parse_links
from .revert import PENDING, STATE

if t.TYPE_CHECKING:
    from .live import Live

Json = dict[str, t.Any]

VERSION = 1
# What is said of a change that cannot be confirmed yet.
INCOMPLETE = "incomplete"
LATER = f"{INCOMPLETE}: a connection made from now on has to show it"
FAMILY, TABLE = "inet", "homelab"
BOOT = "/etc/atarnet-homelab/firewall.nft"
APPLIED = f"{STATE}/applied.json"
PROGRAM = "/usr/local/libexec/homelab-network-revert"
REVERT_UNIT = "homelab-network-revert.service"
BOOT_UNIT = "homelab-network-boot.service"
REVERT_TIMER = "homelab-network-revert.timer"
FIREWALL_UNIT = "homelab-firewall.service"
# Those that every boot starts.
UNITS = (BOOT_UNIT, FIREWALL_UNIT)

# Makes a table that may or may not be there a new one, in one step of the kernel.
EMPTIED = f"table {FAMILY} {TABLE}\ndelete table {FAMILY} {TABLE}\n"
_HEAD = f"# Managed by atarnet.homelab (host_network).\n{EMPTIED}table {FAMILY} {TABLE} {{\n"
_TAIL = "}\n"
HEAD_LINES = _HEAD.count("\n")

_CONFIRM_WITHIN = (5, 600)

# Started by the timer of a change, in a network that runs. It stands before nothing: what it starts it waits for.
_REVERT_SERVICE = f"""\
[Unit]
Description=Put back a change of the homelab's network that was not confirmed
DefaultDependencies=no
RequiresMountsFor={STATE} {PROGRAM}
ConditionPathExists={PENDING}
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart={PROGRAM}
Restart=on-failure
RestartSec=2
"""
# Before the network, like nftables.service, whose flush of all tables must not come later. A boot waits for it.
_BOOT_SERVICE = f"""\
[Unit]
Description=Put back a change of the homelab's network that a boot came before
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target {FIREWALL_UNIT}
After=nftables.service
RequiresMountsFor={STATE} {PROGRAM}
ConditionPathExists={PENDING}
OnFailure={REVERT_UNIT}

[Service]
Type=oneshot
ExecStart={PROGRAM} boot
TimeoutStartSec=60

[Install]
WantedBy=sysinit.target
"""
# Stopping it does nothing: a host is never opened by accident.
_FIREWALL_SERVICE = f"""\
[Unit]
Description=The homelab's firewall (table {FAMILY} {TABLE})
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target
After=nftables.service
RequiresMountsFor={BOOT}
ConditionPathExists={BOOT}

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft -f {BOOT}

[Install]
WantedBy=sysinit.target
"""


@dataclass(frozen=True)
class File:
    """A regular file: its text and its rights as octal text."""

    text: str
    mode: str

    def __str__(self) -> str:
        return f"{self.mode}, sha256 {digest(self.text)[:12]}"


def program() -> str:
    """Return the source of the program that reverts: a module brings it along, as it uses it too."""
    return str(t.cast(t.Any, revert).__spec__.loader.get_source(revert.__name__))


def machinery(program: str) -> dict[str, File]:
    """Return by path the files that make a host able to revert itself; *program* is the source of revert.py."""
    return {
        PROGRAM: File(f"#!/usr/bin/python3 -I\n{program}", "0755"),
        f"{UNIT_DIR}/{REVERT_UNIT}": File(_REVERT_SERVICE, "0644"),
        f"{UNIT_DIR}/{BOOT_UNIT}": File(_BOOT_SERVICE, "0644"),
        f"{UNIT_DIR}/{FIREWALL_UNIT}": File(_FIREWALL_SERVICE, "0644"),
    }


@dataclass(frozen=True)
class Wanted:
    """The wish for one host. *ruleset* is what stands inside the table; empty means that there is no table.

    *confirm_within* is in seconds; *machinery* as the function of that name returns it. Without *links* the host's
    interfaces are not ours.
    """

    ruleset: str
    confirm_within: int
    machinery: dict[str, File]
    links: Links | None = None

    @property
    def boot(self) -> File:
        """The file that puts the ruleset into force, now and at boot."""
        body = self.ruleset if not self.ruleset or self.ruleset.endswith("\n") else f"{self.ruleset}\n"
        return File(f"{_HEAD}{body}{_TAIL}", "0644")

    @property
    def sha256(self) -> str:
        """What names this ruleset in records."""
        return digest(self.boot.text)


def body_of(text: str) -> str:
    """Return the ruleset inside a boot file, the whole text when it is not one of ours."""
    if text.startswith(_HEAD) and text.endswith(_TAIL):
        return text[len(_HEAD) : -len(_TAIL)]
    return text


def parse(params: t.Mapping[str, t.Any], program: str) -> Wanted:
    """Return what the module's options ask for. Raises HostError naming the option and the fix."""
    seconds, (least, most) = params["confirm_within"], _CONFIRM_WITHIN
    if not least <= seconds <= most:
        cause = f"{seconds} s is not between {least} and {most}"
        raise HostError("Cannot use confirm_within", cause, "Choose a time in which a new SSH connection can be made")
    ruleset = str(params["ruleset"]) if params["state"] == "present" else ""
    ruleset = ruleset if ruleset.strip() else ""
    _stay_inside(ruleset)
    links = parse_links(params.get("interfaces")) if params["state"] == "present" else None
    if links and not ruleset:
        raise HostError("Cannot use interfaces", "ruleset is empty", "Give both: a host is changed as a whole")
    return Wanted(ruleset, seconds, machinery(program), links)


def _stay_inside(ruleset: str) -> None:
    """Refuse a text that closes the table's own brace, or reads other files: it could name what is not ours."""
    depth = 0
    for number, line in enumerate(ruleset.splitlines(), 1):
        # Of what nft reads, strings and comments can hold braces without meaning.
        bare = re.sub(r'"[^"]*"|#.*', "", line)
        if re.search(r"(^|[;{}])\s*include\b", bare):
            raise HostError(f"Cannot use ruleset, line {number}", f"`{line.strip()}` reads another file", _INSIDE)
        for brace in re.findall(r"[{}]", bare):
            depth += 1 if brace == "{" else -1
            if depth < 0:
                cause = f"`{line.strip()}` closes more braces than were opened"
                raise HostError(f"Cannot use ruleset, line {number}", cause, _INSIDE)
    if depth:
        raise HostError("Cannot use ruleset", f"{depth} opened brace(s) are not closed", _INSIDE)


_INSIDE = f"Write only what stands inside `table {FAMILY} {TABLE} {{ }}`: sets, counters, chains"


@dataclass(frozen=True)
class Pending:
    """A change that is in force and not confirmed.

    *session* is the SSH connection it came over ("client port server port", empty when over none); *before* and
    *after* say by part ("ruleset", "interfaces") what was in force and what is now.
    """

    token: str
    deadline: str
    session: str
    before: Json
    after: Json = field(default_factory=dict)

    def dump(self) -> bytes:
        """Return the record as JSON."""
        return _dump(asdict(self))


@dataclass(frozen=True)
class Applied:
    """What was confirmed last, by part; *token* names the change."""

    token: str
    parts: Json

    def dump(self) -> bytes:
        """Return the record as JSON."""
        return _dump(asdict(self))


def _dump(data: Json) -> bytes:
    return (json.dumps({"version": VERSION, **data}, indent=1) + "\n").encode("utf-8")


Record = t.TypeVar("Record", Pending, Applied)


def load(kind: type[Record], text: str) -> Record | None:
    """Return the record of this kind that *text* holds; None for none, a damaged one or one of another release."""
    try:
        data = json.loads(text)
        return kind(**data) if data.pop("version") == VERSION else None
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


@dataclass(frozen=True)
class Observed:
    """One host. *files* holds those of *machinery* and the boot file that are there.

    *listing* is the normalised table in the kernel, None when there is none; *twin* tells that a table which is not
    known to be ours equals the wanted one. *unreadable* is set for a pending change whose record cannot be read.
    *live* is only looked at where interfaces are wanted.
    """

    nft: bool = True
    listing: list[Json] | None = None
    files: dict[str, File] = field(default_factory=dict)
    units: dict[str, UnitState] = field(default_factory=dict)
    applied: Applied | None = None
    pending: Pending | None = None
    unreadable: bool = False
    state_folder: bool = False
    twin: bool = False
    live: Live | None = None

    @property
    def unconfirmed(self) -> bool:
        """Whether a change waits for a confirmation that will not come."""
        return self.pending is not None or self.unreadable

    @property
    def confirmed(self) -> Json:
        """What was last confirmed of the ruleset: {"sha256", "listing"}, empty when nothing was."""
        return dict(self.applied.parts.get("ruleset", {})) if self.applied else {}

    @property
    def reverted(self) -> list[Json] | None:
        """The table once a pending change is put back."""
        if self.pending is None:
            return self.listing
        before: list[Json] | None = self.pending.before.get("ruleset")
        return before

    @property
    def ours(self) -> bool:
        """Whether a table of our name was made by us."""
        return bool(self.applied) or BOOT in self.files or self.unreadable
