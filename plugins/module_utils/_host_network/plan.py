# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wanted x observed -> ordered changes with their diff: pure, no side effects."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .._host.builder import KNOWN_LATER, Change, Texts
from .._host.errors import HostError
from .._host.state import UnitState
from . import netplan, steps
from .links import NETWORKD
from .listing import as_line
from .live import describe, describe_live, lacks
from .model import BOOT, FAMILY, PROGRAM, STATE, TABLE, UNITS, File, Json, Observed, Wanted, body_of

REVERT = "transaction:network"
TABLE_ID = f"table:{FAMILY} {TABLE}"
_SHOWN = 3


@dataclass
class Plan:
    """The changes in the order they are made; *notes* say what cannot be known before.

    *moves* has the identities of those that are made together, once the connection has its answer: the interfaces.
    """

    changes: list[Change] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    moves: set[str] = field(default_factory=set)

    @property
    def changes_table(self) -> bool:
        """Whether another table comes into force."""
        return any(change.identity == TABLE_ID and change.action != "remove" for change in self.changes)

    @property
    def needs_confirmation(self) -> bool:
        """Whether something changes that could cut the host off."""
        return self.changes_table or bool(self.moves)

    def add(self, identity: str, action: str, before: str, after: str, texts: Texts = None) -> None:
        """Plan one more change."""
        self.changes.append(Change(identity, action, before, after, texts=texts))

    def move(self, identity: str, action: str, before: str, after: str, texts: Texts = None) -> None:
        """Plan one more change of the interfaces."""
        self.add(identity, action, before, after, texts)
        self.moves.add(identity)


def make_plan(wanted: Wanted, observed: Observed) -> Plan:
    """Return what makes the host as wanted. Raises HostError for a table of our name that is not ours."""
    plan = Plan()
    if observed.unconfirmed:
        before = "an unconfirmed change of an earlier run"
        if observed.pending:
            before += f", which would revert itself at {observed.pending.deadline}"
        plan.add(REVERT, "revert", before, "as before that change")
    if wanted.ruleset:
        _want(plan, wanted, observed)
    else:
        _leave(plan, wanted, observed)
    return plan


def _want(plan: Plan, wanted: Wanted, observed: Observed) -> None:
    if observed.reverted is not None and not (observed.ours or observed.twin):
        raise HostError(
            f"Cannot make the table {FAMILY} {TABLE}",
            "the host has a table of this name that this collection did not make, with other rules",
            f"Rename that table where it is made, or remove it with `nft delete table {FAMILY} {TABLE}`",
        )
    for path, file in wanted.machinery.items():
        _want_file(plan, path, file, observed, shown=path != PROGRAM)
    for name in UNITS:
        state = observed.units.get(name, UnitState())
        if state.enabled != "enabled":
            plan.add(f"unit:{name}", "enable", state.enabled or "absent", "enabled")
        elif state.stale:
            plan.add(f"unit:{name}", "reload", "definition changed on disk", "definition loaded")
    _want_table(plan, wanted, observed)
    _want_file(plan, BOOT, wanted.boot, observed, shown=not plan.changes_table)
    _want_links(plan, wanted, observed)
    if plan.changes_table and not observed.nft:
        plan.notes.append(f"Whether nft accepts the ruleset is {KNOWN_LATER}: nft is not installed yet.")


def _want_file(plan: Plan, path: str, file: File, observed: Observed, shown: bool = True) -> None:
    """A file; its text is not *shown* when it tells nothing, or nothing that another change does not show."""
    now = observed.files.get(path)
    if now == file:
        return
    texts = (now.text if now else "", file.text) if shown else None
    plan.add(f"file:{path}", "update" if now else "create", str(now or "absent"), str(file), texts)


def _want_table(plan: Plan, wanted: Wanted, observed: Observed) -> None:
    now, confirmed = observed.reverted, observed.confirmed
    after = f"sha256 {wanted.sha256[:12]}"
    same_text = confirmed.get("sha256") == wanted.sha256
    if same_text and confirmed["listing"] == now:
        return
    if now is None:
        plan.add(TABLE_ID, "create", "absent", after, ("", wanted.ruleset))
        return
    was = f"sha256 {confirmed['sha256'][:12]}" if confirmed else "never confirmed"
    drift = differences(confirmed["listing"], now) if confirmed else []
    before = ", ".join([was, *drift])
    if same_text:
        plan.add(TABLE_ID, "replace", before, after, (_lines(now), _lines(confirmed["listing"])))
    else:
        boot = observed.files.get(BOOT)
        plan.add(TABLE_ID, "replace", before, after, (body_of(boot.text) if boot else _lines(now), wanted.ruleset))


def differences(confirmed: t.Sequence[Json], now: t.Sequence[Json]) -> list[str]:
    """Return in words how a table differs from what was confirmed, such as "rule added in input"."""
    gone, come = [as_line(entry) for entry in confirmed], []
    for entry in now:
        line = as_line(entry)
        if line in gone:
            gone.remove(line)
        else:
            come.append(entry)
    missing = [entry for entry in confirmed if as_line(entry) in gone]
    words = [f"{_name(entry, 'added')}" for entry in come] + [f"{_name(entry, 'missing')}" for entry in missing]
    if not words and list(confirmed) != list(now):
        words = ["order changed"]
    return words if len(words) <= _SHOWN else [*words[:_SHOWN], f"{len(words) - _SHOWN} more"]


def _name(entry: Json, what: str) -> str:
    ((kind, content),) = entry.items()
    return f"rule {what} in {content['chain']}" if kind == "rule" else f"{kind} {content.get('name', '')} {what}"


def _want_links(plan: Plan, wanted: Wanted, observed: Observed) -> None:
    links, live = wanted.links, observed.live
    if links is None or live is None:
        return
    if observed.pending and "interfaces" in observed.pending.before:
        plan.notes.append(f"What the interfaces are without the unconfirmed change is {KNOWN_LATER}.")
    for path, file in steps.files(links, live).items():
        now = live.files.get(path)
        action = "remove" if file is None else "update" if now else "create"
        # Other files of netplan may hold the password of a wireless network.
        shown = steps.is_ours(path) or not path.startswith(netplan.FOLDER)
        texts = (now.text if now else "", file.text if file else "") if shown else None
        plan.move(f"file:{path}", action, str(now or "absent"), str(file or "absent"), texts)
    if links.backend == NETWORKD and not (live.networkd_enabled and live.networkd_active):
        action, state = ("start", "stopped") if live.networkd_enabled else ("enable", "disabled")
        plan.move(f"unit:{steps.NETWORKD_UNIT}", action, state, "enabled, started")
    for link in links:
        if lacks(links, link, live):
            action = "configure" if link.name in live.links else "create"
            plan.move(f"interface:{link.name}", action, describe_live(link.name, live), describe(link))
    for name in steps.stale(links, live):
        plan.move(f"interface:{name}", "remove", describe_live(name, live), "absent")


def _lines(listing: t.Sequence[Json]) -> str:
    return "".join(f"{as_line(entry)}\n" for entry in listing)


def _leave(plan: Plan, wanted: Wanted, observed: Observed) -> None:
    """Without a ruleset nothing of ours stays. The table goes first: the rest is what shows that it is ours.

    Interfaces are given back before the rest, as only with it the host can change back.
    """
    boot = observed.files.get(BOOT)
    if observed.reverted is not None and observed.ours:
        before = f"sha256 {observed.confirmed['sha256'][:12]}" if observed.confirmed else "never confirmed"
        plan.add(TABLE_ID, "remove", before, "absent", (body_of(boot.text) if boot else _lines(observed.reverted), ""))
    if observed.live:
        for path in sorted(path for path in observed.live.files if steps.is_ours(path)):
            plan.move(f"file:{path}", "remove", str(observed.live.files[path]), "absent or as it was")
        for name in steps.configured(observed.live):
            after = "absent" if name in steps.made(observed.live) else "as it was before it was ours"
            plan.move(f"interface:{name}", "give back", describe_live(name, observed.live), after)
    if boot:
        plan.add(f"file:{BOOT}", "remove", str(boot), "absent")
    for name in UNITS:
        state = observed.units.get(name, UnitState())
        if state.enabled == "enabled":
            plan.add(f"unit:{name}", "disable", state.enabled, "absent")
    for path in wanted.machinery:
        if path in observed.files:
            plan.add(f"file:{path}", "remove", str(observed.files[path]), "absent")
    if observed.state_folder:
        plan.add(f"directory:{STATE}", "remove", "present", "absent")
