# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The class of a tier, and a volume of files that are there already, which waits for one claim on one node. Pure."""

from __future__ import annotations

import typing as t

from .model import Tier

Json = dict[str, t.Any]

HOST = "kubernetes.io/hostname"
LABELS = {"app.kubernetes.io/managed-by": "atarnet.homelab"}


def class_of(tier: Tier, provisioner: str, parameters: Json, *, expands: bool) -> Json:
    """Return the StorageClass of a tier: volumes are made where the first pod that uses them goes."""
    annotations = {"storageclass.kubernetes.io/is-default-class": "true" if tier.default else "false"}
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": tier.name, "labels": dict(LABELS), "annotations": annotations},
        "provisioner": provisioner,
        "parameters": parameters,
        "volumeBindingMode": "WaitForFirstConsumer",
        "reclaimPolicy": "Delete",
        "allowVolumeExpansion": expands,
    }


def local_volume(metadata: Json, node: str, path: str, namespace: str, claim: str, **spec: t.Any) -> Json:
    """Return the PersistentVolume of *path* on *node* for that claim and no other; *spec* are its further fields."""
    terms = [{"matchExpressions": [{"key": HOST, "operator": "In", "values": [node]}]}]
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": metadata,
        "spec": {
            **spec,
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": namespace,
                "name": claim,
            },
            "local": {"path": path},
            "nodeAffinity": {"required": {"nodeSelectorTerms": terms}},
        },
    }
