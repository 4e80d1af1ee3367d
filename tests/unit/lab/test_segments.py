# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the lab's machines stand, and how they reach the other segments."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import segments, state
from lab.errors import LabError
from lab.machine import NodeSettings
from tests.unit.lab.test_state import lab


def test_only_the_router_stands_in_every_segment(tmp_path: Path) -> None:
    made = lab(tmp_path)
    assert segments.places(made, made.nodes["w1"]) == [("homelab-lab", "10.77.4.12")]
    places = dict(segments.places(made, made.nodes["gw"]))
    assert list(places) == ["homelab-lab", *(f"homelab-lab-{name}" for name in state.SEGMENTS)]
    assert {address.rpartition(".")[2] for address in places.values()} == {"254"}


def test_nodes_reach_the_others_by_the_router(tmp_path: Path) -> None:
    made = lab(tmp_path)
    lines = segments.routes(made, made.nodes["w1"]).splitlines()
    assert len(lines) == len(state.SEGMENTS)
    assert all(line.endswith("via 10.77.4.254") for line in lines)
    assert segments.routes(made, made.nodes["gw"]) == "sysctl -qw net.ipv4.ip_forward=1\n"


def test_an_unknown_segment_is_refused(tmp_path: Path) -> None:
    settings = NodeSettings("runc", 1, unlimited=False, loadable_modules=False)
    with pytest.raises(LabError, match="the lab has cluster, management, services, iot, users"):
        segments.look_from(lab(tmp_path), "guests", ["true"], settings, "image")
