# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The compiler: from the checked input to plan["storage"], which the role storage applies. Pure."""

from __future__ import annotations

import json
import typing as t

from .model import LOCAL_PATH, MARKER, PROVISIONER, Library, Storage, Tier
from .topolvm import compile_topolvm
from .volumes import HOST, LABELS, class_of, local_volume

Json = dict[str, t.Any]

_ADMISSION = "admissionregistration.k8s.io/v1"
_READ_ONLY = "libraries-are-read-only"


def compile_storage(storage: Storage) -> Json:
    """Return plan["storage"]: JSON-able, the same for the same input.

    Of local-path, tiers are the names; hosts are, for each node with one, {folders, mounts}: all its folders, and those
    at which a disk must be mounted; paths is the provisioner's own configuration of them. topolvm is what
    compile_topolvm() says, None without such a tier. objects are the classes, and what libraries are made of.
    """
    tiers = storage.of(LOCAL_PATH)
    nodes = list(dict.fromkeys(node for tier in tiers for node in tier.nodes))
    return {
        "marker": MARKER,
        "tiers": [tier.name for tier in tiers],
        "hosts": {node: _host([tier for tier in tiers if node in tier.nodes]) for node in nodes},
        "paths": [{"node": node, "paths": [tier.volumes for tier in tiers if node in tier.nodes]} for node in nodes],
        "topolvm": compile_topolvm(storage),
        "objects": [
            *map(_class, tiers),
            *_namespaces(storage.libraries),
            *(item for library in storage.libraries for item in (_volume(library), _claim(library))),
            *_read_only([library for library in storage.libraries if not library.writable]),
        ],
    }


def _host(tiers: t.Sequence[Tier]) -> Json:
    return {
        "folders": [tier.folder for tier in tiers],
        "mounts": [tier.folder for tier in tiers if tier.mounted],
    }


def _class(tier: Tier) -> Json:
    """Return the class of a tier. Pods that wait for a volume go to one of its nodes."""
    made = class_of(tier, PROVISIONER, {"nodePath": tier.volumes}, expands=False)
    # A volume whose disk is away is not found; of the other type, the default, its folder would be made anew.
    made["metadata"]["annotations"]["defaultVolumeType"] = "local"
    made["allowedTopologies"] = [{"matchLabelExpressions": [{"key": HOST, "values": list(tier.nodes)}]}]
    return made


def _namespaces(libraries: t.Sequence[Library]) -> list[Json]:
    names = dict.fromkeys(library.namespace for library in libraries)
    return [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in names]


def _volume(library: Library) -> Json:
    """Return the volume of a library, which waits for one claim and outlives it."""
    return local_volume(
        {"name": _volume_name(library), "labels": dict(LABELS)},
        library.node,
        library.folder,
        library.namespace,
        library.name,
        **_shape(library),
        capacity={"storage": library.size},
        persistentVolumeReclaimPolicy="Retain",
    )


def _claim(library: Library) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": library.name, "namespace": library.namespace, "labels": dict(LABELS)},
        "spec": {
            **_shape(library),
            "volumeName": _volume_name(library),
            "resources": {"requests": {"storage": library.size}},
        },
    }


def _read_only(libraries: t.Sequence[Library]) -> list[Json]:
    """Return what has pods mount libraries read-only: an access mode says who may, and stops nobody who writes."""
    if not libraries:
        return []
    names = json.dumps([f"{library.namespace}/{library.name}" for library in libraries])
    is_one = f"request.namespace + '/' + one.?persistentVolumeClaim.?claimName.orValue('') in {names}"
    claim = "Object.spec.volumes.persistentVolumeClaim{claimName: one.persistentVolumeClaim.claimName, readOnly: true}"
    volume = f"Object.spec.volumes{{name: one.name, persistentVolumeClaim: {claim}}}"
    patch = f"Object{{spec: Object.spec{{volumes: object.spec.volumes.filter(one, {is_one}).map(one, {volume})}}}}"
    spaces = list(dict.fromkeys(library.namespace for library in libraries))
    name_of = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": spaces}
    pods = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    policy = {
        "failurePolicy": "Fail",
        "reinvocationPolicy": "Never",
        "matchConstraints": {"namespaceSelector": {"matchExpressions": [name_of]}, "resourceRules": [pods]},
        "matchConditions": [
            {"name": "uses-one", "expression": f"object.spec.?volumes.orValue([]).exists(one, {is_one})"}
        ],
        "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": patch}}],
    }
    return [
        _admission("MutatingAdmissionPolicy", policy),
        _admission("MutatingAdmissionPolicyBinding", {"policyName": _READ_ONLY}),
    ]


def _admission(kind: str, spec: Json) -> Json:
    metadata = {"name": _READ_ONLY, "labels": dict(LABELS)}
    return {"apiVersion": _ADMISSION, "kind": kind, "metadata": metadata, "spec": spec}


def _volume_name(library: Library) -> str:
    return f"library-{library.name}"


def _shape(library: Library) -> Json:
    """Return what volume and claim must agree on. No class: nobody provisions it."""
    return {
        "storageClassName": "",
        "accessModes": ["ReadWriteOnce" if library.writable else "ReadOnlyMany"],
        "volumeMode": "Filesystem",
    }
