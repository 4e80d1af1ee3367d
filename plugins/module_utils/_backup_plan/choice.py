# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which volumes are restored on which node: of one claim, a namespace, or all. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .._backup.model import CONTROL_PLANE
from .._lab.problems import did_you_mean
from . import answers, volumes

Json = dict[str, t.Any]
ALL = "all"


@dataclass(frozen=True)
class Seen:
    """What was looked at before the choice.

    *hosts* are plan["backup"]["hosts"]; *nodes* the results of volume_backup_info by node, {} of one that was not
    asked; *placed* is by claim where the cluster has a volume of it, None where no cluster answered; *leaving* are its
    volumes that nobody has any more, whose files go with them.
    """

    hosts: t.Mapping[str, Json]
    nodes: t.Mapping[str, Json]
    placed: t.Mapping[str, volumes.Place] | None = None
    leaving: t.Collection[str] = ()

    def backups(self) -> dict[str, Json]:
        """Return the last backup of every volume of the lab; the state of the cluster is none."""
        found: dict[str, Json] = {}
        for result in self.nodes.values():
            found |= result.get("backups") or {}
        return {name: backup for name, backup in found.items() if not name.startswith(f"{CONTROL_PLANE}/")}

    def folder(self, tier: str, nodes: t.Iterable[str]) -> tuple[str, str]:
        """Return the first of *nodes* that answers and has the tier, and its folder there; nothing where none has."""
        silent = answers.silent(self.hosts, self.nodes)
        for node in nodes:
            found = volumes.folder_of(self.hosts[node], tier) if node in self.hosts and node not in silent else ""
            if found:
                return node, found
        return "", ""

    def going(self, path: str) -> str:
        """Return what speaks against files at *path*, "" for nothing."""
        name = volumes.volume_name(path)
        if name not in self.leaving:
            return ""
        fix = f"Run again when it is gone, and remove it where it is kept (`kubectl get persistentvolume {name}`)"
        return f"{name}, which was its volume, is left by its claim, and may be removed with its files. {fix}."


@dataclass
class Choice:
    """*nodes* are the volumes ({"volume", "target"}) by node; *absent* are claims of the backups that no node has.

    *objects* are the volumes that the cluster is given for claims that have none. *problems* say why nothing is to be
    restored, each with what to do.
    """

    nodes: dict[str, list[Json]] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)
    objects: list[Json] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def add(self, node: str, name: str, target: str) -> None:
        """Have a volume restored."""
        self.nodes.setdefault(node, []).append({"volume": name, "target": target})


def choose(lab: str, asked: str, to: str, seen: Seen) -> Choice:
    """Return what *asked* (NAMESPACE/CLAIM, NAMESPACE or all) means, on node *to* if that is given."""
    choice = Choice()
    silent, backups = answers.silent(seen.hosts, seen.nodes), seen.backups()
    for name in meant(asked, to, seen, choice):
        _Choosing(lab, name, backups[name], to, seen, silent, choice).choose(alone=name == asked)
    return choice


def meant(asked: str, to: str, seen: Seen, choice: Choice) -> list[str]:
    """Return the volumes that *asked* means; none, and why in the *choice*, where there is no backup or node of it."""
    backups = seen.backups()
    names = sorted(name for name in backups if asked in (ALL, name, name.partition("/")[0]))
    if to and to not in seen.hosts:
        use = ", ".join(seen.hosts)
        choice.problems.append(f"{to} is no node with volumes. {did_you_mean(to, seen.hosts)}Use one of {use}.")
        return []
    if asked.partition("/")[0] == CONTROL_PLANE:
        choice.problems.append(f"{asked} is the state of the cluster. Run restore_control_plane.yml.")
    elif not names:
        told = "".join(f" {node}: {why}" for node, why in answers.silent(seen.hosts, seen.nodes).items())
        hint = did_you_mean(asked, {*backups, *(name.partition("/")[0] for name in backups)})
        choice.problems.append(f"there is no backup of {asked}. {hint}Write NAMESPACE/CLAIM, NAMESPACE or {ALL}.{told}")
    return names


def no_place(tier: str, silent: t.Mapping[str, str]) -> str:
    """Return why what was on a *tier* has no place."""
    told = "".join(f"; {node}: {why}" for node, why in silent.items())
    return f"it was on the tier {tier}, which no node that answers has{told}. Add it to homelab_storage."


@dataclass(frozen=True)
class _Choosing:
    """The choice of one volume."""

    lab: str
    name: str
    backup: Json
    to: str
    seen: Seen
    silent: t.Mapping[str, str]
    choice: Choice

    def choose(self, alone: bool) -> None:
        """Add it to the choice, or what is in the way; *alone* it was asked for by its own name."""
        answering = answers.given(self.seen.hosts, self.seen.nodes)
        found = {node: one["volumes"][self.name] for node, one in answering.items() if self.name in one["volumes"]}
        refused = [f"{node}: {one['refused'][self.name]}" for node, one in answering.items()
                   if self.name in one["refused"]]  # fmt: skip
        chosen = {node: path for node, path in found.items() if self.to in ("", node)}
        if len(chosen) == 1:
            node, path = next(iter(chosen.items()))
            self._place(node, path)
        elif len(chosen) > 1:
            nodes = " and ".join(chosen)
            self._refuse(f"{nodes} have a volume of it. Say which is meant by -e to=NODE.")
        elif refused:
            self._refuse(f"{'; '.join(refused)}.")
        elif self.seen.placed is not None and self.name in self.seen.placed:
            self._place_again(self.seen.placed[self.name])
        elif self.seen.placed is not None and self.backup.get("tier") and not found:
            self._place_anew()
        elif self.silent and (not self.to or self.to in self.silent):
            told = "; ".join(f"{node}: {why}" for node, why in self.silent.items())
            self._refuse(f"no node that answers has a volume of it. {told}")
        elif alone:
            where = f"{self.to} has no volume of it" if self.to else "no node has a volume of it"
            other = f", but {', '.join(found)} has" if found else ""
            fix = "Start the app there once, so that the claim gets its volume, then scale it to 0, and run again"
            self._refuse(f"{where}{other}. {fix}.")
        else:
            self.choice.absent.append(self.name)

    def _refuse(self, why: str) -> None:
        self.choice.problems.append(f"{self.name}: {why}")

    def _place(self, node: str, path: str) -> None:
        if self.seen.going(path):
            self._refuse(self.seen.going(path))
            return
        self.choice.add(node, self.name, path)
        tier = volumes.tier_of(self.seen.hosts[node], path)
        if tier and self.seen.placed is not None and self.name not in self.seen.placed:
            # A restore that was ended between the files and the volume, or a cluster that is new around old disks.
            self.choice.objects.append(volumes.volume(self.name, node, tier, path))

    def _place_again(self, place: volumes.Place) -> None:
        """The cluster knows where it was, and its files are gone: the disk is another one."""
        if place.node in self.silent:
            self._refuse(f"it is on {place.node}, which does not answer: {self.silent[place.node]}")
        elif place.node not in self.seen.hosts or self.to not in ("", place.node):
            fix = f"Delete the claim, and the volume {place.volume}, to have it elsewhere; or restore it there"
            self._refuse(f"its volume is to be on {place.node}. {fix}.")
        else:
            self.choice.add(place.node, self.name, place.path)

    def _place_anew(self) -> None:
        """No cluster has it: where it was, or on another node that has such a disk."""
        tier = str(self.backup["tier"])
        node, folder = self.seen.folder(tier, [self.to] if self.to else [self.backup["node"], *self.seen.hosts])
        path = f"{folder}/{volumes.folder_name(self.lab, self.name)}"
        why = self.seen.going(path) if node else no_place(tier, self.silent)
        if why:
            self._refuse(why)
            return
        self.choice.add(node, self.name, path)
        self.choice.objects.append(volumes.volume(self.name, node, tier, path))
