# SPDX-License-Identifier: GPL-3.0-or-later
"""The module as Ansible runs it: arguments in, JSON out, documented and nothing written."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.atarnet.homelab.plugins.modules import host_hardware

from tests.unit.hardware.trees import Machine

Run = t.Callable[..., dict[str, t.Any]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the module on the mini PC."""
    machine = Machine(tmp_path, "mini_pc")
    monkeypatch.setattr(host_hardware, "System", lambda _root, _runner: machine.system)

    def runner(**arguments: t.Any) -> dict[str, t.Any]:
        with patch_module_args(arguments), pytest.raises(SystemExit):
            host_hardware.main()
        return t.cast("dict[str, t.Any]", json.loads(capsys.readouterr().out))

    return runner


def test_looks_without_wishes(run: Run) -> None:
    result = run(_ansible_check_mode=True)
    assert (result["changed"], result["usable"], result["problems"]) == (False, [], [])
    assert [disk["name"] for disk in result["hardware"]["disks"]] == ["nvme0n1", "sda", "sdb"]


def test_fit(run: Run) -> None:
    result = run(host="node1", disks=[{"serial": "WD-WCC7K0123456", "tier": "hdd"}], ports={"enp1s0": 2500})
    assert result["usable"] == [
        {"disk": "sda", "serial": "WD-WCC7K0123456", "tier": "hdd", "because": "it is empty", "contents": ""},
    ]
    assert result["msg"].startswith("node1: ASUSTeK")


def test_refused_with_everything_that_was_seen(run: Run) -> None:
    result = run(host="node1", disks=[{"serial": "x", "tier": "hdd"}], ports={"eth9": 0})
    assert result["failed"] is True
    assert result["msg"].splitlines() == result["problems"]
    assert [text[:30] for text in result["problems"]] == [
        "Using disk x of host node1 for",
        "Using port eth9 of host node1:",
    ]
    assert result["hardware"]["cpu"]["threads"] == 4


def test_every_key_of_the_result_is_documented(run: Run) -> None:
    documented, result = yaml.safe_load(host_hardware.RETURN), run()
    assert set(result) - {"changed", "invocation"} == set(documented)
    hardware, told = result["hardware"], documented["hardware"]["contains"]
    assert set(hardware) == set(told)
    for name in ("disks", "interfaces"):
        assert set(hardware[name][0]) == set(told[name]["contains"])
