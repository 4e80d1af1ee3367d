# SPDX-License-Identifier: GPL-3.0-or-later
"""Records as Helm keeps them, and what differs from them."""

from __future__ import annotations

import base64
import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._helm.charts import Chart
from ansible_collections.atarnet.homelab.plugins.module_utils._helm.command import cause
from ansible_collections.atarnet.homelab.plugins.module_utils._helm.locks import Note
from ansible_collections.atarnet.homelab.plugins.module_utils._helm.model import Release
from ansible_collections.atarnet.homelab.plugins.module_utils._helm.plan import (
    Step,
    decide,
    differences,
    hindrance,
    objects,
    remains,
    strays,
)
from ansible_collections.atarnet.homelab.plugins.module_utils._helm.storage import (
    CHART_LABEL,
    RUN_LABEL,
    Record,
    decode,
    encode,
    history,
)
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.errors import KubeError

RELEASE = Release("web", "apps", chart="oci://example.test/web", version="1.0.0", values={"a": 1}, timeout=100)
LOCAL = Chart("/charts/web", "web", "1.0.0", "ab" * 32)


def secret(
    status: str = "deployed", revision: int = 1, label: str = "", run: str = "", **body: t.Any
) -> dict[str, t.Any]:
    """Return a Secret as Helm stores a revision."""
    full = {
        "version": revision,
        "info": {"status": status, "last_deployed": "2026-01-01T00:00:00.123456789Z"},
        "chart": {"metadata": {"name": "web", "version": "1.0.0"}},
        "config": {"a": 1.0},
        **body,
    }
    labels = {"name": "web", "owner": "helm", CHART_LABEL: label, RUN_LABEL: run}
    name = f"sh.helm.release.v1.web.v{revision}"
    return {"metadata": {"name": name, "namespace": "apps", "labels": labels}, "data": {"release": encode(full)}}


def record(*arguments: t.Any, **named: t.Any) -> Record:
    """Return the record of such a Secret."""
    return decode(secret(*arguments, **named))


@pytest.mark.parametrize(
    ("release", "records", "chart", "reasons"),
    [
        (RELEASE, [record()], None, None),
        (RELEASE, [], None, ["not installed"]),
        (RELEASE, [record("uninstalled")], None, ["not installed"]),
        (RELEASE, [record("failed")], None, ["status failed"]),
        (RELEASE, [record(config={"a": True})], None, ["values changed"]),
        (RELEASE, [record(config=None)], None, ["values changed"]),
        (RELEASE, [record(label="ab" * 20)], LOCAL, None),
        (RELEASE, [record(label="cd" * 20)], LOCAL, ["the chart's content changed"]),
        (RELEASE, [record()], LOCAL, ["the chart's digest is not noted"]),
        (
            RELEASE,
            [record(chart={"metadata": {"name": "web", "version": "0.9.0"}})],
            None,
            ["chart web 0.9.0 becomes web 1.0.0"],
        ),
        (Release("web", "apps", "absent"), [], None, None),
        (Release("web", "apps", "absent"), [record("uninstalled")], None, ["its history is left"]),
        (Release("web", "apps", "absent"), [record()], None, ["absent is wanted"]),
    ],
)
def test_decide(release: Release, records: list[Record], chart: Chart | None, reasons: list[str] | None) -> None:
    step = decide(release, records, chart)
    assert (step.reasons if step else None) == reasons


def test_history_is_newest_first() -> None:
    found = history([secret(revision=2), secret(revision=10)])
    assert [item.revision for item in found["apps", "web"]] == [10, 2]


@pytest.mark.parametrize("content", ["!", "", base64.b64encode(b"plain").decode()])
def test_a_foreign_secret_is_named(content: str) -> None:
    damaged = {**secret(), "data": {"release": content}}
    with pytest.raises(KubeError, match=r"apps/sh\.helm\.release\.v1\.web\.v1: it is not what Helm writes"):
        decode(damaged)


@pytest.mark.parametrize(
    ("status", "age", "left", "told"),
    [
        ("pending-upgrade", 0, Note(), "has been pending-upgrade for 0 s"),
        ("pending-upgrade", 299, Note(1, "other", 1), "has been pending-upgrade for 299 s"),
        ("pending-upgrade", 301, Note(), ""),
        ("pending-upgrade", 0, Note(1, "mine", 1), ""),
        ("failed", 0, Note(), ""),
    ],
)
def test_only_a_young_record_of_somebody_else_hinders(status: str, age: int, left: Note, told: str) -> None:
    step = decide(RELEASE, [record(status, run="mine")], None)
    assert step is not None and step.newest is not None
    found = hindrance(step, left, step.newest.changed_at + age)
    assert told in found and bool(found) == bool(told)


def config_maps(*names: str) -> str:
    """Return a manifest of ConfigMaps; a star marks one that is to be kept."""
    kept = ', annotations: {"helm.sh/resource-policy": keep}'
    return "".join(
        f"\n---\n{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name[0]}{kept if '*' in name else ''}}}}}"
        for name in names
    )


@pytest.mark.parametrize(
    ("state", "history", "wanted", "left"),
    [
        ("present", [("pending-upgrade", "ab"), ("deployed", "a")], "a", "b"),
        ("present", [("pending-upgrade", "ab"), ("deployed", "a")], "ab", ""),
        ("present", [("pending-rollback", "a"), ("failed", "ab"), ("deployed", "a")], "a", "b"),
        ("present", [("failed", "a"), ("failed", "b")], "a", "b"),
        ("present", [("deployed", "a"), ("failed", "b")], "c", ""),
        ("present", [("pending-upgrade", ("a", "b*")), ("deployed", "a")], "a", ""),
        ("present", [("uninstalling", "b"), ("deployed", "a")], "a", "a"),
        ("absent", [("failed", "b"), ("deployed", "a")], "", "a"),
    ],
)
def test_what_helm_would_leave_behind(
    state: str, history: list[tuple[str, t.Iterable[str]]], wanted: str, left: str
) -> None:
    release = Release("web", "apps", state, chart="oci://example.test/web", version="1.0.0")
    records = [record(status, 9 - index, manifest=config_maps(*names)) for index, (status, names) in enumerate(history)]
    step = Step(release, "upgrade" if state == "present" else "uninstall", [], records)
    assert "".join(ref.name for ref in strays(step, objects(config_maps(*wanted), "apps", "x"))) == left


def test_remains_begin_with_the_deployed_revision() -> None:
    history = [("failed", "b"), ("deployed", "a"), ("failed", "x")]
    records = [record(status, 9 - index, manifest=config_maps(name)) for index, (status, name) in enumerate(history)]
    assert [key[3] for key in remains(Step(RELEASE, "upgrade", [], records))] == ["a", "b"]


def test_differences_mask_secrets_and_keep_what_stays() -> None:
    kept = "{apiVersion: v1, kind: ConfigMap, metadata: {name: k, annotations: {helm.sh/resource-policy: keep}}}"
    one = "{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {a: canary-1}}"
    two = one.replace("canary-1", "canary-2")
    before, after = objects(f"{one}\n---\n{kept}", "apps", "x"), objects(two, "apps", "x")
    entries, notes = differences(before, after)
    assert [entry["after_header"] for entry in entries] == ["v1 Secret apps/s"]
    assert "canary" not in str(entries) and "(changed)" in entries[0]["after"]
    assert notes == ["v1 ConfigMap apps/k: stays, its annotation helm.sh/resource-policy says so"]


def test_tests_are_no_objects_of_a_release() -> None:
    text = '{apiVersion: v1, kind: Pod, metadata: {name: t, annotations: {"helm.sh/hook": test}}}'
    assert objects(text, "apps", "x") == {}


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("", "Helm failed without a word"),
        ('Error: namespaces "apps" not found', "Set create_namespace: true"),
        ("level=WARN msg=x\nError: boom", "boom. Correct"),
        ('failing loading "https://example.test/s.json": x', "refers to https://example.test/s.json"),
    ],
)
def test_causes(told: str, shown: str) -> None:
    assert shown in cause(told, RELEASE)
