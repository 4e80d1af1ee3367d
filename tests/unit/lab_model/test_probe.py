# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read from a host's files."""

from __future__ import annotations

import json

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._lab.probe import (
    from_dict,
    observe,
    parse_meminfo,
    parse_os_release,
)

TRIXIE = """PRETTY_NAME="Debian GNU/Linux 13 (trixie)"
# a comment=1
VERSION_ID="13"
VERSION_CODENAME=trixie
ID=debian
"""
NOBLE = """VERSION_ID='24.04'
VERSION_CODENAME=noble
ID=ubuntu
ID_LIKE=debian
"""
MEMINFO = "MemTotal:        2048000 kB\nMemFree:  1 kB\nSwapTotal:       1048576 kB\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TRIXIE, {"id": "debian", "version": "13", "codename": "trixie"}),
        (NOBLE, {"id": "ubuntu", "version": "24.04", "codename": "noble"}),
        ("ID=arch\n", {"id": "arch", "version": "", "codename": ""}),
        ("", {"id": "", "version": "", "codename": ""}),
    ],
    ids=["debian", "ubuntu", "rolling", "missing"],
)
def test_os_release(text: str, expected: dict[str, str]) -> None:
    assert parse_os_release(text) == expected


@pytest.mark.parametrize(
    ("field", "mebibytes"), [("MemTotal", 2000), ("SwapTotal", 1024), ("Mem", 0)], ids=["memory", "swap", "missing"]
)
def test_meminfo(field: str, mebibytes: int) -> None:
    assert parse_meminfo(MEMINFO, field) == mebibytes


@pytest.mark.parametrize(
    ("paths", "version"),
    [
        ({"/sys/fs/cgroup/cgroup.controllers"}, 2),
        ({"/sys/fs/cgroup/memory", "/sys/fs/cgroup/systemd"}, 1),
        ({"/sys/fs/cgroup/systemd"}, 1),
        (set(), 0),
    ],
    ids=["unified", "legacy", "systemd only", "none"],
)
def test_cgroup(paths: set[str], version: int) -> None:
    assert observe(lambda _path: None, paths.__contains__).cgroup == version


def test_observe_reads_the_hosts_files() -> None:
    files = {
        "/etc/os-release": TRIXIE,
        "/proc/meminfo": MEMINFO,
        "/etc/machine-id": "abc\n",
        "/proc/1/comm": "systemd\n",
    }
    probe = observe(files.get, lambda _path: False)
    assert (probe.os["version"], probe.memory_mib, probe.swap_mib) == ("13", 2000, 1024)
    assert (probe.machine_id, probe.init) == ("abc", "systemd")


def test_os_release_may_lie_in_the_other_place() -> None:
    assert observe({"/usr/lib/os-release": NOBLE}.get).os["id"] == "ubuntu"


def test_a_probe_survives_the_way_to_the_controller() -> None:
    probe = observe()
    assert from_dict(json.loads(json.dumps(probe.as_dict()))) == probe
    assert probe.memory_mib > 0
