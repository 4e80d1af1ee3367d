# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes of the cluster: where those are that it has, and how one is made for files that are there already. Pure."""

from __future__ import annotations

import typing as t
import uuid
from dataclasses import dataclass

from .._storage.model import PROVISIONER
from .._storage.volumes import local_volume

Json = dict[str, t.Any]

# local-path has no quota: a size is a note, and one that is smaller than what the claim asks for would not be taken.
SIZE = "1Pi"


@dataclass(frozen=True)
class Place:
    """Where the files of a claim are to be, by the cluster's *volume*."""

    node: str
    path: str
    volume: str


def places(items: t.Sequence[Json], claims: t.Collection[str]) -> dict[str, Place]:
    """Return by claim (NAMESPACE/CLAIM) where the cluster has it, of its PersistentVolumes that are local ones.

    One that its claim has left is nobody's; *claims* are those that there are.
    """
    found = {}
    for item in items:
        spec, name, nodes = item["spec"], claim_of(item), nodes_of(item)
        if name and nodes and "local" in spec and not _is_left(item, claims):
            found[name] = Place(nodes[0], spec["local"]["path"], item["metadata"]["name"])
    return found


def leaving(items: t.Sequence[Json], claims: t.Collection[str]) -> set[str]:
    """Return the names of PersistentVolumes whose claims are gone: they go as well, with their files, or are kept."""
    return {item["metadata"]["name"] for item in items if _is_left(item, claims)}


def _is_left(volume: Json, claims: t.Collection[str]) -> bool:
    """Tell whether a volume had a claim that is no more, also before anybody has written that down."""
    had_one = "uid" in (volume["spec"].get("claimRef") or {})
    return volume.get("status", {}).get("phase") in ("Released", "Failed") or (
        had_one and claim_of(volume) not in claims
    )


def claim_of(volume: Json) -> str:
    """Return the claim (NAMESPACE/CLAIM) that a PersistentVolume has or waits for, "" for none."""
    claim = volume["spec"].get("claimRef")
    return f"{claim['namespace']}/{claim['name']}" if claim else ""


def nodes_of(volume: Json) -> list[str]:
    """Return the nodes that a PersistentVolume is on."""
    terms = volume["spec"].get("nodeAffinity", {}).get("required", {}).get("nodeSelectorTerms", [])
    return [name for term in terms for match in term.get("matchExpressions", []) for name in match.get("values", [])]


def folder_of(host: Json, tier: str) -> str:
    """Return the folder of a tier on a host of plan["backup"], "" where the host has no such tier."""
    return next((str(one["folder"]) for one in host["tiers"] if one["name"] == tier), "")


def tier_of(host: Json, path: str) -> str:
    """Return the tier of a host of plan["backup"] that a volume lies on, "" for none."""
    return next((str(one["name"]) for one in host["tiers"] if path.rpartition("/")[0] == one["folder"]), "")


def folder_name(lab: str, name: str) -> str:
    """Return the name of the folder of NAMESPACE/CLAIM, as local-path-provisioner gives it; always the same one."""
    return f"pvc-{uuid.uuid5(uuid.NAMESPACE_URL, f'{lab}/{name}')}_{name.replace('/', '_')}"


def volume_name(path: str) -> str:
    """Return the name of the PersistentVolume that has its files at *path*."""
    return path.rpartition("/")[2].partition("_")[0]


def volume(name: str, node: str, tier: str, path: str) -> Json:
    """Return the PersistentVolume of files at *path* that waits for the claim NAMESPACE/CLAIM, and for no other."""
    namespace, _slash, claim = name.partition("/")
    metadata = {
        "name": volume_name(path),
        # Its files go with the claim, as those of its other volumes do.
        "annotations": {"pv.kubernetes.io/provisioned-by": PROVISIONER},
    }
    return local_volume(
        metadata,
        node,
        path,
        namespace,
        claim,
        accessModes=["ReadWriteOnce"],
        capacity={"storage": SIZE},
        persistentVolumeReclaimPolicy="Delete",
        storageClassName=tier,
        volumeMode="Filesystem",
    )
