# SPDX-License-Identifier: GPL-3.0-or-later
"""What Prometheus is given, and which alert it has to make of that: one that fires and one that does not, for each."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.atarnet.homelab.plugins.module_utils._lab import model
from ansible_collections.atarnet.homelab.plugins.module_utils._lab.plan import compile_plan

from tests.negative.cases import HERE, read_yaml, the_lock, the_options

Json = dict[str, t.Any]
MINUTE, HOUR, DAY = 60, 3600, 86400

# Both providers, on one node together; a folder that is no disk; backups of one tier, of a library and of etcd.
INPUT: Json = {
    **read_yaml(HERE / "base.yml"),
    "homelab_hardware": {
        "hosts": [{"name": name, "disks": [{"serial": name, "tier": "ssd"}]} for name in ("node2", "node3")]
    },
    "homelab_storage": {
        "tiers": [
            {"name": "ssd", "default": True},
            {"name": "hdd", "folder": "/srv/hdd", "nodes": ["node2"]},
            {"name": "scratch", "folder": "/srv/scratch", "mounted": False},
        ],
        "libraries": [
            {
                "name": "films",
                "node": "node2",
                "folder": "/srv/films",
                "namespace": "media",
                "size": "1Gi",
                "writable": True,
            }
        ],
    },
    "homelab_backup": {
        "repository": {"url": "rest:https://backup.example.org/lab", "password": "correct horse"},
        "copy": {"url": "s3:https://s3.example.org/lab", "password": "battery staple"},
        "leave_out_tiers": ["ssd"],
        "leave_out": ["shop/cache.old"],
    },
}
# By the default schedules: a day, half an hour and a day; five weeks, an hour and a day; a day and a day.
LATE, OLD, COPY_LATE = 2 * DAY + HOUR // 2, 36 * DAY + HOUR, 2 * DAY


def plan(**changes: t.Any) -> Json:
    """Return the whole plan of INPUT with some keys (without their prefix) replaced."""
    given = {**INPUT, **{f"homelab_{name}": value for name, value in changes.items()}}
    return compile_plan(model.parse(given, the_options(), model.Surroundings(lock=the_lock())), the_lock())


@dataclass(frozen=True)
class Case:
    """*series* have one value all the time, or what promtool makes of a text, each *step* seconds.

    What the alert asks for is so from *since* seconds on; *fires* are the labels that the alert then has, none where it
    has to be quiet; *value* is what its text says of the value.
    """

    alert: str
    series: t.Mapping[str, float | str]
    fires: t.Mapping[str, str] = field(default_factory=dict)
    value: str = ""
    since: int = 0
    step: int = MINUTE


def disk(place: str, free: float | str = 0, **others: float) -> dict[str, float | str]:
    """Return a file system of node2 of 100 bytes with so many *free*."""
    where = f'{{node="node2",mountpoint="{place}"}}'
    found = {f"node_filesystem_avail_bytes{where}": free, f"node_filesystem_size_bytes{where}": 100}
    return {**found, **{f"node_filesystem_{key}{where}": value for key, value in others.items()}}


def disks(name: str, place: str, labels: t.Mapping[str, str]) -> list[Case]:
    """Return the cases of a file system that is full in all the ways there are."""
    fires = {"node": "node2", "mountpoint": place, **labels}
    hour = 4 * DAY // HOUR
    return [
        Case(f"{name}Filling", disk(place, 14), fires, "14%"),
        Case(f"{name}Filling", disk(place, 15)),
        Case(f"{name}Full", disk(place, 4), fires, "4%"),
        Case(f"{name}Full", disk(place, 5)),
        # 0.3 an hour are 28.8 in four days.
        Case(f"{name}FullSoon", disk(place, "28-0.005x200"), fires, since=MINUTE),
        Case(f"{name}FullSoon", disk(place, f"{hour * 0.3 + 3}-0.005x200")),
        Case(f"{name}FullSoon", disk(place, "60-0.05x200")),
        Case(f"{name}Inodes", disk(place, 50, files=1000, files_free=20), fires, "2%"),
        Case(f"{name}Inodes", disk(place, 50, files=1000, files_free=60)),
        Case(f"{name}Inodes", disk(place, 50, files=0, files_free=0)),
        Case(f"{name}ReadOnly", disk(place, 50, readonly=1), fires),
        Case(f"{name}ReadOnly", disk(place, 50, readonly=0)),
    ]


def pool(part: str, node: str = "node2") -> str:
    """Return the series of a pool."""
    return f'topolvm_thinpool_{part}_percent{{node="{node}",device_class="ssd"}}'


def volume(free: float, size: float = 200, inodes: float = 50, claim: str = "data") -> dict[str, float | str]:
    """Return what the kubelet of node2 tells of a volume with so much of its room and so many of 100 inodes free."""
    where = f'{{node="node2",namespace="shop",persistentvolumeclaim="{claim}"}}'
    values = {"capacity_bytes": size, "available_bytes": free, "inodes": 100, "inodes_free": inodes}
    return {f"kubelet_volume_stats_{key}{where}": value for key, value in values.items()}


def backup(metric: str, name: str = "shop/data", node: str = "node2") -> str:
    """Return a series of backups."""
    return f'homelab_backup_{metric}{{node="{node}",volume="{name}"}}'


SUCCESS, VERIFIED = "last_success_timestamp_seconds", "last_verified_restore_timestamp_seconds"
COPY = 'homelab_backup_copy_{}{{node="node2"}}'
ON_NODE2 = {"node": "node2"}
POOL = {"node": "node2", "device_class": "ssd", "tier": "ssd"}
CLAIM = {"node": "node2", "namespace": "shop", "persistentvolumeclaim": "data"}
VOLUME = {"node": "node2", "volume": "shop/data"}
BOOTED = [f'node_boot_time_seconds{{node="node{number}"}}' for number in (1, 2, 3)]
KUBELETS = [f'kubelet_node_name{{node="node{number}"}}' for number in (2, 3)]
FIXED = [backup("failed", "media/films"), backup("failed", "control-plane/node1", "node1")]
# The volume of local-path is as large as its disk.
BESIDE = {**volume(1, 100), **disk("/srv/hdd", 1)}

CASES = (
    Case("HomelabNodeUnseen", dict.fromkeys([BOOTED[0], BOOTED[2]], 1), ON_NODE2),
    Case("HomelabNodeUnseen", dict.fromkeys(BOOTED, 1)),
    *disks("HomelabNodeDisk", "/var/lib", {}),
    # A folder that is none of the node's own, and no tier.
    Case("HomelabNodeDiskFull", disk("/srv/hdd", 4)),
    *disks("HomelabTier", "/srv/hdd", {"tier": "hdd"}),
    Case("HomelabTierFull", {**disk("/srv/scratch", 4), **disk("/var/lib", 4)}),
    Case("HomelabTierAway", {BOOTED[1]: 1, **disk("/", 50)}, {**ON_NODE2, "tier": "hdd"}),
    Case("HomelabTierAway", {BOOTED[1]: 1, **disk("/srv/hdd", 50)}),
    # The node is away as a whole; another one has no such tier.
    Case("HomelabTierAway", {BOOTED[2]: 1}),
    Case("HomelabPoolUnseen", {pool("data", "node3"): 1}, {**ON_NODE2, "device_class": "ssd", "tier": "ssd"}),
    Case("HomelabPoolUnseen", {pool("data"): 1, pool("data", "node3"): 1}),
    Case("HomelabPoolFilling", {pool("data"): 81}, POOL, "81.0"),
    Case("HomelabPoolFilling", {pool("data"): 80, pool("metadata"): 95}),
    Case("HomelabPoolFull", {pool("data"): 90.5}, POOL, "90.5"),
    Case("HomelabPoolFull", {pool("data"): 90}),
    Case("HomelabPoolMetadataFilling", {pool("metadata"): 81}, POOL, "81.0"),
    Case("HomelabPoolMetadataFilling", {pool("metadata"): 80, pool("data"): 95}),
    Case("HomelabPoolMetadataFull", {pool("metadata"): 99.9}, POOL, "99.9"),
    Case("HomelabPoolMetadataFull", {pool("metadata"): 90}),
    Case("HomelabPoolFullSoon", {pool("data"): "72+0.005x200"}, POOL, since=MINUTE),
    Case("HomelabPoolFullSoon", {pool("data"): "60+0.005x200"}),
    Case("HomelabPoolFullSoon", {pool("data"): "10+0.05x200"}),
    Case("HomelabKubeletUnseen", {KUBELETS[1]: 1}, ON_NODE2),
    Case("HomelabKubeletUnseen", dict.fromkeys(KUBELETS, 1)),
    Case("HomelabVolumeFilling", volume(28), CLAIM, "14%"),
    Case("HomelabVolumeFilling", volume(30)),
    Case("HomelabVolumeFilling", BESIDE),
    Case("HomelabVolumeFull", {**volume(8), **disk("/srv/hdd", 1)}, CLAIM, "4%"),
    Case("HomelabVolumeFull", volume(10)),
    Case("HomelabVolumeFull", BESIDE),
    Case("HomelabVolumeInodes", volume(100, inodes=3), CLAIM, "3%"),
    Case("HomelabVolumeInodes", volume(100, inodes=5)),
    Case("HomelabBackupFailed", {backup("failed", "tier hdd"): 1}, {**ON_NODE2, "volume": "tier hdd"}),
    Case("HomelabBackupFailed", {backup("failed"): 0}),
    # For two days, what is used and was forgotten.
    Case(
        "HomelabBackupGone",
        {backup("failed"): "0+0x3 stale _x60", **volume(100)},
        VOLUME,
        since=4 * MINUTE,
    ),
    Case("HomelabBackupGone", {backup("failed"): 0, **volume(100)}),
    Case("HomelabBackupGone", {backup("failed"): "0+0x3 stale _x60"}),
    Case("HomelabBackupGone", {backup("failed"): "0+0x3 stale _x60", backup("failed", node="node3"): 0, **volume(100)}),
    Case(
        "HomelabBackupGone",
        {backup("failed", "shop/cache.old"): "0+0x3 stale _x60", **volume(100, claim="cache.old")},
    ),
    Case("HomelabBackupOld", {backup(SUCCESS): 0}, VOLUME, "2d 1h 30m 0s", LATE + HOUR // 2, HOUR // 2),
    Case("HomelabBackupOld", {backup(SUCCESS): DAY}, step=HOUR // 2),
    Case("HomelabBackupNever", {backup("failed"): 1}, VOLUME, step=HOUR // 2),
    Case("HomelabBackupNever", {backup("failed"): 1, backup(SUCCESS): 0}, step=HOUR // 2),
    Case("HomelabBackupNever", {backup("failed", "tier hdd"): 1}, step=HOUR // 2),
    Case("HomelabBackupMissing", {FIXED[1]: 0}, {**ON_NODE2, "volume": "media/films"}, step=HOUR // 2),
    Case("HomelabBackupMissing", dict.fromkeys(FIXED, 1), step=HOUR // 2),
    Case("HomelabRestoreOld", {backup(VERIFIED): 0}, VOLUME, "36d 3h 0m 0s", OLD + HOUR, HOUR),
    Case("HomelabRestoreOld", {backup(VERIFIED): 3 * DAY}, step=HOUR),
    Case("HomelabRestoreNever", {backup(SUCCESS): 0}, VOLUME, step=HOUR),
    Case("HomelabRestoreNever", {backup(SUCCESS): 0, backup(VERIFIED): 0}, step=HOUR),
    Case("HomelabCopyFailed", {COPY.format("failed"): 1}, ON_NODE2),
    Case("HomelabCopyFailed", {COPY.format("failed"): 0}),
    Case("HomelabCopyOld", {COPY.format(SUCCESS): 0}, ON_NODE2, "2d 1h 0m 0s", COPY_LATE + HOUR // 2, HOUR // 2),
    Case("HomelabCopyOld", {COPY.format(SUCCESS): DAY}, step=HOUR // 2),
    Case("HomelabCopyMissing", {COPY.format("failed"): 1}, ON_NODE2, step=HOUR),
    Case("HomelabCopyMissing", {COPY.format(SUCCESS): 0}, step=HOUR),
)
