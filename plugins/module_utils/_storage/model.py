# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Storage as typed values: tiers of disks that volumes are made on, and libraries that are there already."""

from __future__ import annotations

from dataclasses import dataclass

KEY = "homelab_storage"
LOCAL_PATH = "local-path"
# Where the provisioner runs, with the pods that make and remove folders for it.
NAMESPACE = "local-path-storage"
PROVISIONER = "rancher.io/local-path"
MARKER = ".homelab-tier"


@dataclass(frozen=True)
class Tier:
    """A class of disks: on each of *nodes* one is mounted at *folder*; not *mounted*, it is a folder like any other."""

    name: str
    folder: str
    nodes: tuple[str, ...]
    default: bool = False
    mounted: bool = True

    @property
    def volumes(self) -> str:
        """Return where the provisioner makes its volumes; what lies beside it is none of its business."""
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
