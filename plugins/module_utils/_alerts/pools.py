# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Thin pools of topolvm and the volumes in them, as TopoLVM and the kubelets tell. Pure."""

from __future__ import annotations

import typing as t

from .._disks.model import POOL
from .._storage.model import LOCAL_PATH, TOPOLVM, TOPOLVM_NAMESPACE, Storage, Tier
from .model import (
    AHEAD_S,
    CRITICAL,
    HOUR,
    LEAST,
    LOW,
    MINUTE,
    NODE,
    SHARE,
    TREND_S,
    WARNING,
    Rule,
    absent,
    duration,
    on,
    quoted,
)

# Percent of a pool.
_FILLING, _FULL, _HALF = 80, 90, 50
_NAMESPACE, _CLAIM = "{{ $labels.namespace }}", "{{ $labels.persistentvolumeclaim }}"
_VOLUME = f"The volume of claim {_NAMESPACE}/{_CLAIM} on node {NODE}"
_GROW = (
    f"Remove files in it, or let it grow while it is used: `kubectl -n {_NAMESPACE} edit pvc {_CLAIM}`, where "
    "spec.resources.requests.storage is what it is to have."
)


def pool_rules(storage: Storage) -> list[Rule]:
    """Return the rules of the tiers of topolvm; none when there is no such tier."""
    tiers = storage.of(TOPOLVM)
    if not tiers:
        return []
    nodes = list(dict.fromkeys(node for tier in tiers for node in tier.nodes))
    return [
        *(_unseen(tier, node) for tier in tiers for node in tier.nodes),
        *(rule for tier in tiers for rule in _pool(tier)),
        *map(_kubelet, nodes),
        *_volumes(nodes, storage.of(LOCAL_PATH)),
    ]


def _pool_of(tier: Tier) -> str:
    return f"The pool of tier {tier.name} of node {NODE}"


def _unseen(tier: Tier, node: str) -> Rule:
    pool = _pool_of(tier)
    return absent(
        "HomelabPoolUnseen",
        f"topolvm_thinpool_data_percent{{device_class={quoted(tier.name)},node={quoted(node)}}}",
        15 * MINUTE,
        f"{pool} is not seen",
        f"{pool} is not seen: no alert of it can fire. Does the node's pod topolvm-node run (`kubectl -n "
        f"{TOPOLVM_NAMESPACE} get pods -o wide`), and is its port 8080 scraped? `lvs` on the node tells of the pool.",
        node=node,
        tier=tier.name,
    )


def _pool(tier: Tier) -> t.Iterator[Rule]:
    """Yield the rules of a tier, of its data and of its metadata: the end of either is the end of all volumes."""
    where, labels = f"{{{on(tier.nodes)},device_class={quoted(tier.name)}}}", {"tier": tier.name}
    pool = _pool_of(tier)
    full = "When it is full, all volumes of the tier on that node get errors. Act before: "
    data = (
        f"{full}remove snapshots and claims that nobody needs, or give it another disk (homelab_hardware) or a larger "
        "size (homelab_storage) and run site.yml."
    )
    metadata = f"{full}`lvextend --poolmetadatasize +1G {tier.group}/{POOL}` on the node, or remove snapshots."
    for part, name, remedy in (("data", "HomelabPool", data), ("metadata", "HomelabPoolMetadata", metadata)):
        series = f"topolvm_thinpool_{part}_percent{where}"
        has = f'{pool} has {{{{ $value | printf "%.1f" }}}}% of its {part} in use'
        yield Rule(f"{name}Filling", WARNING, 15 * MINUTE, f"{series} > {_FILLING}", has, f"{has}. {remedy}", labels)
        yield Rule(f"{name}Full", CRITICAL, 5 * MINUTE, f"{series} > {_FULL}", has, f"{has}. {remedy}", labels)
    series, soon = f"topolvm_thinpool_data_percent{where}", f"{pool} will be full within {duration(AHEAD_S)}"
    yield Rule(
        "HomelabPoolFullSoon",
        WARNING,
        HOUR,
        f"predict_linear({series}[{duration(TREND_S)}], {AHEAD_S}) > 100 and {series} > {_HALF}",
        soon,
        f"{soon}, if it goes on as in the last {duration(TREND_S)}. {data}",
        labels,
    )


def _kubelet(node: str) -> Rule:
    summary = f"The kubelet of node {NODE} tells nothing of its volumes"
    return absent(
        "HomelabKubeletUnseen",
        f"kubelet_node_name{{node={quoted(node)}}}",
        15 * MINUTE,
        summary,
        f"{summary}: it does not run, or its port 10250 is not scraped. No alert of volumes on it can fire. "
        "`systemctl status kubelet` on the node tells whether it runs.",
        node=node,
    )


def _volumes(nodes: t.Sequence[str], folders: t.Sequence[Tier]) -> list[Rule]:
    """Return the rules of volumes. One of local-path is as large as the disk it is on, which has rules of its own.

    The kubelet does not tell what made a volume.
    """
    where, claim = f"{{{on(nodes)}}}", "on(node, namespace, persistentvolumeclaim)"
    size = f"kubelet_volume_stats_capacity_bytes{where}"
    but = "".join(
        f" unless {claim} ({size} == on(node) group_left() "
        f"node_filesystem_size_bytes{{{on(tier.nodes)},mountpoint={quoted(tier.folder)}}})"
        for tier in folders
        if tier.mounted and set(tier.nodes) & set(nodes)
    )
    left = f"kubelet_volume_stats_available_bytes{where} / {size}"
    inodes = f"kubelet_volume_stats_inodes_free{where} / kubelet_volume_stats_inodes{where}"
    has, few = f"{_VOLUME} has {SHARE} of its room left", f"{_VOLUME} has {SHARE} of its inodes left"
    lost = f'{has}; without any, its pods get "No space left on device"'
    return [
        Rule("HomelabVolumeFilling", WARNING, 15 * MINUTE, f"{left} < {LOW}{but}", has, f"{has}. {_GROW}"),
        Rule("HomelabVolumeFull", CRITICAL, 5 * MINUTE, f"{left} < {LEAST}{but}", has, f"{lost}. {_GROW}"),
        Rule(
            "HomelabVolumeInodes",
            WARNING,
            15 * MINUTE,
            f"{inodes} < {LEAST}{but}",
            few,
            f"{few}: without any no file can be made in it, whatever room there is. {_GROW}",
        ),
    ]
