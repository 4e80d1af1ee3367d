# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of plan.yml: what each segment reaches, in the text and as a picture, when a network is planned."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._network import matrix, picture

from tests.negative.cases import read_cases
from tests.negative.playbook import run
from tests.unit.network.support import compiled

CASES = {case.name: case for case in read_cases("accepted") if case.name in ("minimal", "network")}


@pytest.mark.parametrize("name", CASES)
def test_the_report_has_the_matrix(name: str, tmp_path: Path) -> None:
    done = run(tmp_path, "report", CASES[name].variables, CASES[name].hosts)
    assert done.code == 0, done.output
    drawn = tmp_path / "kept.json.svg"
    if name == "minimal":
        assert done.kept == ["Plan: no change"]
        assert not drawn.exists()
    else:
        head = ["Plan: no change", "what each segment reaches (* in part)"]
        assert done.kept == [*head, *matrix.as_text(compiled()).splitlines()]
        assert drawn.read_text(encoding="utf-8") == picture.as_svg(compiled(), "Plan")
