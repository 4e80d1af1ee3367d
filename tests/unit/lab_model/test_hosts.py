# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict on hosts."""

from __future__ import annotations

import dataclasses
import re
import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._lab.hosts import failure, verdict
from ansible_collections.atarnet.homelab.plugins.module_utils._lab.probe import Probe

FIT = Probe(
    hostname="node1",
    machine_id="abc",
    os={"id": "debian", "version": "13", "codename": "trixie"},
    arch="amd64",
    kernel="6.12.0",
    python="3.13.5",
    memory_mib=2000,
    swap_mib=0,
    cgroup=2,
    init="systemd",
    user_id=0,
)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"os": {"id": "debian", "version": "12", "codename": "bookworm"}},
        {"os": {"id": "ubuntu", "version": "24.04", "codename": "noble"}},
        {"arch": "arm64"},
        {"memory_mib": 1700},
        {"python": "3.9.2"},
        {"cgroup": 1},
        {"swap_mib": 2048},
        {"machine_id": ""},
    ],
    ids=["debian 13", "debian 12", "ubuntu", "arm64", "just enough", "python 3.9", "cgroup 1", "swap", "first boot"],
)
def test_fit(change: dict[str, t.Any]) -> None:
    assert verdict("node1", dataclasses.replace(FIT, **change), 1700) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"os": {"id": "debian", "version": "11", "codename": "bullseye"}},
            r'its operating system "debian 11" is not supported\. Install one of Debian 12 .*, Debian 13 .*, Ubuntu',
        ),
        ({"os": {"id": "ubuntu", "version": "22.04", "codename": "jammy"}}, r'"ubuntu 22\.04" is not supported'),
        ({"os": {"id": "alpine", "version": "3.22", "codename": ""}}, r'"alpine 3\.22" is not supported'),
        ({"os": {"id": "", "version": "", "codename": ""}}, r'"unknown" is not supported'),
        ({"arch": "armv7l"}, r'its architecture "armv7l" is not supported: .*Use a machine of amd64 or arm64'),
        ({"memory_mib": 1699}, r"it has 1699 MiB of memory, its role needs 1700 MiB\. Add memory, .*_minimum_memory"),
        ({"python": "3.8.10"}, r"its Python 3\.8\.10 is older than 3\.9\. Upgrade .*ansible_python_interpreter"),
        ({"init": "sleep"}, r'its process 1 is "sleep", not systemd\. Boot it with systemd'),
        ({"init": ""}, r'its process 1 is "unknown"'),
        ({"user_id": 1000}, r"the tasks do not run as root there\. Connect as root, or set ansible_become"),
    ],
    ids=[
        "debian 11", "ubuntu 22.04", "alpine", "unknown", "architecture", "memory", "python", "init", "no init", "root",
    ],
)  # fmt: skip
def test_refused(change: dict[str, t.Any], message: str) -> None:
    refused = verdict("node1", dataclasses.replace(FIT, **change), 1700)
    assert len(refused) == 1
    assert re.match(f"Accepting host node1: .*{message}", refused[0])


def test_every_cause_is_named() -> None:
    poor = dataclasses.replace(FIT, arch="s390x", memory_mib=10, user_id=1)
    assert len(verdict("node1", poor, 1700)) == 3


@pytest.mark.parametrize(
    ("code", "output", "message", "expected"),
    [
        (
            127,
            "/bin/sh: 1: /usr/bin/python3: not found",
            "",
            r'it has no Python at "/usr/bin/python3"\. Run on it `apt-get',
        ),
        (1, "env: /usr/bin/python3: No such file or directory", "", "it has no Python"),
        (127, "", "", "it has no Python"),
        (
            1,
            "",
            "Ansible requires Python 3.9 or newer on the target. Current version: 3.8.18 (default, May 9 2026)",
            r"its Python 3\.8\.18 is older than 3\.9\.",
        ),
        (1, "  SyntaxError: future feature annotations is not defined", "", r"its Python is older than 3\.9\."),
        (1, "Killed\n", "", r"nothing could be run with its Python \(Killed\)\. Try `/usr/bin/python3 --version`"),
        (0, "", "Missing sudo password", r"nothing could be run with its Python \(Missing sudo password\)"),
    ],
    ids=["not found", "no such file", "127", "old", "very old", "killed", "no output"],
)
def test_failure(code: int, output: str, message: str, expected: str) -> None:
    text = failure("node1", "/usr/bin/python3", code, output, message)
    assert re.match(f"Looking at host node1: {expected}", text)
