# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files the rules of a router are, by the kind of router; what cannot be rendered is refused. Pure."""

from __future__ import annotations

import os
import typing as t

from .._lab.problems import UNSET, Problem, did_you_mean
from . import opnsense, routeros
from .evaluate import Json

ROUTEROS, OPNSENSE = "routeros", "opnsense"
KINDS = (ROUTEROS, OPNSENSE)


def files(network: Json | None, title: str, kind: str, path: str, interfaces: t.Mapping[str, t.Any]) -> dict[str, str]:
    """Return the text by path; none without a kind. *interfaces* are those of an OPNsense, by segment.

    OPNsense has a second file, for its aliases, beside *path*. Raises ValueError with what is wrong.
    """
    problem = _problem(network, kind, path, interfaces)
    if problem:
        raise ValueError(str(problem))
    if network is None or not kind:
        return {}
    if kind == ROUTEROS:
        return {path: routeros.render(network, title)}
    return {
        path: opnsense.rules(network, {name: str(interface) for name, interface in interfaces.items()}),
        f"{os.path.splitext(path)[0]}.aliases.json": opnsense.aliases(network),
    }


def _problem(network: Json | None, kind: str, path: str, interfaces: t.Mapping[str, t.Any]) -> Problem | None:
    if kind and kind not in KINDS:
        fix = f"{did_you_mean(kind, KINDS)}Use one of {', '.join(KINDS)}"
        return Problem("router_rules", kind, "no rules are rendered for such a router", fix)
    if kind and not path:
        return Problem("router_file", UNSET, "the rules need a file", "Name one in a folder that is there")
    if path and not kind:
        return Problem(
            "router_rules", UNSET, "router_file is given, but not for which router", f"Use {' or '.join(KINDS)}"
        )
    if kind and network is None:
        return Problem("router_rules", kind, "no network is planned", "Describe it in homelab_network")
    return _interface_problem(network, interfaces) if network and kind == OPNSENSE else None


def _interface_problem(network: Json, interfaces: t.Mapping[str, t.Any]) -> Problem | None:
    segments = network["segments"]
    for name, interface in interfaces.items():
        if name not in segments:
            fix = f"{did_you_mean(name, segments)}Use one of {', '.join(segments)}"
            return Problem(f"router_interfaces.{name}", interface, "there is no such segment", fix)
    missing = [name for name in segments if not interfaces.get(name)]
    if missing:
        reason = f"it does not tell by which interface of the OPNsense {', '.join(missing)} comes in"
        fix = f'Add, for example, {{"{missing[0]}": "opt1"}}; Interfaces > Assignments lists the identifiers'
        return Problem("router_interfaces", dict(interfaces), reason, fix)
    taken = [str(interface) for interface in interfaces.values()]
    double = next((interface for interface in taken if taken.count(interface) > 1), None)
    if double:
        reason = "two segments come in by the same interface"
        return Problem("router_interfaces", double, reason, "Give every segment the identifier of its own VLAN")
    return None
