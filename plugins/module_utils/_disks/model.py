# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volume groups of LVM for the storage tiers: what they are called, what was seen of them, what was done. Pure."""

from __future__ import annotations

import json
import typing as t
from dataclasses import asdict, dataclass, field

from .._hardware.model import GROUP_TAG
from .._host.model import STATE_DIR

Json = dict[str, t.Any]

RECORD = f"{STATE_DIR}/disks.json"
VERSION = 1
POOL = "pool"
# Of a group: the pool's data, and its metadata (lvmthin(7): of 64 KiB chunks about a thousandth). The rest stays free,
# for the spare copy of the metadata, and for a pool that runs full.
_DATA_SHARE, _METADATA_SHARE, _LEAST_METADATA_MIB = 0.9, 1 / 1024, 32
_MOST_METADATA_MIB = 15 * 1024
# A pool is not touched for less.
_WORTH_EXTENDING = 0.01


@dataclass(frozen=True)
class Pool:
    """A thin pool; sizes in bytes."""

    data: int
    metadata: int
    tags: tuple[str, ...] = ()

    def is_less_than(self, other: Pool) -> bool:
        """Tell whether it lacks so much of another's size that it is worth extending."""
        return self.data < other.data * (1 - _WORTH_EXTENDING)


@dataclass(frozen=True)
class PoolWish:
    """A thin pool of *size* bytes in a volume group that is the user's own."""

    group: str
    size: int


@dataclass(frozen=True)
class Group:
    """A volume group; sizes in bytes, *disks* are the kernel's names, *missing* counts those that are not there."""

    name: str
    size: int
    extent: int
    free: int
    tags: tuple[str, ...] = ()
    disks: tuple[str, ...] = ()
    missing: int = 0
    volumes: t.Mapping[str, str] = field(default_factory=dict)
    pool: Pool | None = None

    @property
    def is_ours(self) -> bool:
        """Whether this collection made it."""
        return GROUP_TAG in self.tags

    @property
    def full_pool(self) -> Pool:
        """The sizes that a pool over this group has."""
        metadata = self._metadata(self.size)
        return Pool((int(self.size * _DATA_SHARE) - 2 * metadata) // self.extent * self.extent, metadata)

    def pool_of(self, size: int) -> Pool:
        """Return the sizes of a pool of *size* bytes in this group."""
        return Pool(-(-size // self.extent) * self.extent, self._metadata(size))

    def _metadata(self, size: int) -> int:
        megabyte = 1 << 20
        metadata = min(max(int(size * _METADATA_SHARE), _LEAST_METADATA_MIB * megabyte), _MOST_METADATA_MIB * megabyte)
        return -(-metadata // self.extent) * self.extent

    @property
    def pool_is_small(self) -> bool:
        """Whether the group has grown, and its pool has not."""
        return self.pool is not None and self.pool.is_less_than(self.full_pool)


@dataclass(frozen=True)
class Record:
    """What this host remembers, by serial or name.

    *preparing* are disks that are being made part of a group: what is on them is ours, or was given up. *wiped* tells
    when a confirmation was used: it is good for one wiping.
    """

    preparing: tuple[str, ...] = ()
    wiped: t.Mapping[str, str] = field(default_factory=dict)

    def dump(self) -> bytes:
        """Return the record as JSON."""
        return (json.dumps({"version": VERSION, **asdict(self)}, indent=1) + "\n").encode("utf-8")


def load(text: str) -> Record:
    """Return the record in *text*; an empty one where there is none, or one of another release."""
    try:
        data = json.loads(text)
        if data.pop("version") != VERSION:
            return Record()
        return Record(tuple(data["preparing"]), dict(data["wiped"]))
    except (AttributeError, KeyError, TypeError, ValueError):
        return Record()


def parse_groups(groups: str, disks: str, volumes: str) -> dict[str, Group]:
    """Return the groups that vgs, pvs and lvs report as JSON (lvmreport(7)), sizes in bytes without a unit."""
    members: dict[str, list[str]] = {}
    for row in _rows(disks, "pv"):
        members.setdefault(row["vg_name"], []).append(row["pv_name"].rpartition("/")[2])
    logical: dict[str, dict[str, Json]] = {}
    for row in _rows(volumes, "lv"):
        logical.setdefault(row["vg_name"], {})[row["lv_name"]] = row
    found = {}
    for row in _rows(groups, "vg"):
        name, own = row["vg_name"], logical.get(row["vg_name"], {})
        pool = own.get(POOL)
        found[name] = Group(
            name,
            size=int(row["vg_size"]),
            extent=int(row["vg_extent_size"]),
            free=int(row["vg_free"]),
            tags=_tags(row["vg_tags"]),
            disks=tuple(sorted(disk for disk in members.get(name, ()) if disk != "[unknown]")),
            missing=int(row["vg_missing_pv_count"]),
            volumes={volume: entry["segtype"] for volume, entry in own.items()},
            pool=Pool(int(pool["lv_size"]), int(pool["lv_metadata_size"] or 0), _tags(pool["lv_tags"]))
            if pool
            else None,
        )
    return found


def _tags(text: str) -> tuple[str, ...]:
    return tuple(tag for tag in text.split(",") if tag)


def _rows(text: str, kind: str) -> list[Json]:
    return [row for report in json.loads(text or "{}").get("report", []) for row in report.get(kind, [])]
