# SPDX-License-Identifier: GPL-3.0-or-later
"""What is installed for the provisioner, and what its scripts do to a folder."""

from __future__ import annotations

import json
import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml

from tests.unit.storage.support import TIERS, Json, only, plan, rendered


@pytest.fixture(name="objects", scope="module")
def _objects() -> list[Json]:
    return rendered(plan({"tiers": TIERS}))


def data(objects: t.Iterable[Json]) -> dict[str, str]:
    return dict(only(objects, "ConfigMap")["data"])


def test_the_provisioner_is_told_the_plans_folders(objects: list[Json]) -> None:
    config = json.loads(data(objects)["config.json"])
    assert config["nodePathMap"] == plan({"tiers": TIERS})["storage"]["paths"]


def test_images_are_the_locks(objects: list[Json]) -> None:
    images = plan({"tiers": TIERS})["images"]
    (container,) = only(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert container["image"] == images["local_path_provisioner"]
    (helper,) = yaml.safe_load(data(objects)["helperPod.yaml"])["spec"]["containers"]
    assert helper["image"] == images["busybox"]


def test_no_right_is_more_than_its_work(objects: list[Json]) -> None:
    rules = [rule for item in objects if item["kind"] in ("Role", "ClusterRole") for rule in item["rules"]]
    for rule in rules:
        assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
        assert "secrets" not in rule["resources"]
    everywhere = [
        rule for rule in only(objects, "ClusterRole")["rules"] if {"pods", "configmaps"} & {*rule["resources"]}
    ]
    assert not everywhere


def test_only_root_without_its_powers_makes_folders(objects: list[Json]) -> None:
    pod = yaml.safe_load(data(objects)["helperPod.yaml"])["spec"]
    assert pod["automountServiceAccountToken"] is False
    context = pod["containers"][0]["securityContext"]
    assert context["readOnlyRootFilesystem"] is True and context["allowPrivilegeEscalation"] is False
    assert {"SETUID", "NET_RAW", "MKNOD", "SYS_CHROOT"} <= {*context["capabilities"]["drop"]}


def run(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {"VOL_DIR": str(folder), "PATH": "/usr/bin:/bin"}
    return subprocess.run(["sh", "-c", script], env=environment, capture_output=True, text=True, check=False)


def test_volumes_are_made_and_removed_beside_the_mark(objects: list[Json], tmp_path: Path) -> None:
    (tmp_path / ".homelab-tier").touch()
    volume = tmp_path / "pvc-1_apps_data"
    assert run(data(objects)["setup"], volume).returncode == 0
    assert volume.stat().st_mode & 0o777 == 0o777
    assert run(data(objects)["setup"], volume).returncode == 0, "a second time is no error"
    (volume / "file").touch()
    assert run(data(objects)["teardown"], volume).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == [".homelab-tier"]


@pytest.mark.parametrize("name", ["setup", "teardown"])
def test_without_the_mark_nothing_is_made_or_removed(objects: list[Json], name: str, tmp_path: Path) -> None:
    volume = tmp_path / "pvc-1_apps_data"
    if name == "teardown":
        volume.mkdir()
    before = list(tmp_path.iterdir())
    done = run(data(objects)[name], volume)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{tmp_path}/.homelab-tier is missing: the disk of this tier is not mounted")
    assert list(tmp_path.iterdir()) == before
