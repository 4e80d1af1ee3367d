# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a run may begin beside what the record tells of an earlier one. Pure."""

from __future__ import annotations

import typing as t

from .model import Run

ABANDONED_S = 2 * 3600.0
"""After so long a run of another controller, whose processes cannot be looked at from here, is taken for dead."""


class Verdict(t.NamedTuple):
    """Whether the run may begin; held is the run that stands in its way, note what a person should know."""

    free: bool
    held: Run | None = None
    note: str = ""


def decide(found: Run | None, age_s: float, ours: Run, replaces: str) -> Verdict:
    """Judge the recorded run *found*, written *age_s* seconds ago; *replaces* is the id of one known to be dead."""
    if found is None or found.ended or found.id == ours.id:
        return Verdict(True)
    if found.id == replaces:
        return Verdict(True, note=f"{found} did not end; this run goes on from what it left")
    if age_s > ABANDONED_S:
        return Verdict(True, note=f"{found} did not end within {ABANDONED_S / 3600:g} hours and is taken for dead")
    return Verdict(False, held=found)


def refusal(lab: str, held: Run, age_s: float) -> str:
    """Return why a run has to wait for *held*, and what to do."""
    minutes = max(1, round((ABANDONED_S - age_s) / 60))
    return (
        f"Taking the lab {lab} for this run: {held} is under way. Wait for its end. If you know that it is dead, "
        f"run again with -e homelab_take_over_run={held.id}, or in {minutes} minutes."
    )
