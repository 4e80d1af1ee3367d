# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that is said to nft. Only the table inet homelab is ever named, and each change of it is one step."""

from __future__ import annotations

import contextlib
import json
import os
import re
import typing as t

from .._host.errors import HostError
from .._host.ledger import LedgerStore, ensure_private
from .._host.system import System
from .listing import normalise
from .model import BOOT, EMPTIED, FAMILY, HEAD_LINES, TABLE, Json, Wanted
from .revert import CANDIDATE, OLD_TABLE

_LIST = ("nft", "-s", "-j", "list", "table", FAMILY, TABLE)
# Where nft found a mistake: file, line and columns, then what it is.
_MISTAKE = re.compile(r":(\d+):[\d-]+: Error: (.*)")


def is_installed(system: System) -> bool:
    """Return whether the host has nft."""
    return system.run("nft", "--version").rc == 0


def listing(system: System) -> list[Json] | None:
    """Return our table as the kernel has it, normalised; None when there is none. Raises HostError."""
    fix = "Run the task as root (become: true); look at `nft list tables` on the host"
    tables = json.loads(system.demand("Cannot list the nftables tables", fix, "nft", "-j", "list", "tables"))
    names = [(entry["table"]["family"], entry["table"]["name"]) for entry in tables["nftables"] if "table" in entry]
    if (FAMILY, TABLE) not in names:
        return None
    return normalise(json.loads(system.demand(f"Cannot list the table {FAMILY} {TABLE}", fix, *_LIST)))


def equals(system: System, wanted: Wanted, now: list[Json]) -> bool:
    """Return whether a table would be listed as *now* if it were made from *wanted*: tried in a network of its own."""
    with _in_memory(wanted.boot.text) as path:
        script = f'nft -f "$0" && {" ".join(_LIST)}'
        result = system.run("unshare", "--net", "sh", "-c", script, path)
    return result.rc == 0 and normalise(json.loads(result.stdout)) == now


def check(system: System, wanted: Wanted) -> None:
    """Have nft and the kernel check the ruleset, without writing anything. Raises HostError naming its line."""
    with _in_memory(wanted.boot.text) as path:
        result = system.run("nft", "-c", "-f", path)
    if result.rc != 0:
        raise HostError("Cannot use ruleset", explain(result.stderr, wanted), "Correct that line and run again")


def explain(said: str, wanted: Wanted) -> str:
    """Return in one sentence what nft complained about, with the line of the ruleset it means."""
    found = _MISTAKE.search(said)
    if not found:
        return "nft refuses it: " + (" ".join(said.split()) or "it said nothing")
    number, lines = int(found.group(1)) - HEAD_LINES, wanted.ruleset.splitlines()
    line = lines[number - 1].strip() if 0 < number <= len(lines) else "its end"
    return f"nft refuses line {number}, `{line}`: {found.group(2)}"


@contextlib.contextmanager
def _in_memory(text: str) -> t.Iterator[str]:
    """Yield a path under which a child process can read *text*, which then lies on no disk."""
    with os.fdopen(os.memfd_create("ruleset"), "wb") as stream:
        stream.write(text.encode("utf-8"))
        stream.flush()
        yield f"/proc/{os.getpid()}/fd/{stream.fileno()}"


class Ruleset:
    """The part of a transaction that is the host's own table."""

    name = "ruleset"

    def __init__(self, system: System, wanted: Wanted) -> None:
        """Take the host and what is wanted; a confirmation goes by what was put into force, not by that."""
        self._system = system
        self._store = LedgerStore(system)
        self._wanted = wanted

    def save(self) -> list[Json] | None:
        """Keep the table as it is, drift included; returns its listing. Raises HostError when that would not load."""
        now, text = listing(self._system), EMPTIED
        if now is not None:
            fix = "Look at `nft list tables` on the host"
            text += self._system.demand("Cannot save the table", fix, "nft", "list", "table", FAMILY, TABLE)
        self._store.write_private(OLD_TABLE, text.encode("utf-8"))
        fix = f"Remove the table by hand (`nft delete table {FAMILY} {TABLE}`) and run again"
        attempted = f"Cannot keep the table {FAMILY} {TABLE} for putting it back"
        self._system.demand(attempted, fix, "nft", "-c", "-f", self._system.real(OLD_TABLE))
        return now

    def enter(self) -> Json:
        """Put the wanted table into force; returns {"sha256", "listing"} of it as the kernel took it."""
        self._store.write_private(CANDIDATE, self._wanted.boot.text.encode("utf-8"))
        result = self._system.run("nft", "-f", self._system.real(CANDIDATE))
        if result.rc != 0:
            cause = explain(result.stderr, self._wanted)
            raise HostError("Cannot load the ruleset", cause, "Correct that line and run again")
        return {"sha256": self._wanted.sha256, "listing": listing(self._system)}

    def lacking(self) -> list[str]:
        """Return in words what is not as wanted yet: nothing, as the table is changed in one step."""
        return []

    def confirm(self) -> None:
        """Have every boot load what is in force."""
        write_boot(self._system, self._system.read(CANDIDATE))

    def remove(self) -> None:
        """Take the table out of the kernel."""
        fix = "Look at `nft list tables` on the host"
        self._system.demand("Cannot remove the table", fix, "nft", EMPTIED)


def write_boot(system: System, data: bytes) -> None:
    """Write the file that is loaded at boot."""
    ensure_private(system, os.path.dirname(BOOT))
    system.write(BOOT, [data], 0o644, system.uid("root") or 0, system.gid("root") or 0)
