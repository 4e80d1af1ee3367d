# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: what each owner wants of this host since it was last made so, and whether it is still so.

One look at everything that is wanted spares every owner a visit of its own while nothing has changed.
"""

from __future__ import annotations

import json
import typing as t

from .errors import HostError
from .expand import expand
from .ledger import WISHES, Entry, Ledger, LedgerStore
from .model import Desired, as_text, name_of
from .observe import observe
from .parse import parse
from .plan import make_plan
from .state import Observed
from .system import System


def keep(system: System, owner: str, wish: t.Any) -> None:
    """Remember what the owner wants, plain data, now that the host is so, or that it is nothing. Raises HostError."""
    path, text = f"{WISHES}/{owner}.json", as_text(wish)
    if not wish:
        system.remove(path)
        system.remove_directory(WISHES)
    elif system.read_text(path) != text:
        LedgerStore(system).write_private(path, text.encode("utf-8"))


def read(system: System, owner: str) -> t.Any:
    """What the owner wants; None when that is not known."""
    try:
        return json.loads(system.read_text(f"{WISHES}/{owner}.json"))
    except ValueError:
        return None


def in_sync(system: System) -> dict[str, str]:
    """For every owner in the ledger the name of what it wants, or "" unless the host is just so; writes nothing.

    Raises HostError when the ledger cannot be read.
    """
    ledger = LedgerStore(system).load()
    wishes = {owner: found for owner in ledger.owners if (found := _read(system, owner))}
    desired = {owner: expand(wish[1]) for owner, wish in wishes.items()}
    entries: dict[str, Entry] = {}
    for owner in desired:
        entries.update(ledger.entries(owner))
    # Of what is leaving nothing is known here; its owner is not in sync anyway.
    wanted = [resource for wish in desired.values() for resource in wish.resources]
    known = {one.identity: entries[one.identity] for one in wanted if one.identity in entries}
    observed = observe(system, wanted, known)
    names = dict.fromkeys(ledger.owners, "")
    for owner, wish in desired.items():
        if _nothing_to_do(wish, observed, ledger):
            names[owner] = wishes[owner][0]
    return names


def _nothing_to_do(wish: Desired, observed: Observed, ledger: Ledger) -> bool:
    if set(ledger.entries(wish.owner)) - {resource.identity for resource in wish.resources}:
        return False
    try:
        plan = make_plan(wish, observed, ledger)
    except (HostError, KeyError):
        # KeyError: the content of a file that differs; contents are not kept here.
        return False
    return not any(vars(plan).values())


def _read(system: System, owner: str) -> tuple[str, Desired] | None:
    """What an owner wants and its name; None when that is not known, or not understood by this release."""
    wish = read(system, owner)
    try:
        return name_of(wish), Desired(owner, parse(wish))
    except (HostError, TypeError):
        return None
