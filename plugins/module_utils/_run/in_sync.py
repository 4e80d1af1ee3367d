# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run saw of a host, and who found it just as wanted: a fact, until something of ours changes that host.

The fact is good for the run that saw it and for a minute: a fact cache may outlive the run, others may change the host.
"""

from __future__ import annotations

import time
import typing as t

from .._host.model import name_of

# Not homelab_...: those are the input, and where facts are injected as variables this would be taken for some of it.
FACT = "lab_in_sync"
GOOD_FOR_S = 60.0

Json = dict[str, t.Any]


def seen(run: str, owners: t.Mapping[str, str], kubeadm: Json | None = None, now: float | None = None) -> Json:
    """Return the facts for what the run with this id sees.

    That is for *owners* (owner to the name of what it wants, or "") and of *kubeadm* ({"address", "port", "node"}).
    """
    return {FACT: {"run": run, "at": _now(now), "owners": dict(owners), "kubeadm": kubeadm or {}}}


def after(result: Json, check: bool) -> Json:
    """Return what a module of ours returned, with the facts that a change of the host leaves nothing known of it."""
    return {**result, "ansible_facts": {FACT: {}}} if result.get("changed") and not check else result


def good(facts: t.Mapping[str, t.Any], run: str, now: float | None = None) -> Json:
    """Return what the run with this id may believe of the host with these facts, nothing when that is outdated."""
    fact = dict(facts.get(FACT) or {})
    age = _now(now) - fact.get("at", 0.0)
    return fact if fact.get("run") == run and 0 <= age <= GOOD_FOR_S else {}


def holds(facts: t.Mapping[str, t.Any], run: str, owner: str, wish: t.Any, now: float | None = None) -> bool:
    """Tell whether the host with these facts is just as the owner wants it by *wish*, as it would be sent."""
    fact = good(facts, run, now)
    # Who has nothing on the host and wants nothing is in sync too.
    return bool(fact) and fact["owners"].get(owner, name_of([])) == name_of(wish)


def _now(now: float | None) -> float:
    return time.time() if now is None else now
