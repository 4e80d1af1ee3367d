# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network that was asked for last, and whether the host still has it; see _host/wishes.py."""

from __future__ import annotations

import typing as t

from .._host import wishes
from .._host.errors import HostError
from .._host.model import name_of
from .._host.system import System

NAME = "host_network"

Json = dict[str, t.Any]


def of(params: t.Mapping[str, t.Any]) -> Json:
    """The part of the module's options that the host is to be like."""
    return {key: params[key] for key in ("ruleset", "interfaces", "confirm_within")}


def in_sync(system: System) -> str:
    """The name of what is wanted, or "" unless the host is just so, and nothing needs to be said; writes nothing."""
    wish = wishes.read(system, NAME)
    if wish is None:
        return ""
    # Only where it is needed: hosts without a network of ours do not load it.
    from .apply import reconcile
    from .model import parse, program

    try:
        plan = reconcile(system, parse({**wish, "state": "present"}, program()), "", True)
    except (HostError, KeyError, TypeError, AttributeError):
        return ""
    return "" if plan.changes or plan.notes else name_of(wish)
