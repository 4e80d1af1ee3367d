# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes x what they are -> how each is read, or why it cannot be: pure, no side effects."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .model import AS_IS, BTRFS, FREEZE, Json, Volume
from .observe import Seen


@dataclass(frozen=True)
class Step:
    """How one volume is read: the *method*, why that one, and for btrfs the subvolume and where its snapshot lies."""

    volume: Volume
    method: str
    because: str
    real: str
    subvolume: str = ""
    beside: str = ""

    @property
    def dumps(self) -> bool:
        """Whether a dump lies beside its files."""
        return bool(self.volume.hook and self.volume.hook.dumps)

    @property
    def dumps_alive(self) -> bool:
        """Whether its pod writes that: of SQLite it is made of the files as they are read."""
        return bool(self.dumps and self.volume.hook and self.volume.hook.kind != "sqlite")

    @property
    def dumped(self) -> dict[str, str]:
        """What is written down of the dump, for who puts it in place."""
        hook = self.volume.hook
        return {"hook": hook.kind, "database": hook.database} if hook and self.dumps else {}

    def public(self) -> Json:
        """Return the step as a module returns it."""
        hook = self.volume.hook
        return {
            "volume": self.volume.name,
            "path": self.volume.path,
            "method": self.method,
            "because": self.because,
            "hook": hook.kind if hook else "",
        }


@dataclass
class Plan:
    """What is read, and *refused*: by volume, why it is not. *notes* are of no volume."""

    steps: list[Step] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def warnings(self) -> list[str]:
        """What is not as safe as it could be."""
        return self.notes + [
            f"{step.volume.name} is read while it is in use: {step.because}. "
            "Put it on btrfs, or give it a hook, to have it of one moment."
            for step in self.steps
            if step.method == AS_IS and not (step.volume.hook and step.volume.hook.dumps)
        ]


def make_plan(volumes: t.Sequence[Volume], seen: t.Mapping[str, Seen], has_btrfs: bool) -> Plan:
    """Return how the volumes are read."""
    plan = Plan()
    for volume in sorted(volumes, key=lambda one: one.name):
        found = seen[volume.name]
        if not found.folder:
            plan.refused[volume.name] = (
                f"{volume.path} is no folder on this node. Is its disk mounted, and is the volume of this node?"
            )
        elif found.inside:
            plan.refused[volume.name] = (
                f"another file system is mounted inside of it, at {found.inside[0]}. "
                "Name that as a volume of its own, or unmount it."
            )
        else:
            plan.steps.append(_step(volume, found, has_btrfs))
    return plan


def _step(volume: Volume, seen: Seen, has_btrfs: bool) -> Step:
    if seen.kind == "btrfs" and seen.beside and has_btrfs:
        because = f"it lies in the btrfs subvolume {seen.subvolume}"
        return Step(volume, BTRFS, because, seen.real, seen.subvolume, seen.beside)
    because = f"{seen.kind} has no snapshots"
    if seen.kind == "btrfs":
        because = "the program btrfs is not installed" if seen.beside else "its file system has no place for a snapshot"
    frozen = volume.hook and volume.hook.kind == FREEZE
    return Step(volume, FREEZE if frozen else AS_IS, because, seen.real)
