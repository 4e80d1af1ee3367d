# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab's network, record, inventory and picture."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from lab import inventory, paths, podman, services, state, status

CHECKOUT = Path(__file__).resolve().parents[3]


def lab(folder: Path, **changes: t.Any) -> state.Lab:
    prefix = "10.77.4.0/24"
    made = state.Lab(
        name="lab",
        checkout=str(CHECKOUT),
        prefix=prefix,
        segments=state.segments_of([]) | {state.CLUSTER: prefix},
        nodes=state.nodes_of(prefix),
        folder=str(folder),
        cgroup=1,
        loadable_modules=False,
        supply="build",
        artifact_mirrors=services.artifact_mirrors(prefix),
        registry_mirrors=services.registry_mirrors(prefix),
        checksums={"runc": {"amd64": "00"}},
    )
    return dataclasses.replace(made, **changes)


@pytest.mark.parametrize(
    ("used", "chosen"),
    [
        pytest.param([], "10.77.0.0/24", id="nothing-used"),
        pytest.param(["10.77.0.0/24"], "10.77.1.0/24", id="first-used"),
        pytest.param(["10.77.0.0/23", "10.77.2.17/32"], "10.77.3.0/24", id="wider-and-narrower"),
        pytest.param(["192.168.1.0/24", "0.0.0.0/0"], "10.77.0.0/24", id="elsewhere"),
        pytest.param(["10.77.1.0/24"], "10.77.0.0/24", id="gap"),
    ],
)
def test_network_overlaps_nothing(used: list[str], chosen: str) -> None:
    assert state.free_prefix(used) == chosen


def test_no_network_left_is_explained() -> None:
    with pytest.raises(state.LabError, match=r"10\.77\.0\.0/16: every /24 of it is in use"):
        state.free_prefix(["10.77.0.0/16"])


def test_record_survives_being_written(tmp_path: Path) -> None:
    made = lab(tmp_path)
    state.save(tmp_path / "lab.json", made)
    assert state.load(tmp_path / "lab.json") == made


@pytest.mark.parametrize(
    ("name", "good"),
    [
        pytest.param("two", True, id="plain"),
        pytest.param("ci-7", True, id="dash"),
        pytest.param("Two", False, id="upper"),
        pytest.param("a b", False, id="space"),
        pytest.param("x" * 21, False, id="long"),
        pytest.param("../x", False, id="path"),
    ],
)
def test_lab_names(name: str, good: bool) -> None:
    if good:
        assert paths.of_environment({"LAB": name, "HOME": "/h"}).state == Path("/h/.local/state/atarnet-homelab", name)
    else:
        with pytest.raises(paths.LabError, match=r"^Using LAB="):
            paths.of_environment({"LAB": name, "HOME": "/h"})


@pytest.mark.parametrize(
    ("cgroup", "driver", "has_lab_flag"),
    [pytest.param(1, "cgroupfs", True, id="v1"), pytest.param(2, "systemd", False, id="v2")],
)
def test_inventory_follows_the_machine(tmp_path: Path, cgroup: int, driver: str, has_lab_flag: bool) -> None:
    variables = inventory.inventory(lab(tmp_path, cgroup=cgroup))["all"]["vars"]
    assert variables["homelab_cgroup_driver"] == driver
    assert ("failCgroupV1" in variables["homelab_kubelet_config"]) == has_lab_flag


@pytest.mark.parametrize("loadable", [True, False])
def test_inventory_loads_no_modules_where_there_are_none(tmp_path: Path, loadable: bool) -> None:
    variables = inventory.inventory(lab(tmp_path, loadable_modules=loadable))["all"]["vars"]
    assert ("homelab_kernel_modules" not in variables) == loadable


def test_inventory_checks_host_keys(tmp_path: Path) -> None:
    made = inventory.inventory(lab(tmp_path))
    options = made["all"]["vars"]["ansible_ssh_common_args"]
    assert f"UserKnownHostsFile={tmp_path}/ssh/known_hosts" in options
    assert "StrictHostKeyChecking=yes" in options
    assert made["_meta"]["hostvars"]["w2"] == {"ansible_host": "10.77.4.13"}


def ask(home: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "LAB": "lab"}
    script = CHECKOUT / "inventories" / "lab" / "hosts.py"
    return subprocess.run(
        [sys.executable, script, "--list"], env=environment, capture_output=True, text=True, check=False
    )


def test_inventory_script_prints_the_recorded_lab(tmp_path: Path) -> None:
    made = lab(tmp_path)
    state.save(tmp_path / ".local/state/atarnet-homelab/lab/lab.json", made)
    done = ask(tmp_path)
    assert json.loads(done.stdout) == inventory.inventory(made), done.stderr


def test_inventory_script_says_how_to_make_a_lab(tmp_path: Path) -> None:
    done = ask(tmp_path)
    assert done.returncode == 1
    assert "Make it: `make lab`." in done.stderr


def test_status_names_what_does_not_run(tmp_path: Path) -> None:
    found = [
        podman.Container(podman.name_of("lab", name), "lab", str(tmp_path), "exited" if name == "w1" else "running")
        for name in ("cp1", "w1", "gw", "mirror", "registry", "resolver", "acme", "cloudflare", "backup", "copy")
    ]
    text = status.render(lab(tmp_path), found)
    assert "Not running: w1, w2. `make lab` brings back what is missing." in text
    assert "w2         10.77.4.13       worker         missing" in text


def test_status_of_a_lab_without_mirrors(tmp_path: Path) -> None:
    made = lab(tmp_path, name="two", supply="upstream", artifact_mirrors=[], registry_mirrors={})
    text = status.render(made, [])
    assert "mirror" not in text
    assert "make -s env LAB=two" in text


def test_place_has_a_steady_link_layer_address() -> None:
    assert podman.place("homelab-lab", "10.77.4.11") == ["--network", "homelab-lab:ip=10.77.4.11,mac=02:4d:0a:4d:04:0b"]


@pytest.mark.parametrize(
    ("cgroup", "living"),
    [
        pytest.param("11:pids:/libpod_parent/libpod-abc/init.scope\n", True, id="ours"),
        pytest.param("11:pids:/user.slice\n", False, id="number-passed-on"),
        pytest.param(None, False, id="gone"),
    ],
)
def test_dead_processes_are_recognised(tmp_path: Path, cgroup: str | None, living: bool) -> None:
    if cgroup is not None:
        (tmp_path / "7").mkdir()
        (tmp_path / "7" / "cgroup").write_text(cgroup)
    assert podman.alive("abc", 7, tmp_path) == living


def test_segments_are_apart() -> None:
    found = state.segments_of(["10.77.1.0/24"])
    assert list(found) == ["cluster", *state.SEGMENTS]
    assert list(found.values()) == [f"10.77.{number}.0/24" for number in (0, 2, 3, 4, 5)]
