# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change the network of a host so that it changes back by itself unless somebody confirms.

A change is in force before it is confirmed, and survives a boot only afterwards. Whatever is killed in between: the
record of the pending change is written before, and removed after, anything it speaks of.
"""

from __future__ import annotations

import contextlib
import os
import time
import typing as t
from dataclasses import replace

from .._host.builder import Change
from .._host.errors import HostError
from .._host.fingerprint import keep_baseline
from .._host.ledger import LedgerStore, ensure_private
from .._host.lock import LOCK, host_lock
from .._host.model import UNIT_DIR, Desired, Package, Resource
from .._host.system import System
from . import interfaces, ruleset
from .model import APPLIED, BOOT, INCOMPLETE, LATER, REVERT_TIMER, Applied, Json, Pending, Wanted, load
from .observe import observe
from .plan import REVERT, TABLE_ID, Plan, make_plan
from .revert import FAILED, ORIGIN, PASSING, PENDING, ROLLBACK, SETTLED, STATE, put_back
from .session import session

# The name under which the ledger has what is installed for this.
OWNER = "network"
CONFIRMED, REVERTED, PENDING_STILL, SAME_CONNECTION = "confirmed", "reverted", "pending", "same connection"
_MOVES = "interfaces"
# In microseconds of the monotonic clock (org.freedesktop.systemd1(5)).
_START = "UserspaceTimestampMonotonic"
_SYSTEMD = "Look at `systemctl --failed` and the journal of the host"


class Part(t.Protocol):
    """One kind of thing that is changed, confirmed and put back together with the others."""

    name: str

    def save(self) -> t.Any:
        """Keep, below the rollback folder, what brings back the present state; return how it looks."""

    def enter(self) -> t.Any:
        """Put the wanted state into force; return how it looks."""

    def lacking(self) -> list[str]:
        """Return in words what is not in force yet."""

    def confirm(self) -> None:
        """Have every boot bring what is in force."""


def reconcile(system: System, wanted: Wanted, token: str, check: bool) -> Plan:
    """Make the host as wanted, unconfirmed; with *check* only say how. The caller holds the lock. Raises HostError.

    Where nft is missing its package comes before the table, and goes after it.
    """
    packages: list[Resource] = [Package("nftables")]
    before = _packages(system, packages, check) if wanted.ruleset and not ruleset.is_installed(system) else []
    plan = _reconcile(system, wanted, token, check)
    plan.changes[:0] = before
    if not wanted.ruleset:
        # Interfaces are given back first: until that is confirmed the time runs, and nothing else is done in it.
        plan.changes += _packages(system, [], check or bool(plan.moves))
    return plan


def _packages(system: System, packages: list[Resource], check: bool) -> list[Change]:
    # Only where it is needed: this is a sixth of the time in which the module starts.
    from .._host.reconcile import reconcile as reconcile_host

    desired = Desired(OWNER, packages)
    with contextlib.nullcontext() if check else host_lock(path=system.real(LOCK), command=f"host_network, {OWNER}"):
        return reconcile_host(system, desired, check, False, []).changes


def _reconcile(system: System, wanted: Wanted, token: str, check: bool) -> Plan:
    observed = observe(system, wanted)
    plan = make_plan(wanted, observed)
    if wanted.ruleset and observed.nft and plan.changes_table:
        ruleset.check(system, wanted)
    if wanted.links and observed.live and plan.moves:
        interfaces.refuse(wanted.links, observed.live)
    if check or not plan.changes:
        return plan
    if observed.unconfirmed and wanted.links:
        # Only then can be seen what the interfaces are.
        revert(system)
        later = make_plan(wanted, observe(system, wanted))
        later.changes[:0] = plan.changes[:1]
        plan = later
    keep_baseline(system, LedgerStore(system))
    _Work(system, wanted, token).carry_out(plan)
    return plan


class _Work:
    """The changes of one plan, each by its type and action."""

    def __init__(self, system: System, wanted: Wanted, token: str) -> None:
        self._system = system
        self._wanted = wanted
        self._token = token
        self._stale = False

    def carry_out(self, plan: Plan) -> None:
        """Make all changes; what could cut the host off comes last, so that the host can revert it by then."""
        for change in plan.changes:
            if change.identity in plan.moves or (self._gives_back(plan) and change.identity not in (REVERT, TABLE_ID)):
                continue
            if change.identity == REVERT:
                revert(self._system)
            elif change.identity == TABLE_ID and change.action == "remove":
                ruleset.Ruleset(self._system, self._wanted).remove()
            elif change.identity == f"directory:{STATE}":
                self._remove_state()
            elif change.kind == "unit":
                self._unit(change)
            elif change.kind == "file" and not (change.name == BOOT and plan.changes_table):
                self._file(change)
        if self._stale:
            self._systemctl("daemon-reload")
        if plan.needs_confirmation:
            begin(self._system, self._wanted, self._token, self._parts(plan))

    def _parts(self, plan: Plan) -> list[Part]:
        """What changes; the interfaces come last, as their change is only begun here."""
        parts: list[Part] = [ruleset.Ruleset(self._system, self._wanted)] if plan.changes_table else []
        if self._gives_back(plan):
            parts.append(interfaces.Origin(self._system))
        elif self._wanted.links and plan.moves:
            parts.append(interfaces.Interfaces(self._system, self._wanted.links))
        return parts

    def _gives_back(self, plan: Plan) -> bool:
        return bool(plan.moves) and not self._wanted.ruleset

    def _file(self, change: Change) -> None:
        path = change.name
        if change.action == "remove":
            self._system.remove(path)
            if not path.startswith(UNIT_DIR):
                # An emptied folder is one we made: neither of the two is part of a fresh system.
                self._system.remove_directory(os.path.dirname(path))
        elif path == BOOT:
            ruleset.write_boot(self._system, self._wanted.boot.text.encode("utf-8"))
        else:
            file, root = self._wanted.machinery[path], (self._system.uid("root") or 0, self._system.gid("root") or 0)
            ensure_private(self._system, os.path.dirname(path))
            self._system.write(path, [file.text.encode("utf-8")], int(file.mode, 8), *root)
        self._stale = self._stale or path.startswith(UNIT_DIR)

    def _unit(self, change: Change) -> None:
        """Enable or disable, which has systemd read what changed before; stale definitions are read at the end."""
        if change.action == "reload":
            self._stale = True
        else:
            self._systemctl(change.action, *(["--now"] if change.action == "disable" else []), change.name)

    def _systemctl(self, *words: str) -> None:
        self._system.demand(f"Cannot run systemctl {' '.join(words)}", _SYSTEMD, "systemctl", *words)

    def _remove_state(self) -> None:
        for path in (PENDING, *PASSING, FAILED, ORIGIN, APPLIED):
            self._system.remove(path)
        for folder in (ROLLBACK, STATE):
            if not self._system.remove_directory(folder):
                cause = f"it still holds {', '.join(self._system.children(folder))}"
                raise HostError(f"Cannot remove {folder}", cause, "Look whose files these are and remove them by hand")


def begin(system: System, wanted: Wanted, token: str, parts: t.Sequence[Part]) -> None:
    """Put *parts* into force for as long as the wish says; they are then to be confirmed with *token*.

    Raises HostError, with everything as it was before.
    """
    # A run that was killed before it said that a change is pending may have left these: they are not this change's.
    for path in (*PASSING, FAILED):
        system.remove(path)
    before = {part.name: part.save() for part in parts}
    deadline = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + wanted.confirm_within))
    pending = Pending(token, deadline, session(system), before)
    store = LedgerStore(system)
    store.write_private(PENDING, pending.dump())
    try:
        _arm(system, wanted.confirm_within)
        for part in parts:
            pending = replace(pending, after={**pending.after, part.name: part.enter()})
        store.write_private(PENDING, pending.dump())
    except HostError:
        revert(system)
        raise


def confirm(system: System, token: str, parts: t.Sequence[Part], new_connection: bool) -> str:
    """Keep the change that *token* names, and return "confirmed".

    Returns "incomplete: ..." with what is not in force yet, "reverted" when the host has changed back already, and with
    *new_connection* "same connection" when this process came over the one that made the change, which proves nothing.
    The caller holds the lock. Raises HostError.
    """
    state = ask(system, token)
    pending = load(Pending, system.read_text(PENDING))
    if state != PENDING_STILL or pending is None:
        return state
    if new_connection and pending.session and pending.session == session(system):
        return SAME_CONNECTION
    changed = [part for part in parts if part.name in pending.before]
    lacking = [words for part in changed for words in part.lacking()]
    if lacking:
        return f"{INCOMPLETE}: {'; '.join(lacking)}"
    if new_connection and not _is_later(system):
        return LATER
    for part in changed:
        part.confirm()
    applied = load(Applied, system.read_text(APPLIED))
    confirmed = {**(applied.parts if applied else {}), **pending.after}
    LedgerStore(system).write_private(APPLIED, Applied(token, confirmed).dump())
    system.remove(PENDING)
    _disarm(system)
    for path in PASSING:
        system.remove(path)
    return CONFIRMED


def _is_later(system: System) -> bool:
    """Tell whether this connection was made after another had seen all in place.

    That one may be older than the change, kept by an ssh that was left behind, or have come by the old way.
    """
    first, now = system.read_text(SETTLED), session(system)
    if not first and now:
        LedgerStore(system).write_private(SETTLED, now.encode("utf-8"))
        return False
    return first != now or not now


def ask(system: System, token: str) -> str:
    """Return what became of the change that *token* names: "pending", "confirmed" or "reverted"."""
    pending, applied = load(Pending, system.read_text(PENDING)), load(Applied, system.read_text(APPLIED))
    if pending and pending.token == token:
        return PENDING_STILL
    return CONFIRMED if applied and applied.token == token else REVERTED


def failure(system: System) -> str:
    """Return why the steps to the latest change of interfaces could not be taken, empty when they could."""
    return system.read_text(FAILED)


def revert(system: System) -> None:
    """End a pending change now. The caller holds the lock. Raises HostError; the change then stays pending."""
    fix = "Look at `nft list tables` on the host; a reboot brings the state that was confirmed last"
    put_back(system.real(""), lambda command: system.demand("Cannot put the network back", fix, *command))
    _disarm(system)


def _arm(system: System, seconds: int) -> None:
    """Have systemd start the revert in *seconds*, whatever becomes of us (systemd-run(1): a timer for a unit).

    The time is counted from the start of systemd: one from now on would begin anew with each daemon-reload.
    """
    _disarm(system)
    shown = system.demand(
        "Cannot ask systemd for its start", _SYSTEMD, "systemctl", "show", "--value", f"--property={_START}"
    )
    after = int(time.clock_gettime(time.CLOCK_MONOTONIC) * 1e6) - int(shown) + seconds * 1_000_000
    timer = ("--on-startup", f"{after}us", "--timer-property=AccuracySec=10ms", f"--unit={REVERT_TIMER[:-6]}")
    system.demand("Cannot set the timer that reverts the change", _SYSTEMD, "systemd-run", "--quiet", *timer)


def _disarm(system: System) -> None:
    system.run("systemctl", "stop", REVERT_TIMER)


def seen_session(system: System, wanted: Wanted) -> Json:
    """Return of the pending change {"session", "address", "again"}.

    That is how the controller came, where the host is reached afterwards ("" when that does not change), and whether
    there is more to do once the change is confirmed.
    """
    pending = load(Pending, system.read_text(PENDING))
    session_of = pending.session if pending else ""
    moves = pending is not None and _MOVES in pending.before
    links, came_to = wanted.links, "".join(session_of.split()[2:3])
    gives_back, address = moves and not wanted.ruleset, ""
    if gives_back:
        address = interfaces.origin(system)["address"]
    elif links and moves and came_to in interfaces.given_up(system, links):
        address = links.address
    return {"session": session_of, "address": address if address != came_to else "", "again": gives_back}
