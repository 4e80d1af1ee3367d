# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which volumes are restored on which node: of one claim, a namespace, or all. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import asdict, dataclass, field

from .._lab.problems import did_you_mean

Json = dict[str, t.Any]
ALL = "all"


@dataclass
class Choice:
    """*nodes* are the volumes ({"volume", "target"}) by node; *absent* are claims of the backups that no node has.

    *problems* say why nothing is to be restored, each with what to do.
    """

    nodes: dict[str, list[Json]] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def as_data(self) -> Json:
        """Return it for programs."""
        return asdict(self)


def choose(asked: str, to: str, hosts: t.Collection[str], seen: t.Mapping[str, Json]) -> Choice:
    """Return what *asked* (NAMESPACE/CLAIM, NAMESPACE or all) means, on node *to* if that is given.

    *hosts* are the nodes that may have volumes; *seen* the results of volume_backup_info by node, {} of one that was
    not asked.
    """
    choice = Choice()
    if to and to not in hosts:
        choice.problems.append(f"{to} is no node with volumes. {did_you_mean(to, hosts)}Use one of {', '.join(hosts)}.")
        return choice
    silent = {node: _said(seen.get(node) or {}) for node in hosts if "volumes" not in (seen.get(node) or {})}
    backups: dict[str, Json] = {}
    for result in seen.values():
        backups |= result.get("backups") or {}
    names = sorted(name for name in backups if asked in (ALL, name, name.partition("/")[0]))
    if not names:
        told = "".join(f" {node}: {why}" for node, why in silent.items())
        hint = did_you_mean(asked, {*backups, *(name.partition("/")[0] for name in backups)})
        choice.problems.append(f"there is no backup of {asked}. {hint}Write NAMESPACE/CLAIM, NAMESPACE or {ALL}.{told}")
    for name in names:
        _place(name, name == asked, to, hosts, seen, silent, choice)
    return choice


def _said(result: Json) -> str:
    return str(result.get("msg") or "it was not asked; is it reachable?")


def _place(
    name: str,
    alone: bool,
    to: str,
    hosts: t.Collection[str],
    seen: t.Mapping[str, Json],
    silent: t.Mapping[str, str],
    choice: Choice,
) -> None:
    """Add one volume of the backups to the choice."""
    found = {
        node: seen[node]["volumes"][name] for node in hosts if node not in silent and name in seen[node]["volumes"]
    }
    refused = [f"{node}: {seen[node]['refused'][name]}" for node in hosts
               if node not in silent and name in seen[node]["refused"]]  # fmt: skip
    chosen = {node: path for node, path in found.items() if to in ("", node)}
    if len(chosen) == 1:
        node, path = next(iter(chosen.items()))
        choice.nodes.setdefault(node, []).append({"volume": name, "target": path})
    elif len(chosen) > 1:
        nodes = " and ".join(chosen)
        choice.problems.append(f"{name}: {nodes} have a volume of it. Say which is meant by -e to=NODE.")
    elif refused:
        choice.problems.append(f"{name}: {'; '.join(refused)}.")
    elif silent and (not to or to in silent):
        told = "; ".join(f"{node}: {why}" for node, why in silent.items())
        choice.problems.append(f"{name}: no node that answers has a volume of it. {told}")
    elif alone:
        where = f"{to} has no volume of it" if to else "no node has a volume of it"
        other = f", but {', '.join(found)} has" if found else ""
        fix = "Start the app there once, so that the claim gets its volume, then scale it to 0, and run again"
        choice.problems.append(f"{name}: {where}{other}. {fix}.")
    else:
        choice.absent.append(name)
