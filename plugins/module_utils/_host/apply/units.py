# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: systemd units are enabled, started, restarted, and waited for."""

from __future__ import annotations

import time

from ..builder import Change
from ..errors import HostError
from .context import Context

_WAIT = 60.0
_SETTLE = 0.2
_PROPERTIES = "ActiveState,SubState,Result,Type"


def apply(ctx: Context, change: Change) -> None:
    """Carry out one step on a unit; a start that was triggered by a change is a restart, in case it is up already.

    All steps, and nothing else for the step ``daemon-reload``, begin with systemd reading what changed.
    """
    ctx.reload_units()
    name = change.name
    if change.action == "daemon-reload":
        return
    verb = "restart" if change.action == "start" and name in ctx.plan.restarts else change.action
    result = ctx.system.run("systemctl", verb, "--", name)
    if change.action == "reload" and result.rc != 0:
        raise _failure(ctx, change, f"it goes on as before; systemctl ended with {result.rc}")
    if change.action in ("start", "restart", "reload"):
        said = f"; systemctl says: {result.stderr.strip().splitlines()[0]}" if result.stderr.strip() else ""
        _wait(ctx, change, said if result.rc != 0 else "")
        if name in ctx.plan.restarts:
            ctx.plan.restarts.discard(name)
            ctx.ledger.owe_restarts(ctx.owner, ctx.plan.restarts)
            ctx.store.save(ctx.ledger)
    elif result.rc != 0:
        said = " ".join((result.stderr or result.stdout).split()) or "it said nothing"
        raise _failure(ctx, change, f"systemctl ended with {result.rc}: {said}")


def _wait(ctx: Context, change: Change, said: str) -> None:
    """Wait until the unit is up for good; raises HostError with what systemctl said and the end of its journal."""
    end = time.monotonic() + _WAIT
    settled = False
    while True:
        state = _show(ctx, change.name)
        active, sub, result = state.get("ActiveState"), state.get("SubState"), state.get("Result")
        oneshot = state.get("Type") == "oneshot"
        if active == "active" or (oneshot and active == "inactive" and result == "success"):
            if settled or oneshot or not change.name.endswith(".service"):
                return
            settled = True
        elif active in ("failed", "inactive") or sub == "auto-restart":
            raise _failure(ctx, change, f"it is {active} ({sub}, result {result}){said}")
        elif time.monotonic() >= end:
            raise _failure(ctx, change, f"it is still {active} ({sub}) after {_WAIT:.0f} s")
        time.sleep(_SETTLE)


def _show(ctx: Context, name: str) -> dict[str, str]:
    fix = "Look at `systemctl status` of the host"
    listing = ctx.system.demand("Cannot ask systemd", fix, "systemctl", "show", f"--property={_PROPERTIES}", "--", name)
    return dict(line.split("=", 1) for line in listing.splitlines() if "=" in line)


def _failure(ctx: Context, change: Change, cause: str) -> HostError:
    journal = ctx.system.run("journalctl", "-u", change.name, "-n", "15", "--no-pager", "-o", "cat").stdout.strip()
    told = f"; its journal ends with:\n{journal}" if journal else "; its journal is empty"
    fix = f"Correct what it complains about; `systemctl status {change.name}` shows more"
    return HostError(f"Cannot {change.action} {change.identity}", cause + told, fix)
