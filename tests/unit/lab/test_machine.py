# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine has to be, and how the lab adapts to it."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from lab.machine import NEEDED_CAPABILITIES, Interpreter, MachineFacts, judge

GOOD = MachineFacts(
    root=True,
    system="debian",
    architecture="amd64",
    cgroup=2,
    capabilities=frozenset([*NEEDED_CAPABILITIES, "CAP_SYS_RESOURCE"]),
    memory=8000,
    disk=50000,
    go=(1, 26),
    python=Interpreter("/usr/bin/python3.13", (3, 13, 5)),
    podman=None,
    loadable_modules=True,
)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"root": False}, "you are not root", id="user"),
        pytest.param({"system": "alpine"}, "the system is 'alpine'", id="other-system"),
        pytest.param({"architecture": "riscv64"}, "the processor is riscv64", id="processor"),
        pytest.param({"cgroup": 0}, "neither version 1 nor 2", id="no-cgroup"),
        pytest.param({"capabilities": frozenset(["CAP_SYS_ADMIN"])}, "CAP_NET_ADMIN", id="capabilities"),
        pytest.param({"memory": 6143}, "6143 MiB of memory are free, 6144 are needed", id="memory"),
        pytest.param({"disk": 28671}, "28671 MiB are free where the cache is", id="disk"),
        pytest.param({"python": None}, "pyenv install", id="python"),
        pytest.param({"go": None}, "Go is not installed", id="go-missing"),
        pytest.param({"go": (1, 25)}, "Go is 1.25, 1.26 or newer is needed", id="go-old"),
        pytest.param({"podman": (3, 0)}, "podman is 3.0", id="podman-old"),
    ],
)
def test_refuses_with_the_reason(change: dict[str, t.Any], words: str) -> None:
    facts = dataclasses.replace(GOOD, **change)
    refusals = judge(facts, building=True, running=False, supplied=False).refusals
    assert len(refusals) == 1
    assert words in refusals[0]


@pytest.mark.parametrize(
    ("change", "options"),
    [
        pytest.param({}, {}, id="good"),
        pytest.param({"go": None}, {"building": False}, id="no-go-but-upstream"),
        pytest.param({"memory": 100}, {"running": True}, id="memory-used-by-this-lab"),
        pytest.param({"disk": 100}, {"supplied": True}, id="disk-used-by-the-cache"),
    ],
)
def test_accepts(change: dict[str, t.Any], options: dict[str, bool]) -> None:
    defaults = {"building": True, "running": False, "supplied": False}
    assert judge(dataclasses.replace(GOOD, **change), **{**defaults, **options}).refusals == []


@pytest.mark.parametrize(
    ("cgroup", "runtime", "driver"),
    [pytest.param(1, "runc", "cgroupfs", id="v1"), pytest.param(2, "crun", "systemd", id="v2")],
)
def test_adapts_to_the_cgroup_version(cgroup: int, runtime: str, driver: str) -> None:
    facts = dataclasses.replace(GOOD, cgroup=cgroup)
    settings = judge(facts, building=True, running=False, supplied=False).settings
    assert (settings.runtime, settings.cgroup_driver) == (runtime, driver)


def test_notices_a_missing_capability_to_raise_limits() -> None:
    facts = dataclasses.replace(GOOD, capabilities=frozenset(NEEDED_CAPABILITIES))
    verdict = judge(facts, building=True, running=False, supplied=False)
    assert verdict.refusals == []
    assert not verdict.settings.unlimited
