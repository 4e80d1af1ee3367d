# SPDX-License-Identifier: GPL-3.0-or-later
"""Ratios are of runs that followed each other, and none is given while the machine did other work."""

from __future__ import annotations

from benchmarks.support.figures import Sample, Samples, ratios, summary

SITUATIONS = ("first", "noop", "one")
SECONDS = {"floor": 2.0, "empty": 1.0, "ours": 3.0, "kubectl": 6.0, "core": 12.0}


def samples(*floor: float) -> Samples:
    """Return rounds that differ by the floor's seconds alone; kubernetes.core took part in the first."""
    taken: Samples = {}
    for name, seconds in SECONDS.items():
        rounds = floor if name == "floor" else (seconds,) * (1 if name == "core" else len(floor))
        for situation in SITUATIONS:
            taken[name, situation] = [Sample(value, 0.5, 64.0, 3, 0) for value in rounds]
    return taken


def test_the_floor_is_compared_with_the_time_over_an_empty_task() -> None:
    found = ratios(samples(2.0, 4.0))
    assert (found["first_ratio_floor"], found["noop_ratio_kubectl"]) == ([1.0, 0.5], [0.5, 0.5])
    assert found["first_ratio_core"] == [0.25]


def test_an_unsteady_floor_gives_no_ratio() -> None:
    assert summary(10, samples(2.0, 2.2)).startswith("first_ratio_floor=0.955 ")
    noisy = summary(10, samples(2.0, 2.4))
    assert (noisy.startswith("noisy: no ratios"), "ratio_" in noisy, "ours_first_s=3.00" in noisy) == (
        True,
        False,
        True,
    )
