# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: planning of systemd units."""

from __future__ import annotations

from ..builder import Builder
from ..ledger import Entry
from ..model import Unit
from ..state import UnitState

_ENABLED = ("enabled", "static", "alias", "indirect", "generated", "linked")
_ENABLED_BY_US = ("enabled", "enabled-runtime")


def triggers(unit: Unit) -> list[str]:
    """The identities and patterns whose change restarts a unit: what it names, its unit file, its drop-ins."""
    return [*unit.restart_on, f"file:{unit.path}", f"file:{unit.path}.d/*", f"link:{unit.path}"]


def want(b: Builder, unit: Unit) -> None:
    """A unit enabled or not, running or not, and restarted when what it was started with changes."""
    state, entry = b.observed.units.get(unit.name, UnitState()), b.entry(unit.identity)
    was = {"active": state.running or state.looping, "enabled": state.enabled in _ENABLED}
    fresh = {"how": "adopted" if state.loaded else "created", "was": entry.get("was", was)}
    b.record(unit.identity, {**fresh, **entry, "restart_on": [*triggers(unit), *unit.reload_on]})
    b.plan.reload = b.plan.reload or state.stale
    if state.enabled in ("masked", "masked-runtime") and (unit.enabled or unit.state == "started"):
        b.refuse(unit.identity, "it is masked", f"Run `systemctl unmask {unit.name}` if that is not on purpose")
    if not state.running:
        _refuse_taken(b, unit)
    if unit.enabled is True and state.enabled not in _ENABLED:
        b.change(unit, "enable", state.enabled or "absent", "enabled")
    elif unit.enabled is False and state.enabled in _ENABLED_BY_US:
        b.change(unit, "disable", state.enabled, "disabled")
    if unit.state == "started":
        _want_started(b, unit, state)
    elif unit.state == "stopped" and state.stoppable:
        b.change(unit, "stop", state.active, "inactive")
    elif unit.state is None and state.active == "active":
        _keep_current(b, unit, state)


def _want_started(b: Builder, unit: Unit, state: UnitState) -> None:
    if state.running:
        _keep_current(b, unit, state)
        return
    if unit.name in b.owed or b.triggered([*triggers(unit), *unit.reload_on]):
        b.plan.restarts.add(unit.name)
    shown = "failing again and again" if state.looping else state.active
    b.change(unit, "start", shown if state.loaded else "absent", "active")


def _keep_current(b: Builder, unit: Unit, state: UnitState) -> None:
    """Restart a running unit if anything it was started with changes now, or did in a run that was killed.

    What it can take up while it runs is reloaded; a reload that is owed is made good by a restart.
    """
    owed, triggered, reloading = unit.name in b.owed, b.triggered(triggers(unit)), b.triggered(unit.reload_on)
    if owed or triggered or reloading:
        b.plan.restarts.add(unit.name)
    if triggered:
        b.change(unit, "restart", state.active, "active, restarted")
    elif owed:
        b.change(unit, "restart", f"{state.active}, owed since an interrupted run", "active, restarted")
    elif reloading:
        b.change(unit, "reload", state.active, "active, reloaded")
    elif state.stale:
        b.change(unit, "daemon-reload", f"{state.active}, definition changed on disk", "definition loaded")


def _refuse_taken(b: Builder, unit: Unit) -> None:
    """Refuse a unit whose place another program has: it could not start, and all else would be done by then."""
    for place in unit.listens:
        for other in b.observed.listeners:
            if other.takes(place):
                who = other.program or "another program"
                cause = f"{who} listens on {other.address}:{other.port} ({other.protocol}) already"
                b.refuse(unit.identity, cause, "Stop and disable it, or keep it away from that address")


def ran_before(entry: Entry) -> bool:
    """Whether a unit ran before this owner came."""
    return bool(entry.get("was", {}).get("active"))


def leave(b: Builder, identity: str, name: str) -> None:
    """A unit goes back to how it was: running or not, enabled or not."""
    state, entry = b.observed.units.get(name, UnitState()), b.entry(identity)
    was = entry["was"]
    enabled = state.enabled in _ENABLED_BY_US
    if state.stoppable and not was["active"]:
        b.leave(identity, "stop", state.active, "inactive")
    elif state.loaded and not state.running and was["active"]:
        b.leave(identity, "start", state.active, "active")
    elif state.running and was["active"] and b.triggered(entry.get("restart_on", [])):
        b.leave(identity, "restart", state.active, "active, restarted")
    if enabled and not was["enabled"]:
        b.leave(identity, "disable", state.enabled, "disabled")
    elif state.loaded and not enabled and state.enabled == "disabled" and was["enabled"]:
        b.leave(identity, "enable", state.enabled, "enabled")
    b.forget(identity)
