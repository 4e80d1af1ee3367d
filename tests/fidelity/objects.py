# SPDX-License-Identifier: GPL-3.0-or-later
"""A generated set of mixed objects, and what people and programs do to them between two runs."""

from __future__ import annotations

import copy
import json
import random
import typing as t

from tests.support.lab import TOOLBOX

Json = dict[str, t.Any]
SPACE = "fidelity"
OWNER = "fidelity"


def namespace() -> Json:
    """Return the namespace of all other objects."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}}


def generate(count: int, seed: int) -> list[Json]:
    """Return *count* objects of ten kinds; the same seed gives the same."""
    randomness = random.Random(seed)
    makers = (_config, _secret, _service, _deployment, _role, _binding, _policy, _budget, _cron_job, _account)
    return [makers[number % len(makers)](f"o{number}", randomness) for number in range(count)]


def _object(api_version: str, kind: str, name: str, **content: t.Any) -> Json:
    metadata = {"name": name, "namespace": SPACE, "labels": {"app": name, "tier": "test"}}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}


def _pod() -> Json:
    return {"containers": [{"name": "main", "image": TOOLBOX, "command": ["sleep", "1000"]}]}


def _config(name: str, randomness: random.Random) -> Json:
    data = {f"key{number}": str(randomness.randrange(1000)) for number in range(4)}
    return _object("v1", "ConfigMap", name, data=data)


def _secret(name: str, randomness: random.Random) -> Json:
    return _object("v1", "Secret", name, stringData={"password": f"p{randomness.randrange(10**9)}", "user": "me"})


def _service(name: str, randomness: random.Random) -> Json:
    ports = [{"name": f"p{port}", "port": port} for port in randomness.sample(range(1000, 9000), 2)]
    return _object("v1", "Service", name, spec={"selector": {"app": name}, "ports": ports})


def _deployment(name: str, randomness: random.Random) -> Json:
    pod = _pod()
    pod["containers"][0]["env"] = [{"name": f"E{number}", "value": str(randomness.random())} for number in range(3)]
    template = {"metadata": {"labels": {"app": name}}, "spec": pod}
    selector = {"matchLabels": {"app": name}}
    return _object("apps/v1", "Deployment", name, spec={"replicas": 0, "selector": selector, "template": template})


def _role(name: str, _randomness: random.Random) -> Json:
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]
    return _object("rbac.authorization.k8s.io/v1", "Role", name, rules=rules)


def _binding(name: str, _randomness: random.Random) -> Json:
    subjects = [{"kind": "ServiceAccount", "name": "default", "namespace": SPACE}]
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "some"}
    return _object("rbac.authorization.k8s.io/v1", "RoleBinding", name, subjects=subjects, roleRef=reference)


def _policy(name: str, _randomness: random.Random) -> Json:
    spec = {"podSelector": {"matchLabels": {"app": name}}, "policyTypes": ["Ingress"], "ingress": []}
    return _object("networking.k8s.io/v1", "NetworkPolicy", name, spec=spec)


def _budget(name: str, _randomness: random.Random) -> Json:
    return _object(
        "policy/v1", "PodDisruptionBudget", name, spec={"minAvailable": 1, "selector": {"matchLabels": {"app": name}}}
    )


def _cron_job(name: str, randomness: random.Random) -> Json:
    pod = {**_pod(), "restartPolicy": "Never"}
    spec: Json = {
        "schedule": f"{randomness.randrange(60)} 3 * * *",
        "suspend": True,
        "jobTemplate": {"spec": {"template": {"spec": pod}}},
    }
    return _object("batch/v1", "CronJob", name, spec=spec)


def _account(name: str, _randomness: random.Random) -> Json:
    return _object("v1", "ServiceAccount", name, automountServiceAccountToken=False)


def by_hand(item: Json, way: str) -> list[str]:
    """Return kubectl's arguments for a change that a person makes to a live object.

    way is "label" (one of ours), "foreign" (one that is nobody's), "unlabel" or "gone".
    """
    target: list[str] = ["-n", SPACE, item["kind"], item["metadata"]["name"]]
    if way == "gone":
        return ["delete", *target, "--wait=true"]
    change = {"label": "tier=by-hand", "foreign": "note=by-hand", "unlabel": "tier-"}[way]
    return ["label", *target, "--overwrite", change]


def patch(item: Json) -> list[str]:
    """Return kubectl's arguments for a change of the object's content by hand."""
    contents: dict[str, Json] = {
        "ConfigMap": {"data": {"key0": "by hand"}},
        "Secret": {"stringData": {"user": "by hand"}},
        "Service": {"spec": {"selector": {"app": "by-hand"}}},
        "Deployment": {"spec": {"template": {"spec": {"containers": [{"name": "main", "command": ["true"]}]}}}},
        "Role": {"rules": []},
        "RoleBinding": {"subjects": []},
        "NetworkPolicy": {"spec": {"policyTypes": ["Ingress", "Egress"]}},
        "PodDisruptionBudget": {"spec": {"minAvailable": 2}},
        "CronJob": {"spec": {"schedule": "0 0 * * *"}},
        "ServiceAccount": {"automountServiceAccountToken": True},
    }
    content = contents[item["kind"]]
    return ["-n", SPACE, "patch", item["kind"], item["metadata"]["name"], "-p", json.dumps(content)]


def rewritten(item: Json) -> Json:
    """Return the object as its author changes it."""
    changed = copy.deepcopy(item)
    changed["metadata"]["labels"]["tier"] = "rewritten"
    changed["metadata"]["annotations"] = {"example.test/why": "the author changed it"}
    if item["kind"] == "ConfigMap":
        del changed["data"]["key1"]
    if item["kind"] == "Service":
        changed["spec"]["ports"].reverse()
    if item["kind"] == "Deployment":
        del changed["spec"]["template"]["spec"]["containers"][0]["env"][1]
    return changed
