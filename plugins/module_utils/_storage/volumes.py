# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A volume of files that are there already: it waits for one claim, on one node. Pure."""

from __future__ import annotations

import typing as t

Json = dict[str, t.Any]

HOST = "kubernetes.io/hostname"


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
