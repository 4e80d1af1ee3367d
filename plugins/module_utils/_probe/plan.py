# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the cluster is given so that an app's own probe looks at a restored volume. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._backup.model import PROBES
from .._backup_plan import volumes
from .._backup_plan.into import claim
from .._backup_plan.model import Probe
from .._storage.volumes import LABELS

Json = dict[str, t.Any]
_ROOT = 0
# To stop in, before it is killed.
_GRACE_S = 5


@dataclass(frozen=True)
class Stage:
    """One probe on one node: the *objects* that come first, with the *namespace* that holds them; then the files are
    restored to *target*, and the *job* is run.
    """

    probe: Probe
    namespace: str
    objects: tuple[Json, ...]
    target: str
    job: Json


def stage(lab: str, node: str, probe: Probe, tier: str, folder: str) -> Stage:
    """Return the stage of a probe, for a volume on that *tier* of the node, which has its volumes in *folder*."""
    namespace = namespace_of(node)
    name = f"{namespace}/{probe.claim.partition('/')[2]}"
    target = f"{folder}/{volumes.folder_name(lab, name)}"
    objects = (
        _namespace(namespace, probe),
        _isolation(namespace),
        volumes.volume(name, node, tier, target),
        claim(name, tier, volumes.volume_name(target), probe.claim),
    )
    return Stage(probe, namespace, objects, target, _job(namespace, probe))


def namespace_of(node: str) -> str:
    """Return the namespace in which what a node restored is probed: one at a time."""
    return f"{PROBES}{node}"[:63].rstrip("-")


def is_ours(namespace: Json) -> bool:
    """Tell whether a drill made a namespace."""
    return bool(LABELS.items() <= (namespace["metadata"].get("labels") or {}).items())


def _namespace(name: str, probe: Probe) -> Json:
    level = "baseline" if probe.user == _ROOT else "restricted"
    labels = {**LABELS, "pod-security.kubernetes.io/enforce": level}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def _isolation(namespace: str) -> Json:
    """Return what keeps a probe, which has an app's data of yesterday, from everybody, and everybody from it."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "nobody", "namespace": namespace},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
    }


def _job(namespace: str, probe: Probe) -> Json:
    root = probe.user == _ROOT
    pod: Json = {"runAsNonRoot": not root, "seccompProfile": {"type": "RuntimeDefault"}}
    if probe.user is not None:
        pod["runAsUser"] = probe.user
    # Images that begin as root go on as the user of their app, which takes what these would take away.
    own = {} if root else {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {
        "name": "probe",
        "image": probe.image,
        "command": list(probe.command),
        "securityContext": own,
        "volumeMounts": [{"name": "data", "mountPath": probe.path}],
    }
    spec = {
        "restartPolicy": "Never",
        # The pod's own, not the job's: it is there afterwards, and so are its last words.
        "activeDeadlineSeconds": probe.timeout,
        "terminationGracePeriodSeconds": _GRACE_S,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": pod,
        "containers": [container],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": probe.claim.partition("/")[2]}}],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "probe", "namespace": namespace},
        "spec": {"backoffLimit": 0, "template": {"spec": spec}},
    }
