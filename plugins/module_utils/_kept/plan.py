# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Secrets are put back, and which are kept: from what is wanted, live and kept. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from datetime import datetime

from .model import Json, Kept, Wanted, validity

PUT_BACK, KEEP = "put back", "keep"


@dataclass(frozen=True)
class Filed:
    """What a file has, and whether it is *guarded* as it should be: nobody else reads it, encrypted if possible."""

    kept: Kept
    origin: str
    guarded: bool = True


@dataclass(frozen=True)
class Found:
    """One wanted Secret, as it is in the cluster and in the folder."""

    wanted: Wanted
    live: Kept | None
    filed: Filed | None

    @property
    def pending(self) -> bool:
        """Tell whether there is nothing in the cluster that could be kept."""
        return self.live is None or not self.live.complete(self.wanted)


@dataclass(frozen=True)
class Change:
    """A Secret that is put back, or kept; *kept* is what, None when it is known after apply."""

    action: str
    wanted: Wanted
    kept: Kept | None = None

    def summary(self) -> Json:
        """Return the change without any value of it."""
        return {"object": str(self.wanted.ref), "action": self.action}


@dataclass(frozen=True)
class Plan:
    """The changes in order, and what there is to say of them."""

    changes: list[Change]
    notes: list[str]


def restore(found: t.Iterable[Found], namespaces: t.Container[str] | None, now: datetime) -> Plan:
    """Plan to put back what the cluster lacks; *namespaces* are those that it has, None when all will be there.

    What is expired, or of another issuer than is wanted now, would be asked for again at once, and is left where it is.
    """
    changes: list[Change] = []
    notes: list[str] = []
    for one in found:
        if one.live is not None or one.filed is None:
            continue
        reason = _useless(one.filed, one.wanted, now)
        if reason:
            notes.append(f"{one.wanted.ref}: what is kept {reason}, and is not put back")
            continue
        if namespaces is not None and one.wanted.namespace not in namespaces:
            notes.append(f"{one.wanted.ref}: there is no namespace {one.wanted.namespace} yet to put it back into")
            continue
        changes.append(Change(PUT_BACK, one.wanted, one.filed.kept))
        if one.wanted.issuer:
            notes.append(f"{one.wanted.ref}: valid until {_day(validity(one.filed.kept, one.filed.origin).ends)}")
    return Plan(changes, notes)


def _useless(filed: Filed, wanted: Wanted, now: datetime) -> str:
    if not filed.kept.complete(wanted):
        return f"is of issuer {filed.kept.issuer or 'nobody'}, not {wanted.issuer}"
    if wanted.issuer and validity(filed.kept, filed.origin).ends <= now:
        return f"expired on {_day(validity(filed.kept, filed.origin).ends)}"
    return ""


def keep(found: t.Iterable[Found], now: datetime, foresee: bool) -> Plan:
    """Plan to keep what is new in the cluster; with *foresee* also what others will have made by then."""
    changes: list[Change] = []
    notes: list[str] = []
    for one in found:
        live, filed = one.live, one.filed
        if live is None or one.pending:
            if foresee and (filed is None or _useless(filed, one.wanted, now)):
                changes.append(Change(KEEP, one.wanted))
            continue
        if filed and filed.kept == live and filed.guarded:
            continue
        if filed and filed.kept != live and _younger(filed, live, one.wanted):
            notes.append(f"{one.wanted.ref}: what is kept was issued later than what the cluster has, and stays")
            continue
        changes.append(Change(KEEP, one.wanted, live))
        if one.wanted.issuer:
            notes.append(f"{one.wanted.ref}: valid until {_day(validity(live, str(one.wanted.ref)).ends)}")
    return Plan(changes, notes)


def _younger(filed: Filed, live: Kept, wanted: Wanted) -> bool:
    """Tell whether what is kept is the later one of two of the same issuer: the cluster was restored from a backup."""
    if not wanted.issuer or not filed.kept.complete(wanted):
        return False
    one, other = validity(filed.kept, filed.origin), validity(live, str(wanted.ref))
    return one.begins > other.begins


def _day(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")
