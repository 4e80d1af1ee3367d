# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventories of the virtual machines say is sound, and each kind stands alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._lab import model
from ansible_collections.atarnet.homelab.plugins.module_utils._lab.plan import compile_plan

from lab.paths import Paths
from lab.vm import machines, sources
from lab.vm.runner import Machines
from tests.negative.cases import the_lock, the_options

SUPPLIES = {"homelab_artifact_mirrors": ["http://192.168.10.250:8080"], "homelab_registry_mirrors": {}}


def test_the_node_with_disks_becomes_pools_of_them() -> None:
    given = machines.of_storage("/key", SUPPLIES)
    plan = compile_plan(model.parse(given, the_options(), model.Surroundings(lock=the_lock())), the_lock())
    (daemon,) = plan["storage"]["topolvm"]["daemons"]
    assert [one["volume-group"] for one in daemon["classes"]] == ["homelab-ssd", "homelab-hdd"]
    disks = plan["hardware"][machines.STORE.name]["disks"]
    assert [disk["serial"] for disk in disks] == list(machines.STORE.disks)


def test_the_network_of_the_others_is_sound() -> None:
    given = machines.of_network("/key")
    assert model.parse(given, the_options(), model.Surroundings(lock=the_lock())).network


@pytest.mark.parametrize("kind", machines.KINDS)
def test_no_two_machines_are_born_alike(kind: str) -> None:
    assert len({machine.born for machine in machines.KINDS[kind]}) == len(machines.KINDS[kind])


def test_kinds_do_not_meet(tmp_path: Path) -> None:
    paths = Paths("lab", tmp_path, tmp_path, tmp_path)
    found = [Machines(paths, kind) for kind in machines.KINDS]
    assert len({one.folder for one in found}) == len({one.namespace for one in found}) == len(found)


def test_a_machine_alone_is_born_with_a_way_out_and_room() -> None:
    script = machines.born_script(machines.STORE, "key")
    assert "gateway 192.168.10.250" in script and "resize2fs /dev/vda" in script
    assert "gateway" not in machines.born_script(machines.PROBE, "key")


def test_servers_that_are_gone_are_forgotten(tmp_path: Path) -> None:
    (tmp_path / "mirror.pid").write_text("1")
    sources.end(tmp_path)
    assert not list(tmp_path.glob("*.pid")), "process 1 is none of ours, and still runs"
