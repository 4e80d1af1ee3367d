# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of what checks predicted came true, and what they wrote, over all tests of this folder."""

from __future__ import annotations

import json
import typing as t
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.support.lab import SiteRun


@dataclass
class Tally:
    """equal of total changes came as predicted; writes counts requests and files that checks should not have made."""

    equal: int = 0
    total: int = 0
    writes: int = 0

    def compare(self, predicted: SiteRun, real: SiteRun) -> list[str]:
        """Count the changes, diffs included, of both runs; return those that only one of them has."""
        one, other = changes_of(predicted), changes_of(real)
        self.equal += (one & other).total()
        self.total += (one | other).total()
        return [f"only predicted: {item}" for item in (one - other).elements()] + [
            f"only real: {item}" for item in (other - one).elements()
        ]

    def line(self) -> str:
        """Return the line that `make fidelity` ends with."""
        percent = 100.0 * self.equal / self.total if self.total else 0.0
        return f"fidelity equal_percent={percent:.2f} writes_in_check={self.writes} changes={self.total}"

    def save(self, path: Path) -> None:
        """Write the tally for the program that started the tests."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")


def changes_of(run: SiteRun) -> Counter[str]:
    """Return each change with its diff and host; one that all hosts share is counted once."""
    found: Counter[str] = Counter()
    shared: set[str] = set()
    for record in run.records:
        entries: list[t.Any] = list(record["diff"] or [])
        for index, change in enumerate(record["changes"]):
            entry = entries[index] if len(entries) == len(record["changes"]) else entries
            text = json.dumps([change, entry], sort_keys=True)
            if "resource" in change:
                found[f"{record['host']} {text}"] += 1
            elif text not in shared:
                shared.add(text)
                found[text] += 1
    return found
