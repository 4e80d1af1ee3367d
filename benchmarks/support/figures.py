# SPDX-License-Identifier: GPL-3.0-or-later
"""What the runs of one size say: medians, and ratios of runs that followed each other. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from benchmarks.support.candidates import CORE, EMPTY, FIRST, FLOOR, KUBECTL, NOOP, ONE, OURS, SITUATIONS

# A floor that differs more between the first round and the last says that the machine did other work.
STEADY = 0.15


@dataclass(frozen=True)
class Sample:
    """One run: wall and CPU seconds, peak MiB of its largest process, requests, and how many of them may write."""

    seconds: float
    cpu: float
    memory: float
    requests: int
    writes: int


# By candidate and situation, in the order of the rounds.
Samples = dict[tuple[str, str], list[Sample]]


def table(size: int, samples: Samples) -> str:
    """Return the medians of one size as a table; of CPU time, that of the command without the server's."""
    lines = [f"| {size} objects | {' | '.join(SITUATIONS)} | CPU | requests (writing) | peak MiB |"]
    lines.append(f"|{' --- |' * (len(SITUATIONS) + 4)}")
    for name in dict.fromkeys(name for name, _situation in samples):
        ran = [situation for situation in SITUATIONS if (name, situation) in samples]
        times = [f"{median(_seconds(samples, name, what)):.2f} s" for what in ran] + ["-"] * (
            len(SITUATIONS) - len(ran)
        )
        cpu = ", ".join(f"{median(sample.cpu for sample in samples[name, what]):.2f}" for what in ran)
        asked = [samples[name, what][0] for what in ran]
        requests = ", ".join(f"{one.requests} ({one.writes})" for one in asked)
        lines.append(f"| {' | '.join([name, *times])} | {cpu} s | {requests} | {_peak(samples, name):.0f} |")
    over = " | ".join(f"{median(_over(samples, what)):.2f} s" for what in SITUATIONS)
    lines.append(f"| ours over empty | {over} | | | |")
    return "\n".join(lines)


def summary(size: int, samples: Samples) -> str:
    """Return the ratios of one size as key=value, the aims first; no ratio when the floor was not steady."""
    floor = _seconds(samples, FLOOR, FIRST)
    drift = abs(floor[-1] / floor[0] - 1)
    mutating = max(sample.writes for sample in samples[OURS, NOOP])
    known = f"noop_mutating={mutating} size={size} rounds={len(floor)} floor_drift={drift:.2f}"
    if drift > STEADY:
        times = {f"{name}_{what}_s": median(_seconds(samples, name, what)) for name, what in samples}
        return f"noisy: no ratios {known} {' '.join(f'{key}={value:.2f}' for key, value in times.items())}"
    found = ratios(samples)
    found["memory_ratio_core"] = [_peak(samples, OURS) / _peak(samples, CORE)]
    medians = " ".join(f"{key}={median(values):.3f}" for key, values in found.items())
    spans = " ".join(f"{key}={min(values):.3f}..{max(values):.3f}" for key, values in found.items() if values[1:])
    return f"{medians} {known} | {spans}"


def ratios(samples: Samples) -> dict[str, list[float]]:
    """Return the ratios by round: to the floor those of the time over an empty task, else of whole commands."""
    whole = {situation: _seconds(samples, OURS, situation) for situation in SITUATIONS}
    over = {situation: _over(samples, situation) for situation in SITUATIONS}
    found = {
        "first_ratio_floor": _divide(over[FIRST], _seconds(samples, FLOOR, FIRST)),
        "noop_ratio_kubectl": _divide(whole[NOOP], _seconds(samples, KUBECTL, NOOP)),
        "first_ratio_core": _divide(whole[FIRST], _seconds(samples, CORE, FIRST)),
        "one_change_ratio_noop": _divide(whole[ONE], whole[NOOP]),
        "over_one_change_ratio_noop": _divide(over[ONE], over[NOOP]),
        "whole_first_ratio_floor": _divide(whole[FIRST], _seconds(samples, FLOOR, FIRST)),
    }
    others = {FLOOR: (NOOP, ONE), KUBECTL: (FIRST, ONE), CORE: (NOOP,)}
    for name, situations in others.items():
        for what in situations:
            mine = over if name == FLOOR else whole
            found[f"{what}_ratio_{name}"] = _divide(mine[what], _seconds(samples, name, what))
    return found


def _divide(mine: list[float], theirs: list[float]) -> list[float]:
    """Return the ratios of the rounds that both took part in; who takes part in fewer does so in the first."""
    return [a / b for a, b in zip(mine, theirs, strict=False)]


def _seconds(samples: Samples, name: str, situation: str) -> list[float]:
    return [sample.seconds for sample in samples[name, situation]]


def _over(samples: Samples, situation: str) -> list[float]:
    """Return the seconds kube_apply took over an empty task, by round."""
    mine, empty = _seconds(samples, OURS, situation), _seconds(samples, EMPTY, situation)
    return [a - b for a, b in zip(mine, empty, strict=True)]


def _peak(samples: Samples, name: str) -> float:
    return max(sample.memory for (who, _what), runs in samples.items() if who == name for sample in runs)
