# SPDX-License-Identifier: GPL-3.0-or-later
"""What trials of two ways to revert bad rules say. Pure."""

from __future__ import annotations

import typing as t
from statistics import median


class Trial(t.NamedTuple):
    """One trial: seconds without a way in, seconds of the whole run, and whether each table is as before, byte by byte.

    No seconds: the host did not come back. *lost* are the chains of others that were gone in between.
    """

    seconds: float | None
    run: float
    identical: bool
    lost: tuple[str, ...]


def tables(ruleset: str) -> dict[str, str]:
    """Return by "FAMILY TABLE" what `nft list ruleset` shows of each table; their order says when each was made."""
    found: dict[str, str] = {}
    name = ""
    for line in ruleset.splitlines():
        if line.startswith("table "):
            name = " ".join(line.split()[1:3])
        if name and not line.startswith("#"):
            found[name] = f"{found.get(name, '')}{line}\n"
    return found


def chains(ruleset: str) -> list[str]:
    """Return "FAMILY TABLE CHAIN" of each chain that `nft list ruleset` shows."""
    lines = [(table, line.split()) for table, text in tables(ruleset).items() for line in text.splitlines()]
    return [f"{table} {words[1]}" for table, words in lines if words[:1] == ["chain"]]


def lost(before: str, meanwhile: str, ours: str) -> tuple[str, ...]:
    """Return the chains that are gone, without those in the table *ours* ("FAMILY TABLE")."""
    left = chains(meanwhile)
    return tuple(chain for chain in chains(before) if chain not in left and not chain.startswith(f"{ours} "))


def summary(trials: t.Mapping[str, t.Sequence[Trial]], within: float) -> str:
    """Return key=value of all trials, seconds over *within* seconds; ratios are of trials that followed each other."""
    over = {name: [trial.seconds - within for trial in done if trial.seconds] for name, done in trials.items()}
    words = [f"within={within:g}"]
    for name, done in trials.items():
        words.append(f"{name}_reverted={len(over[name])}/{len(done)}")
        words.append(f"{name}_identical={sum(trial.identical for trial in done)}/{len(done)}")
        words.append(f"{name}_kept_meanwhile={sum(not trial.lost for trial in done)}/{len(done)}")
        words.append(f"{name}_run={median(trial.run for trial in done):.1f}")
        words += _spread(f"{name}_over", over[name])
    pairs = zip(trials["ours"], trials["peer"], strict=True)
    words += _spread(
        "ratio_peer", [ours.seconds / peer.seconds for ours, peer in pairs if ours.seconds and peer.seconds]
    )
    return " ".join(words)


def _spread(key: str, values: t.Sequence[float]) -> list[str]:
    return [f"{key}={median(values):.2f} min={min(values):.2f} max={max(values):.2f}"] if values else []
