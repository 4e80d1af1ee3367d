# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run knows of a host that is just as wanted: a fact, until something of ours changes that host.

The fact is good for the run that saw it and for a minute: a fact cache may outlive the run, others may change the host.
"""

from __future__ import annotations

import time
import typing as t

from .._host.wishes import name_of

FACT = "homelab_in_sync"
GOOD_FOR_S = 60.0

Json = dict[str, t.Any]


def seen(run: str, owners: t.Mapping[str, str], now: float | None = None) -> Json:
    """Return the facts for *owners* (owner to the name of what it wants, or ""), as the run with this id sees them."""
    return {FACT: {"run": run, "at": _now(now), "owners": dict(owners)}}


def after(result: Json, check: bool) -> Json:
    """Return what a module of ours returned, with the facts that a change of the host leaves nothing known of it."""
    return {**result, "ansible_facts": {FACT: {}}} if result.get("changed") and not check else result


def holds(facts: t.Mapping[str, t.Any], run: str, owner: str, resources: list[Json], now: float | None = None) -> bool:
    """Tell whether the host with these facts is just as the owner wants it by *resources*, as they would be sent."""
    fact = facts.get(FACT) or {}
    age = _now(now) - fact.get("at", 0.0)
    if fact.get("run") != run or not 0 <= age <= GOOD_FOR_S:
        return False
    # Who has nothing on the host and wants nothing is in sync too.
    nothing = name_of([])
    return fact["owners"].get(owner, nothing) == name_of(resources)


def _now(now: float | None) -> float:
    return time.time() if now is None else now
