# SPDX-License-Identifier: GPL-3.0-or-later
"""What counts as a difference is decided by the fields we own, whatever else is in the live object."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._kube import fields

OURS = "atarnet-homelab/test"
PORT = 'k:{"containerPort":80,"protocol":"TCP"}'
KEYED = {"f:ports": {PORT: {".": {}, "f:containerPort": {}}}}
TWO = {'k:{"name":"a"}': {".": {}, "f:name": {}}, 'k:{"name":"b"}': {".": {}, "f:name": {}}}
A_THEN_B = [{"name": "a"}, {"name": "b"}]

# what: (desired spec, owned fields of spec, live spec, paths that differ)
DIFFERENCES: dict[str, tuple[t.Any, fields.Fields, t.Any, list[str]]] = {
    "equal": ({"a": 1}, {"f:a": {}}, {"a": 1}, []),
    "a value": ({"a": 1}, {"f:a": {}}, {"a": 2}, [".spec.a"]),
    "a value that is gone": ({"a": 1}, {"f:a": {}}, {}, [".spec.a"]),
    "true is not 1": ({"a": True}, {"f:a": {}}, {"a": 1}, [".spec.a"]),
    "a field of others": ({"a": 1}, {"f:a": {}}, {"a": 1, "b": 2}, []),
    "a field not ours yet": ({"a": 1}, {}, {"a": 1}, [".spec"]),
    "a second field not ours yet": ({"a": 1, "b": 2}, {"f:a": {}}, {"a": 1, "b": 2}, [".spec.b"]),
    "a field that left": ({"a": 1}, {"f:a": {}, "f:b": {}}, {"a": 1, "b": 2}, [".spec.b"]),
    "nested": ({"a": {"b": 1}}, {"f:a": {"f:b": {}}}, {"a": {"b": 2, "c": 3}}, [".spec.a.b"]),
    "an atomic mapping": ({"a": {"b": 1}}, {"f:a": {}}, {"a": {"b": 1, "c": 3}}, [".spec.a"]),
    "an atomic list": ({"a": [1, 2]}, {"f:a": {}}, {"a": [1, 2]}, []),
    "an atomic list in another order": ({"a": [1, 2]}, {"f:a": {}}, {"a": [2, 1]}, [".spec.a"]),
    "an empty value the server dropped": ({"a": {}, "b": []}, {"f:a": {}, "f:b": {}}, {}, []),
    "an empty value others filled": ({"a": {}}, {"f:a": {}}, {"a": {"b": 1}}, [".spec.a"]),
    "a key the server completed": (
        {"ports": [{"containerPort": 80}]},
        KEYED,
        {"ports": [{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 80, "protocol": "TCP", "x": 1}]},
        [],
    ),
    "a keyed item that left": (
        {"ports": []},
        KEYED,
        {"ports": [{"containerPort": 80, "protocol": "TCP"}]},
        [".spec.ports[containerPort=80,protocol=TCP]"],
    ),
    "a keyed item that somebody removed": (
        {"ports": [{"containerPort": 80}]},
        KEYED,
        {"ports": []},
        [".spec.ports[containerPort=80,protocol=TCP]"],
    ),
    "a new keyed item": (
        {"ports": [{"containerPort": 80}, {"containerPort": 81}]},
        KEYED,
        {"ports": [{"containerPort": 80, "protocol": "TCP"}]},
        [".spec.ports"],
    ),
    "keyed items among others": (
        {"l": A_THEN_B},
        {"f:l": TWO},
        {"l": [{"name": "x"}, {"name": "a"}, {"name": "y"}, {"name": "b"}]},
        [],
    ),
    "keyed items in another order": ({"l": A_THEN_B}, {"f:l": TWO}, {"l": A_THEN_B[::-1]}, [".spec.l"]),
    "a value in a keyed item": (
        {"l": [{"name": "a", "v": 1}]},
        {"f:l": {'k:{"name":"a"}': {".": {}, "f:name": {}, "f:v": {}}}},
        {"l": [{"name": "a", "v": 2}]},
        [".spec.l[name=a].v"],
    ),
    "a set among others": ({"s": ["a"]}, {"f:s": {'v:"a"': {}}}, {"s": ["x", "a"]}, []),
    "a set that lost a value": ({"s": ["a"]}, {"f:s": {'v:"a"': {}}}, {"s": ["x"]}, [".spec.s"]),
    "a set with a new value": ({"s": ["a", "b"]}, {"f:s": {'v:"a"': {}}}, {"s": ["a", "b"]}, [".spec.s"]),
    "a set that gives a value up": ({"s": []}, {"f:s": {'v:"a"': {}}}, {"s": ["a"]}, [".spec.s"]),
    "list entries by index": ({"l": [1]}, {"f:l": {"i:0": {}}}, {"l": [1]}, [".spec.l"]),
    "another type": ({"a": {"b": 1}}, {"f:a": {"f:b": {}}}, {"a": "x"}, [".spec.a"]),
}


@pytest.mark.parametrize("case", DIFFERENCES)
def test_differences(case: str) -> None:
    desired, owned, live, paths = DIFFERENCES[case]
    found = fields.differences({"spec": desired}, {"f:spec": owned} if owned else {}, {"spec": live})
    assert [item.path for item in found] == paths


def test_type_and_name_are_nobodys_fields() -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "b"}}
    assert fields.differences(body, {}, {**body, "metadata": {"name": "a", "uid": "1"}}) == []


def managed(manager: str, tree: fields.Fields, operation: str = "Apply", **more: str) -> dict[str, t.Any]:
    """Return one entry of managedFields."""
    return {"manager": manager, "operation": operation, "fieldsV1": tree, **more}


def test_ours_is_what_our_manager_applied_to_the_object_itself() -> None:
    entries = [
        managed(OURS, {"f:data": {"f:a": {}}}, apiVersion="v1"),
        managed(OURS, {"f:data": {"f:b": {}}}, apiVersion="v2"),
        managed(OURS, {"f:data": {"f:c": {}}}, operation="Update"),
        managed(OURS, {"f:status": {}}, subresource="status"),
        managed("kubectl", {"f:data": {"f:d": {}}}),
    ]
    live = {"metadata": {"managedFields": entries}}
    assert fields.owned_fields(live, OURS) == {"f:data": {"f:a": {}, "f:b": {}}}


@pytest.mark.parametrize(
    ("manager", "subresource", "expected"),
    [
        ("kube-controller-manager", "scale", True),
        ("kubectl", "scale", False),
        ("kube-controller-manager", "status", False),
    ],
    ids=["the autoscaler", "kubectl scale", "a controller's status"],
)
def test_only_the_autoscaler_takes_replicas(manager: str, subresource: str, expected: bool) -> None:
    entry = managed(manager, {"f:spec": {"f:replicas": {}}}, "Update", subresource=subresource)
    assert fields.autoscaled({"metadata": {"managedFields": [entry]}}) is expected


PROJECTIONS: dict[str, tuple[t.Any, fields.Fields, t.Any]] = {
    "fields": ({"a": 1, "b": 2}, {"f:a": {}}, {"a": 1}),
    "a leaf with all below": ({"a": {"b": 1}}, {"f:a": {}}, {"a": {"b": 1}}),
    "a field that is gone": ({}, {"f:a": {}}, {}),
    "keyed items with their key, in live order": (
        {"l": [{"name": "b", "v": 1}, {"name": "x"}, {"name": "a", "v": 2}]},
        {"f:l": {'k:{"name":"a"}': {".": {}, "f:v": {}}, 'k:{"name":"b"}': {".": {}}}},
        {"l": [{"name": "b"}, {"name": "a", "v": 2}]},
    ),
    "values of a set": ({"s": ["x", "a"]}, {"f:s": {'v:"a"': {}}}, {"s": ["a"]}),
}


@pytest.mark.parametrize("case", PROJECTIONS)
def test_project(case: str) -> None:
    value, tree, expected = PROJECTIONS[case]
    assert fields.project(value, tree) == expected


def test_a_digest_tells_the_servers_rewriting_from_drift() -> None:
    tree = {"f:spec": {"f:cpu": {}, "f:a": {}}}
    body = {"spec": {"cpu": "1000m", "a": 1}}

    def digest(**live: t.Any) -> str:
        return fields.settled_digest(fields.differences(body, tree, {"spec": live}))

    assert digest(cpu="1000m", a=1) == ""
    assert digest(cpu="1", a=1) == digest(a=1, cpu="1", other=3)
    assert len({digest(cpu="1", a=1), digest(cpu="2", a=1), digest(cpu="1", a=2)}) == 3
