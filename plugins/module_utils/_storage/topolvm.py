# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What TopoLVM is told: which pools each node has, and the classes of volumes and snapshots. Pure."""

from __future__ import annotations

import typing as t

from .._disks.model import POOL
from .model import TOPOLVM, TOPOLVM_DRIVER, TOPOLVM_NAMESPACE, Storage, Tier
from .volumes import LABELS, class_of

Json = dict[str, t.Any]

_FILESYSTEM = "ext4"


def compile_topolvm(storage: Storage) -> Json | None:
    """Return plan["storage"]["topolvm"], None when no tier is on it.

    nodes are all that have a pool; daemons are, for each set of pools that nodes have in common, {nodes, classes}: the
    device classes of lvmd. pools are, for each node, those that are made in groups of the user's own: {group, size in
    bytes}. objects are the storage classes, and the class of snapshots.
    """
    tiers = storage.of(TOPOLVM)
    if not tiers:
        return None
    nodes = list(dict.fromkeys(node for tier in tiers for node in tier.nodes))
    alike: dict[tuple[str, ...], list[str]] = {}
    for node in nodes:
        alike.setdefault(tuple(tier.name for tier in tiers if node in tier.nodes), []).append(node)
    own = [tier for tier in tiers if tier.size is not None]
    return {
        "namespace": TOPOLVM_NAMESPACE,
        "nodes": nodes,
        "daemons": [
            {"nodes": members, "classes": [_device_class(tier) for tier in tiers if tier.name in names]}
            for names, members in alike.items()
        ],
        "pools": {
            node: [{"group": tier.group, "size": tier.size} for tier in own if node in tier.nodes]
            for node in nodes
            if any(node in tier.nodes for tier in own)
        },
        "objects": [*map(_class, tiers), _snapshots()],
    }


def _device_class(tier: Tier) -> Json:
    return {
        "name": tier.name,
        "volume-group": tier.group,
        "type": "thin",
        "thin-pool": {"name": POOL, "overprovision-ratio": tier.overprovision / 100},
    }


def _class(tier: Tier) -> Json:
    parameters = {f"{TOPOLVM_DRIVER}/device-class": tier.name, "csi.storage.k8s.io/fstype": _FILESYSTEM}
    return class_of(tier, TOPOLVM_DRIVER, parameters, expands=True)


def _snapshots() -> Json:
    """Return the class of snapshots, the default of all that are of this driver's volumes."""
    return {
        "apiVersion": "snapshot.storage.k8s.io/v1",
        "kind": "VolumeSnapshotClass",
        "metadata": {
            "name": TOPOLVM,
            "labels": dict(LABELS),
            "annotations": {"snapshot.storage.kubernetes.io/is-default-class": "true"},
        },
        "driver": TOPOLVM_DRIVER,
        "deletionPolicy": "Delete",
    }
