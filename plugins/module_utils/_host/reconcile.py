# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: look, plan and, unless only the plan is asked for, apply."""

from __future__ import annotations

import os

from .apply.context import Context
from .apply.engine import apply_plan
from .builder import Change, Plan
from .errors import HostError
from .expand import expand
from .fingerprint import keep_baseline
from .ledger import BASELINE, DOWNLOADS, LEDGER, ORIGINALS, RUN, WISHES, LedgerStore
from .model import STATE_DIR, Desired
from .observe import observe
from .plan import make_plan
from .system import System


def reconcile(system: System, desired: Desired, check: bool, forget: bool, done: list[Change]) -> Plan:
    """Make the host as desired; with ``check`` only say how that would be done.

    ``forget`` removes the state folder of this collection when no owner is left. ``done`` receives the changes
    as they are completed. Raises HostError.
    """
    store = LedgerStore(system)
    ledger = store.load()
    full = expand(desired)
    observed = observe(system, full.resources, ledger.entries(desired.owner))
    plan = make_plan(full, observed, ledger)
    forgetting = forget and set(ledger.owners) <= {desired.owner} and system.exists(STATE_DIR)
    # The record of the run is no part of the host's state.
    if forgetting and system.children(STATE_DIR) != [os.path.basename(RUN)]:
        plan.changes.append(Change(f"state:{STATE_DIR}", "remove", "present", "absent"))
    if check:
        plan.warnings += [f"{problem} This may be done by an earlier task of a real run." for problem in plan.unmet]
        return plan
    if plan.unmet:
        raise _joined(plan.unmet)
    if any(change.kind != "state" for change in plan.changes):
        keep_baseline(system, store)
    context = Context(system, store, ledger, desired.owner, plan, full.contents, reload=plan.reload)
    apply_plan(context, observed.arch, done)
    plan.warnings += context.warnings
    if forgetting:
        _remove_state(system)
        done += [change for change in plan.changes if change.kind == "state"]
    return plan


def _joined(problems: list[HostError]) -> HostError:
    """All unmet needs in one error: who corrects one wants to know the others."""
    first = problems[0]
    if len(problems) > 1:
        first.args = ("\n".join(str(problem) for problem in problems),)
    return first


def _remove_state(system: System) -> None:
    """Remove the state folder with what this collection puts there, and nothing else."""
    for folder in (ORIGINALS, DOWNLOADS, WISHES):
        for name in system.children(folder):
            system.remove(f"{folder}/{name}")
        system.remove_directory(folder)
    for path in (LEDGER, BASELINE, RUN):
        system.remove(path)
    if not system.remove_directory(STATE_DIR):
        cause = f"it still holds {', '.join(system.children(STATE_DIR))}"
        raise HostError(f"Cannot remove {STATE_DIR}", cause, "Look whose files these are and remove them by hand")
