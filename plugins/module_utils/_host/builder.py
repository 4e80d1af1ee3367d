# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: what is going to change, as values that check mode, diff and the real run share."""

from __future__ import annotations

import fnmatch
import typing as t
from dataclasses import dataclass, field

from .errors import HostError
from .ledger import Entry
from .model import Resource
from .state import ABSENT, Observed, PathState

Texts = t.Optional[tuple[str, str]]

KNOWN_LATER = "known after apply"


@dataclass(frozen=True)
class Change:
    """One step. ``resource`` is what is wanted, None when it leaves; ``entry`` is then what the ledger knows.

    ``texts`` are the two sides of its diff; without them ``before`` and ``after`` are shown.
    """

    identity: str
    action: str
    before: str
    after: str
    resource: Resource | None = None
    entry: Entry = field(default_factory=dict)
    texts: Texts = None

    @property
    def kind(self) -> str:
        """The resource type."""
        return self.identity.split(":", 1)[0]

    @property
    def name(self) -> str:
        """The name within its type."""
        return self.identity.split(":", 1)[1]

    def public(self) -> dict[str, str]:
        """As the result's ``changes`` list shows it."""
        return {"resource": self.identity, "action": self.action, "before": self.before, "after": self.after}

    def diff(self) -> dict[str, str]:
        """As Ansible's diff shows it."""
        before, after = self.texts or (f"{self.before}\n", f"{self.after}\n")
        return {
            "before_header": f"{self.identity} ({self.before})",
            "after_header": f"{self.identity} ({self.action}: {self.after})",
            "before": before,
            "after": after,
        }


@dataclass
class Plan:
    """Changes in order, and what the ledger has to say before and after them."""

    changes: list[Change] = field(default_factory=list)
    records: dict[str, Entry] = field(default_factory=dict)
    originals: list[tuple[str, str]] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    restarts: set[str] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)
    unmet: list[HostError] = field(default_factory=list)
    reload: bool = False


class Builder:
    """Collects a plan while the rules look at one resource after the other."""

    def __init__(self, observed: Observed, entries: dict[str, Entry], contents: dict[str, str]) -> None:
        self.observed = observed
        self.contents = contents
        self.plan = Plan()
        self.owed: set[str] = set()
        self.shared: set[str] = set()
        self.modules_coming = False
        self.mounted: set[str] = set()
        self.command_line = observed.command_line
        self.packages_coming = False
        self._entries = entries
        self._paths: dict[str, PathState] = {}
        self._changed: list[str] = []

    def change(self, resource: Resource, action: str, before: str, after: str, texts: Texts = None) -> None:
        """Plan a change towards a wanted resource."""
        self._add(Change(resource.identity, action, before, after, resource, self.entry(resource.identity), texts))

    def leave(self, identity: str, action: str, before: str, after: str, texts: Texts = None) -> None:
        """Plan a change for a resource that is no longer wanted."""
        self._add(Change(identity, action, before, after, None, self.entry(identity), texts))

    def _add(self, change: Change) -> None:
        self.plan.changes.append(change)
        self._changed.append(change.identity)

    def entry(self, identity: str) -> Entry:
        """What the ledger, or this plan, says of a resource; empty when nothing."""
        return self.plan.records.get(identity) or self._entries.get(identity) or {}

    def known(self, identity: str) -> bool:
        """Whether the ledger had this resource before this plan."""
        return identity in self._entries

    def record(self, identity: str, entry: Entry) -> None:
        """Have the ledger say this before the changes begin."""
        if self._entries.get(identity) != entry:
            self.plan.records[identity] = entry

    def forget(self, identity: str) -> None:
        """Have the ledger drop this after the changes."""
        self.plan.forgotten.append(identity)

    def path(self, path: str) -> PathState:
        """What will lie at a path when the plan so far is done."""
        return self._paths.get(path, self.observed.path(path))

    def will_be(self, path: str, state: PathState = ABSENT) -> None:
        """Remember what the plan makes of a path."""
        self._paths[path] = state

    def removed(self, path: str) -> bool:
        """Whether the plan so far removes what lies at a path."""
        return path in self._paths and self._paths[path].kind == "absent"

    def triggered(self, patterns: t.Iterable[str]) -> bool:
        """Whether anything these name, by identity or pattern, changes in the plan so far."""
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns for name in self._changed)

    def refuse(self, identity: str, cause: str, fix: str) -> t.NoReturn:
        """Stop: this can never be applied as things are."""
        raise HostError(f"Cannot apply {identity}", cause, fix)

    def unmet(self, identity: str, cause: str, fix: str) -> None:
        """Note what stops a real run, but in check mode may come from a task that only a real run carries out."""
        self.plan.unmet.append(HostError(f"Cannot apply {identity}", cause, fix))

    def need_folder(self, identity: str, folder: str) -> None:
        """Ask for the folder something is put into."""
        state = self.path(folder or "/")
        if folder in ("", "/") or state.kind == "directory" or state.through:
            return
        if state.kind != "absent":
            self.refuse(identity, f"{folder} is a {state.kind}, not a directory", "Move it away or choose another path")
        if not self.packages_coming:
            self.unmet(identity, f"its directory {folder} does not exist", f"List `directory: {folder}` before it")
