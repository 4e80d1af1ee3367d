# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read of releases, and what of it is refused."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._helm.model import (
    hide,
    merge,
    plain,
    read_releases,
    same_values,
)
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.errors import KubeError

ITEM: dict[str, t.Any] = {
    "name": "web",
    "namespace": "apps",
    "state": "present",
    "chart": "oci://registry.example.test/charts/web",
    "version": "1.0.0",
    "create_namespace": False,
    "wait": True,
    "timeout": 300,
    "rollback": True,
    "skip_schema_validation": False,
}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"version": None}, "key version is missing"),
        ({"version": "latest"}, "no exact version"),
        ({"version": "^1.0.0"}, "no exact version"),
        ({"version": "1.0"}, "no exact version"),
        ({"chart": None}, "key chart is missing"),
        ({"chart": "oci://registry.example.test/web:1.0.0"}, "has a tag or digest"),
        ({"chart": "https://example.test/web.tgz"}, "is a URL"),
        ({"chart": "a/b", "repositories": ["https://example.test"]}, "is not the name of a chart"),
        ({"chart": "web", "repositories": ["oci://example.test"]}, "no http or https URL"),
        ({"digest": "abc"}, "no SHA-256"),
        ({"timeout": 0}, "not positive"),
        ({"name": "Web"}, "no Helm release name"),
        ({"namespace": "a.b"}, "no DNS label"),
    ],
)
def test_refused(given: dict[str, t.Any], told: str) -> None:
    with pytest.raises(KubeError, match=told):
        read_releases([{**ITEM, **given}], [{}])


def test_twice_is_refused() -> None:
    with pytest.raises(KubeError, match=r"releases\[1\]: release apps/web is there twice"):
        read_releases([ITEM, ITEM], [{}, {}])


def test_read() -> None:
    (found,) = read_releases([{**ITEM, "digest": f"sha256:{'a' * 64}"}], [{"a": 1}])
    assert (found.remote, found.chart_name, found.plain_http, found.digest) == (True, "web", False, "a" * 64)
    (near,) = read_releases([{**ITEM, "chart": "oci://127.0.0.1:5000/web"}], [{}])
    assert near.plain_http


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        ("1", 1, False),
        (None, {}, False),
        ({"a": [1, {"b": None}]}, {"a": [1.0, {"b": None}]}, True),
        ({"a": None}, {}, False),
        ([1, 2], [2, 1], False),
    ],
)
def test_same_values(one: t.Any, other: t.Any, same: bool) -> None:
    assert same_values(one, other) is same


def test_merge_keeps_nulls_and_replaces_lists() -> None:
    assert merge([{"a": {"b": 1, "c": [1]}}, {"a": {"b": None, "c": [2]}}]) == {"a": {"b": None, "c": [2]}}


def test_plain_refuses_what_json_lacks() -> None:
    with pytest.raises(KubeError, match=r"values\.a: it is a set"):
        plain({"a": {1}}, "values")


def test_hide() -> None:
    assert hide("x canary-1 Y2FuYXJ5LTE= abc", {"a": ["canary-1", "abc"]}) == "x (hidden) (hidden) abc"
