# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that cannot carry their role are refused by ansible-playbook before any task touches one of them."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest

from .cases import BASE_HOSTS, read_cases
from .playbook import run

CASES: dict[str, tuple[dict[str, t.Any], dict[str, t.Any], str]] = {
    "no_python": (
        {},
        {"ansible_python_interpreter": "/opt/missing/python3"},
        r'Looking at host node2: it has no Python at "/opt/missing/python3"\. Run on it `apt-get install',
    ),
    "broken_python": (
        {},
        {"ansible_python_interpreter": "/bin/false"},
        r"Looking at host node2: nothing could be run with its Python \(.*\)\. Try `/bin/false --version` on it",
    ),
    "little_memory": (
        {"homelab_minimum_memory": {"worker": 1_048_576}},
        {},
        r"Accepting host node2: it has \d+ MiB of memory, its role needs 1048576 MiB\. Add memory",
    ),
}


@pytest.mark.parametrize(("variables", "node2", "message"), CASES.values(), ids=CASES.keys())
def test_refused(variables: dict[str, t.Any], node2: dict[str, t.Any], message: str, tmp_path: Path) -> None:
    base = next(case.variables for case in read_cases("accepted") if case.name == "minimal")
    done = run(tmp_path, "validate", {**base, **variables}, BASE_HOSTS, one_host={"node2": node2})
    assert re.search(message, done.output), done.output
    assert "Traceback" not in done.output
    assert done.code != 0
    assert not done.touched
