# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""File systems that fill up, of the nodes themselves and of the tiers of local-path, as node-exporter tells. Pure."""

from __future__ import annotations

import typing as t

from .._storage.model import LOCAL_PATH, Storage
from .model import (
    AHEAD_S,
    CRITICAL,
    HOUR,
    LEAST,
    LOW,
    MINUTE,
    NODE,
    PLACE,
    SHARE,
    TREND_S,
    WARNING,
    Rule,
    absent,
    duration,
    on,
    quoted,
)

# Where images, etcd and what the kubelet keeps are, as far as one of these is a file system of its own.
_OWN = "/|/var|/var/lib|/var/lib/(containerd|etcd|kubelet)"
# Whoever fills an empty disk is soon done: how it goes on is looked at when half of it is full.
_HALF = 0.5


def node_rules(nodes: t.Sequence[str]) -> list[Rule]:
    """Return the rules of all nodes: that they are seen, and of their own file systems."""
    return [
        *(
            absent(
                "HomelabNodeUnseen",
                f"node_boot_time_seconds{{node={quoted(node)}}}",
                15 * MINUTE,
                f"Node {NODE} tells nothing of its disks",
                f"Node {NODE} tells nothing of its disks: it is off, node-exporter does not run or is not scraped, or "
                "what scrapes it sets no label node. No alert of its disks and backups can fire. Start what is missing "
                "or set the label (docs/alerts.md).",
                node=node,
            )
            for node in nodes
        ),
        *_file_system(
            "HomelabNodeDisk",
            f'{on(nodes)},mountpoint=~"{_OWN}"',
            f"File system {PLACE} of node {NODE}",
            "Images of containers, etcd and logs are there: where it is full, the kubelet evicts pods, and etcd stops. "
            f"`du -xh --max-depth 3 {PLACE} | sort -h | tail` on the node tells what takes the room; "
            "`crictl rmi --prune` removes images that no pod uses, `journalctl --vacuum-size 500M` old logs.",
            {},
        ),
    ]


def tier_rules(storage: Storage) -> list[Rule]:
    """Return the rules of the tiers of local-path that have disks of their own; another lies on one of the node's."""
    found = []
    for tier in storage.of(LOCAL_PATH):
        if tier.mounted:
            nodes, place = on(tier.nodes), f"mountpoint={quoted(tier.folder)}"
            found += _file_system(
                "HomelabTier",
                f"{nodes},{place}",
                f"Tier {tier.name} of node {NODE}",
                "There is no quota: where it is full, all pods that write to it get "
                '"No space left on device"; what is there stays. '
                f"`du -xsh {PLACE}/volumes/*` on the node tells which claim takes the room; remove files there, delete "
                "a claim that nobody needs, or put a larger disk in.",
                {"tier": tier.name},
            )
            found.append(_away(nodes, place, tier.name))
    return found


def _file_system(name: str, where: str, what: str, remedy: str, labels: t.Mapping[str, str]) -> list[Rule]:
    """Return the rules of the file systems that *where* selects; the names of the alerts begin with *name*."""
    free, size = f"node_filesystem_avail_bytes{{{where}}}", f"node_filesystem_size_bytes{{{where}}}"
    left = f"{free} / {size}"
    # A file system that does not count them, such as btrfs, says that it has 0.
    inodes = f"node_filesystem_files_free{{{where}}} / node_filesystem_files{{{where}}}"
    ahead = f"predict_linear({free}[{duration(TREND_S)}], {AHEAD_S}) < 0 and {left} < {_HALF}"
    soon = f"{what} will be full within {duration(AHEAD_S)}"
    has = f"{what} has {SHARE} of its room left"
    few = f"{what} has {SHARE} of its inodes left"
    dead = f"{what} is read-only"
    return [
        Rule(f"{name}Filling", WARNING, 30 * MINUTE, f"{left} < {LOW}", has, f"{has}. {remedy}", labels),
        Rule(f"{name}Full", CRITICAL, 5 * MINUTE, f"{left} < {LEAST}", has, f"{has}. {remedy}", labels),
        Rule(
            f"{name}FullSoon",
            WARNING,
            HOUR,
            ahead,
            soon,
            f"{soon}, if it goes on as in the last {duration(TREND_S)}. {remedy}",
            labels,
        ),
        Rule(
            f"{name}Inodes",
            WARNING,
            30 * MINUTE,
            f"{inodes} < {LEAST}",
            few,
            f"{few}: without any no file can be made, whatever room there is. `du --inodes -x {PLACE} | sort -n` "
            "on the node tells where they are; remove files there.",
            labels,
        ),
        Rule(
            f"{name}ReadOnly",
            CRITICAL,
            MINUTE,
            f"node_filesystem_readonly{{{where}}} == 1",
            dead,
            f"{dead}: the kernel met an error in it, most likely of the disk. `dmesg` and `smartctl -a` on the node "
            "tell which. See that there is a backup, then check the file system or replace the disk.",
            labels,
        ),
    ]


def _away(nodes: str, place: str, tier: str) -> Rule:
    summary = f"The disk of tier {tier} of node {NODE} is away"
    return Rule(
        "HomelabTierAway",
        CRITICAL,
        5 * MINUTE,
        f"node_boot_time_seconds{{{nodes}}} unless on(node) node_filesystem_size_bytes{{{nodes},{place}}}",
        summary,
        f"{summary}: nothing is mounted there, or it does not answer. Pods with volumes there do not start, and nothing"
        " is written in its place. `lsblk -f` and `dmesg` on the node tell whether the disk is there; mount it, and "
        "all goes on by itself.",
        {"tier": tier},
    )
