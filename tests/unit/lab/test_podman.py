# SPDX-License-Identifier: GPL-3.0-or-later
"""What belongs to a lab, and what is never touched because it does not."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from lab import disks, podman, teardown
from lab.paths import Paths


def marks(lab: str) -> dict[str, str]:
    return {"homelab.owner": "atarnet-homelab", "homelab.lab": lab, "homelab.folder": f"/states/{lab}"}


CONTAINERS = [
    {"Names": ["homelab-one-cp1"], "Labels": marks("one"), "State": "running"},
    {"Names": ["homelab-two-cp1"], "Labels": marks("two"), "State": "exited"},
    {"Names": ["someone-elses"], "Labels": None, "State": "running"},
    {"Names": ["a-namesake"], "Labels": {"homelab.lab": "one"}, "State": "running"},
]
VOLUMES = [
    {"Name": "homelab-one-cp1", "Labels": marks("one")},
    {"Name": "homelab-two-cp1", "Labels": marks("two")},
    {"Name": "someone-elses", "Labels": {}},
]
NETWORKS = [
    {"name": "homelab-one", "labels": marks("one")},
    {"name": "homelab-two", "labels": marks("two")},
    {"name": "podman"},
]


@pytest.fixture(name="calls")
def _calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Answer podman's listings, filters or not, with everything there is; record the other calls."""
    made: list[tuple[str, ...]] = []

    def call(*arguments: str, attempted: str, **options: t.Any) -> str:
        listings = {"ps": CONTAINERS, "volume ls": VOLUMES, "network ls": NETWORKS}
        for words, rows in listings.items():
            if " ".join(arguments).startswith(words):
                return json.dumps(rows)
        made.append(arguments)
        return ""

    monkeypatch.setattr(podman, "call", call)
    monkeypatch.setattr(disks, "detach", lambda volumes: None)
    return made


@pytest.mark.parametrize(
    ("lab", "parts"),
    [
        pytest.param("one", ["homelab-one"], id="one"),
        pytest.param("none", [], id="none"),
        pytest.param(None, ["homelab-one", "homelab-two"], id="all"),
    ],
)
def test_only_a_labs_own_things_are_listed(calls: list[tuple[str, ...]], lab: str | None, parts: list[str]) -> None:
    nodes = [f"{part}-cp1" for part in parts]
    assert [one.name for one in podman.containers(lab)] == nodes
    assert podman.names("volume", lab) == nodes
    assert podman.names("network", lab) == parts


def test_removing_a_lab_names_nothing_of_others(calls: list[tuple[str, ...]], tmp_path: Path) -> None:
    teardown.down(Paths("two", tmp_path, tmp_path / "cache", tmp_path / "states"), "two")
    assert calls == [
        ("rm", "--force", "--time", "0", "--volumes", "homelab-two-cp1"),
        ("volume", "rm", "homelab-two-cp1"),
        ("network", "rm", "homelab-two"),
    ]


def test_a_lab_of_that_name_under_another_home_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, calls: list[tuple[str, ...]], tmp_path: Path
) -> None:
    other = tmp_path / "other" / "one"
    other.mkdir(parents=True)
    (other / "lab.json").write_text("{}")
    found = podman.Container("homelab-one-cp1", "one", str(other), "running")
    monkeypatch.setattr(podman, "containers", lambda lab: [found])
    with pytest.raises(teardown.LabError, match=r"homelab-one-cp1 belongs to the lab of that name in .*LAB=name"):
        teardown.remove_stale(Paths("one", tmp_path, tmp_path / "cache", tmp_path / "states"))
    assert calls == []


def test_a_container_that_died_with_its_monitor_can_be_started_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    row = {"Id": "abc", "State": {"Status": "stopping", "Pid": 0}}
    made: list[tuple[str, ...]] = []

    def call(*arguments: str, **options: t.Any) -> str:
        made.append(arguments)
        return json.dumps([row])

    monkeypatch.setattr(podman, "call", call)
    podman.halt("homelab-one-cp1", exits=tmp_path)
    assert (tmp_path / "abc").read_text() == "137"
    assert made[-1] == ("ps", "--all", "--sync")


def test_a_stopped_container_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    row = {"Id": "abc", "State": {"Status": "exited", "Pid": 0}}
    monkeypatch.setattr(podman, "call", lambda *arguments, **options: json.dumps([row]))
    podman.halt("homelab-one-cp1", exits=tmp_path)
    assert list(tmp_path.iterdir()) == []
