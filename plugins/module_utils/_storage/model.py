# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Storage as typed values: tiers of disks that volumes are made on, and libraries that are there already."""

from __future__ import annotations

from dataclasses import dataclass

KEY = "homelab_storage"
LOCAL_PATH, TOPOLVM = "local-path", "topolvm"
# Where the provisioner runs, with the pods that make and remove folders for it.
NAMESPACE = "local-path-storage"
PROVISIONER = "rancher.io/local-path"
MARKER = ".homelab-tier"
TOPOLVM_NAMESPACE = "topolvm-system"
TOPOLVM_DRIVER = "topolvm.io"
# Of a pool's size, how much its volumes may promise, in percent: a snapshot counts as much as what it is of.
OVERPROVISION, LEAST_OVERPROVISION, MOST_OVERPROVISION = 200, 100, 500


@dataclass(frozen=True)
class Tier:
    """A class of disks on each of *nodes*, and what makes volumes on it.

    local-path: a disk is mounted at *folder*; not *mounted*, it is a folder like any other. topolvm: the thin pool of
    the volume group *group*, which may promise *overprovision* percent of its size; *size* is what the pool takes of a
    group that is the user's own, in bytes, and None where the group is made of the disks of homelab_hardware.
    """

    name: str
    nodes: tuple[str, ...]
    default: bool = False
    provider: str = LOCAL_PATH
    folder: str = ""
    mounted: bool = True
    group: str = ""
    size: int | None = None
    overprovision: int = OVERPROVISION

    @property
    def volumes(self) -> str:
        """Return where local-path makes its volumes; what lies beside it is none of its business."""
        return f"{self.folder}/volumes"


@dataclass(frozen=True)
class Library:
    """A folder of a node with what people put there, as a claim of *size* (a quantity) in a namespace."""

    name: str
    node: str
    folder: str
    namespace: str
    size: str
    writable: bool = False


@dataclass(frozen=True)
class Storage:
    """What homelab_storage asks for. Without *tiers* there is no provisioner."""

    tiers: tuple[Tier, ...] = ()
    libraries: tuple[Library, ...] = ()

    def of(self, provider: str) -> tuple[Tier, ...]:
        """Return the tiers on which that provider makes volumes."""
        return tuple(tier for tier in self.tiers if tier.provider == provider)
