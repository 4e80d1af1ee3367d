# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: what appliers share during one run."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..builder import Change, Plan
from ..errors import HostError
from ..ledger import Entry, Ledger, LedgerStore
from ..system import System

_UNIT_FOLDERS = ("/etc/systemd/system/", "/usr/lib/systemd/system/", "/usr/local/lib/systemd/system/", "/etc/fstab")


@dataclass
class Context:
    """One run: the host, its ledger, the plan, and what came up on the way."""

    system: System
    store: LedgerStore
    ledger: Ledger
    owner: str
    plan: Plan
    contents: dict[str, str]
    downloads: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    reload: bool = False

    def entry(self, identity: str) -> Entry:
        """The ledger's entry of a resource of this owner."""
        return self.ledger.entries(self.owner).get(identity, {})

    def save(self, identity: str, entry: Entry) -> None:
        """Change an entry now, on the disk."""
        self.ledger.record(self.owner, identity, entry)
        self.store.save(self.ledger)

    def of_kind(self, kind: str, wanted: bool) -> t.Iterator[Change]:
        """The plan's changes of one type, of wanted or of leaving resources."""
        for change in self.plan.changes:
            if change.kind == kind and (change.resource is not None) == wanted:
                yield change

    def account(self, identity: str, kind: str, name: str) -> int:
        """The number of a user or group that must exist by now."""
        number = self.system.uid(name) if kind == "user" else self.system.gid(name)
        if number is None:
            fix = f"List `{kind}: {name}` before it"
            raise HostError(f"Cannot apply {identity}", f"the {kind} {name} does not exist", fix)
        return number

    def touched(self, path: str) -> None:
        """Notice when systemd has to read its units again."""
        self.reload = self.reload or path.startswith(_UNIT_FOLDERS)

    def reload_units(self) -> None:
        """Have systemd read its units again if a file of one changed."""
        if self.reload:
            fix = "Look at `systemctl status` and the journal of the host"
            self.system.demand("Cannot reload the units of systemd", fix, "systemctl", "daemon-reload")
            self.reload = False
