# SPDX-License-Identifier: GPL-3.0-or-later
"""From registered results to a report for people, programs and Prometheus."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._report import leaves, render
from ansible_collections.atarnet.homelab.plugins.module_utils._report.collect import Line, collect, states

FILE = {"resource": "file:/etc/hosts", "action": "update", "before": "0644, sha256 aa", "after": "0644, sha256 bb"}
PACKAGE = {"resource": "package:socat", "action": "install", "before": "absent", "after": "present"}
OBJECT = "v1 ConfigMap shop/settings"
CNI = {
    "changes": [{"object": OBJECT, "action": "update"}],
    "diff": [{"before_header": OBJECT, "before": "data: {a: '1', b: x}", "after": "data: {a: '2', b: x}"}],
    "notes": ["something known after apply"],
    "requests": {"read": 1},
}
RELEASE = {
    "changes": [
        {"release": "web/one", "action": "upgrade", "reason": "values changed"},
        {"release": "web/two", "action": "install", "reason": "not there"},
    ],
    "diff": [
        {"before_header": "release web/one", "before": "values: (unchanged)", "after": "values: (changed)"},
        {"before_header": "v1 Service web/one", "before": "spec: {port: [80]}", "after": "spec: {port: [81]}"},
        {"before_header": "release web/two", "before": "", "after": "chart: two 1.0.0"},
        {"before_header": "v1 Service web/two", "before": "", "after": "spec: {}"},
    ],
    "requests": {"read": 1},
}  # fmt: skip
SKIPPED = {"changed": False, "skipped": True}
HOSTS: dict[str, dict[str, t.Any]] = {
    "cp1": {"node_result": {"changes": [PACKAGE]}, "cni_result": CNI, "other": {"changes": [FILE]}, "plain_result": 1},
    "w1": {"node_result": {"changes": [PACKAGE, FILE]}, "cni_result": CNI},
}


def test_hosts_and_cluster() -> None:
    report = collect(HOSTS)
    assert [(line.layer, line.where, line.object, line.action) for line in report.lines] == [
        ("node", "cp1", "package:socat", "install"),
        ("cni", "cluster", OBJECT, "update"),
        ("node", "w1", "package:socat", "install"),
        ("node", "w1", "file:/etc/hosts", "update"),
    ]
    assert report.lines[1].fields == [{"path": ".data.a", "old": "1", "new": "2"}]
    assert report.lines[3].fields == [{"path": "", "old": "0644, sha256 aa", "new": "0644, sha256 bb"}]
    assert report.notes == ["something known after apply"]


def test_releases_have_the_fields_of_their_objects() -> None:
    one, two = collect({"cp1": {"apps_result": RELEASE}}).lines
    assert one.fields == [
        {"path": ".values", "old": "(unchanged)", "new": "(changed)"},
        {"path": "v1 Service web/one .spec.port[0]", "old": 80, "new": 81},
    ]
    assert [leaf["new"] for leaf in two.fields] == ["present", "present"]


LEAVES = {
    "created": ("", "a: 1", [("", "absent", "present")]),
    "deleted": ("a: 1", "", [("", "present", "absent")]),
    "same": ("a: [1, {b: 2}]", "a: [1, {b: 2}]", []),
    "key gone": ("a: 1\nb: 2", "a: 1", [(".b", 2, None)]),
    "key added": ("a: 1", "b: {c: 2}\na: 1", [(".b", None, {"c": 2})]),
    "deep": ("a: [{b: 1}, {c: 2}]", "a: [{b: 1}, {c: 3}]", [(".a[1].c", 2, 3)]),
    "longer list": ("a: [1]", "a: [1, 2]", [(".a", [1], [1, 2])]),
    "other type": ("a: '1'", "a: 1", [(".a", "1", 1)]),
}


@pytest.mark.parametrize(("before", "after", "expected"), LEAVES.values(), ids=LEAVES)
def test_leaves(before: str, after: str, expected: list[tuple[str, t.Any, t.Any]]) -> None:
    found = leaves.between({"before": before, "after": after})
    assert [(leaf["path"], leaf["old"], leaf["new"]) for leaf in found] == expected


def test_states() -> None:
    given = {
        **HOSTS,
        "w2": {"node_result": {"changes": []}},
        "w3": {},
        "w4": {"node_result": {"changes": []}, "cni_result": SKIPPED},
        "gw": {"network_result": {"changes": []}, "cni_result": CNI},
    }
    assert states(given) == {
        "cp1": "seen", "w1": "seen", "w2": "lost after node", "w3": "not seen", "w4": "seen", "gw": "seen",
    }  # fmt: skip
    assert states({"w1": {}}) == {"w1": "not seen"}


def test_text_has_the_same_change_of_several_hosts_once() -> None:
    hosts = {"cp1": "seen", "w1": "seen", "w2": "not seen"}
    assert render.as_text(collect(HOSTS), "Plan of home", hosts).splitlines() == [
        "Plan of home: 4 changes on cp1, cluster, w1",
        "node",
        "  + package:socat    cp1, w1  install: absent -> present",
        "  ~ file:/etc/hosts  w1  update: 0644, sha256 aa -> 0644, sha256 bb",
        "cni",
        f"  ~ {OBJECT}  cluster  update: .data.a",
        "host w2: not seen",
        "note: something known after apply",
    ]
    assert render.as_text(collect({"cp1": {}}), "Plan of home", {"cp1": "seen"}) == "Plan of home: no change"


def test_data_is_json() -> None:
    data = render.as_data(collect(HOSTS), "home", "2026-11-24T10:00:00Z", {"cp1": "seen", "w1": "seen"})
    again = json.loads(render.as_json(data))
    assert again == data
    assert Line(**again["changes"][0]) == collect(HOSTS).lines[0]


def test_metrics() -> None:
    data = render.as_data(collect(HOSTS), 'ho"me', "2026-11-24T10:00:00Z", {"cp1": "seen", "w1": "not seen"})
    lines = render.as_metrics(data, 1764000000).splitlines()
    assert 'homelab_drift_changes{lab="ho\\"me"} 4' in lines
    assert 'homelab_drift_changes_by_place{lab="ho\\"me",where="w1",layer="node"} 2' in lines
    assert 'homelab_drift_host_seen{lab="ho\\"me",host="w1"} 0' in lines
    assert 'homelab_drift_checked_timestamp_seconds{lab="ho\\"me"} 1764000000' in lines
