# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups restored as claims of another namespace: nothing of what they are of is touched. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .._backup.model import CONTROL_PLANE, PROBES
from .._lab.namespaces import PLATFORM
from .._lab.rules_names import is_label
from . import answers, volumes
from .choice import Choice, Seen, meant, no_place

Json = dict[str, t.Any]
Claims = t.Mapping[str, Json]

# What a claim that a restore made says of itself: the claim that its files are of.
RESTORED = "atarnet.homelab/restored-from"
# The kinds of what a Cluster is made of.
CLUSTER = ("PersistentVolumeClaim", "Namespace")


@dataclass(frozen=True)
class Cluster:
    """What the cluster has: its *claims* by NAMESPACE/CLAIM, and its *namespaces* by name."""

    claims: Claims = field(default_factory=dict)
    namespaces: Claims = field(default_factory=dict)

    @classmethod
    def of(cls, claims: t.Sequence[Json], namespaces: t.Sequence[Json]) -> Cluster:
        """Return it, of the objects that the API lists."""
        by_name = {f"{item['metadata']['namespace']}/{item['metadata']['name']}": item for item in claims}
        return cls(by_name, {item["metadata"]["name"]: item for item in namespaces})


def choose_into(lab: str, asked: str, to: str, into: str, seen: Seen, cluster: Cluster) -> Choice:
    """Return what *asked* (NAMESPACE/CLAIM, NAMESPACE or all) means as claims of the namespace *into*.

    The node is *to*, or the one that was backed up, or another with such a tier. The objects of the choice are made
    before the files: whenever the restore ends, all of it goes with the namespace.
    """
    choice = Choice()
    names = meant(asked, to, seen, choice)
    choice.problems += _wrong_namespace(into, names, cluster)
    if seen.placed is None:
        choice.problems.append("claims are made for what is restored, and no cluster answers. Have it answer.")
    if choice.problems:
        return choice
    if into not in cluster.namespaces:
        choice.objects.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": into}})
    for name in names:
        _Moving(lab, name, into, to, seen, cluster, choice).move(alone=name == asked)
    return choice


def claim(name: str, tier: str, volume: str, origin: str, size: str = volumes.SIZE) -> Json:
    """Return the PersistentVolumeClaim NAMESPACE/CLAIM of that *volume*, which has the files of the claim *origin*."""
    namespace, _slash, short = name.partition("/")
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": short, "namespace": namespace, "annotations": {RESTORED: origin}},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": size}},
            "storageClassName": tier,
            "volumeName": volume,
        },
    }


def _wrong_namespace(into: str, names: t.Sequence[str], cluster: Cluster) -> t.Iterator[str]:
    """Give what speaks against a namespace for these volumes, each with what to do."""
    another = "Give -e into= another namespace"
    if not is_label(into):
        yield f"into={into} is no DNS label (RFC 1123). Write, for example, -e into=trial."
    elif into in PLATFORM or into == CONTROL_PLANE or into.startswith(PROBES):
        yield f"into={into} is a namespace of the platform. {another}."
    elif "deletionTimestamp" in cluster.namespaces.get(into, {"metadata": {}})["metadata"]:
        yield f"the namespace {into} is being deleted. Run again when it is gone, or give another one."
    of: dict[str, str] = {}
    for name in names:
        namespace, _slash, short = name.partition("/")
        if namespace == into:
            yield f"{name} is of that namespace itself. {another}, or leave it out to restore in place."
        elif short in of:
            yield f"{of[short]} and {name} would be one claim. Restore them one by one, each into another namespace."
        of.setdefault(short, name)


@dataclass(frozen=True)
class _Moving:
    """The choice of one volume."""

    lab: str
    origin: str
    into: str
    to: str
    seen: Seen
    cluster: Cluster
    choice: Choice

    @property
    def name(self) -> str:
        """The claim that it becomes."""
        return f"{self.into}/{self.origin.partition('/')[2]}"

    def move(self, alone: bool) -> None:
        """Add it to the choice, or what is in the way; *alone* it was asked for by its own name."""
        tier = str(self.seen.backups()[self.origin].get("tier") or "")
        there, place = self.cluster.claims.get(self.name), (self.seen.placed or {}).get(self.name)
        if there and (there["metadata"].get("annotations", {}).get(RESTORED) != self.origin or not place):
            self._refuse(f"there is a claim {self.name}. Delete it, or give -e into= another namespace.")
        elif self._stranger():
            self._refuse(f"{self._stranger()}. Remove these, or give -e into= another namespace.")
        elif not tier and alone:
            self._refuse("its backup tells no tier, as those of libraries do not. Restore it in place.")
        elif not tier:
            self.choice.absent.append(self.origin)
        elif place:
            self._go_on(place, tier, bool(there))
        else:
            self._begin(tier)

    def _refuse(self, why: str) -> None:
        self.choice.problems.append(f"{self.origin}: {why}")

    def _stranger(self) -> str:
        """Return which files of such a claim no restore made, "" for none."""
        places = {node: one["volumes"].get(self.name) for node, one in self._answering().items()}
        place = (self.seen.placed or {}).get(self.name)
        if place:
            places[place.node] = place.path
        own = volumes.folder_name(self.lab, self.name)
        for node, path in places.items():
            if path and path.rpartition("/")[2] != own:
                return f"{node} has files of a claim {self.name} at {path}"
        refused = {node: one["refused"].get(self.name) for node, one in self._answering().items()}
        return "; ".join(f"{node}: {why}" for node, why in refused.items() if why)

    def _answering(self) -> dict[str, Json]:
        return answers.given(self.seen.hosts, self.seen.nodes)

    def _go_on(self, place: volumes.Place, tier: str, has_claim: bool) -> None:
        """A restore before this one made the volume."""
        silent = answers.silent(self.seen.hosts, self.seen.nodes)
        if self.to not in ("", place.node):
            fix = (
                f"Delete the claim to have it elsewhere, and the volume {place.volume} if it stays; or restore it there"
            )
            self._refuse(f"{self.name} is on {place.node} already. {fix}.")
        elif place.node in silent:
            self._refuse(f"{self.name} is on {place.node}, which does not answer: {silent[place.node]}")
        else:
            self.choice.add(place.node, self.origin, place.path)
            if not has_claim:
                self._add_claim(tier, place.volume)

    def _begin(self, tier: str) -> None:
        found = [node for node, one in self._answering().items() if self.name in one["volumes"]]
        home = self.seen.backups()[self.origin]["node"]
        node, folder = self.seen.folder(tier, [self.to] if self.to else [*found, home, *self.seen.hosts])
        path = f"{folder}/{volumes.folder_name(self.lab, self.name)}"
        why = self.seen.going(path) if node else no_place(tier, answers.silent(self.seen.hosts, self.seen.nodes))
        if why:
            self._refuse(why)
            return
        self.choice.add(node, self.origin, path)
        self.choice.objects.append(volumes.volume(self.name, node, tier, path))
        self._add_claim(tier, volumes.volume_name(path))

    def _add_claim(self, tier: str, volume: str) -> None:
        known = self.cluster.claims.get(self.origin, {}).get("spec", {}).get("resources", {}).get("requests", {})
        size = str(known.get("storage") or volumes.SIZE)
        self.choice.objects.append(claim(self.name, tier, volume, self.origin, size))
