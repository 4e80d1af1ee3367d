# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots of claims by CSI: what is wanted, and what is there. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._kube.model import Ref

Json = dict[str, t.Any]

API = "snapshot.storage.k8s.io/v1"
MADE, ABSENT = "made", "absent"
# By this label it is known what was made here.
MANAGED = ("app.kubernetes.io/managed-by", "atarnet.homelab")
# Of a name of a snapshot, which is that of its claim with this behind it.
LONGEST_NAME = 253


@dataclass(frozen=True)
class Wanted:
    """Snapshots of *claims* (NAMESPACE/CLAIM).

    *name* is what each is called behind its claim's name; of the claims' snapshots that were made here, the youngest
    *keep* stay, 0 for all. *kind* is their class, "" for the default of what made the volume.
    """

    claims: tuple[str, ...]
    name: str
    state: str = MADE
    keep: int = 0
    kind: str = ""


@dataclass(frozen=True)
class Snapshot:
    """One snapshot as it is; *made_here* tells whether it is ours to remove, *trouble* is what its driver says."""

    namespace: str
    name: str
    claim: str
    created: str
    uid: str
    ready: bool
    made_here: bool
    size: str = ""
    trouble: str = ""

    @property
    def ref(self) -> Ref:
        """Return its name."""
        return snapshot_ref(self.namespace, self.name)

    def as_data(self) -> Json:
        """Return it for people and programs."""
        return {
            "claim": f"{self.namespace}/{self.claim}" if self.claim else "",
            "name": self.name,
            "created": self.created,
            "ready": self.ready,
            "size": self.size,
            "made_here": self.made_here,
        }


def snapshot_ref(namespace: str, name: str) -> Ref:
    """Return the name of a snapshot."""
    return Ref(API, "VolumeSnapshot", namespace, name)


def of_object(live: Json) -> Snapshot:
    """Return a snapshot of the API's."""
    metadata, spec, status = live["metadata"], live.get("spec", {}), live.get("status") or {}
    labels = metadata.get("labels") or {}
    return Snapshot(
        namespace=metadata["namespace"],
        name=metadata["name"],
        claim=(spec.get("source") or {}).get("persistentVolumeClaimName", ""),
        created=status.get("creationTime") or metadata.get("creationTimestamp", ""),
        uid=metadata["uid"],
        ready=bool(status.get("readyToUse")),
        made_here=labels.get(MANAGED[0]) == MANAGED[1],
        size=status.get("restoreSize", ""),
        trouble=(status.get("error") or {}).get("message", ""),
    )


def manifest(claim: str, name: str, kind: str) -> Json:
    """Return the snapshot of NAMESPACE/CLAIM."""
    namespace, _slash, own = claim.partition("/")
    named = {"volumeSnapshotClassName": kind} if kind else {}
    return {
        "apiVersion": API,
        "kind": "VolumeSnapshot",
        "metadata": {"namespace": namespace, "name": name, "labels": {MANAGED[0]: MANAGED[1]}},
        "spec": {"source": {"persistentVolumeClaimName": own}, **named},
    }
