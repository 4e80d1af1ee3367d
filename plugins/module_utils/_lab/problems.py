# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with an input, in the words the user reads: key, value, reason and fix."""

from __future__ import annotations

import difflib
import json
import re
import typing as t
from dataclasses import dataclass, field

_LONGEST_VALUE = 120
# What the user may have misspelt, or put in the wrong place, but never wants to read in a log.
_SECRET_KEY = re.compile(
    r"pass|secret|token|credential|private|cloudflare$|homelab_backup$|repository$|copy$|environment", re.IGNORECASE
)
_SECRET_IN_URL = re.compile(r"(?<=://)[^/@\s\"]+(?=@)")


class _Unset:
    """The type of `UNSET`: a key that has no value at all."""


UNSET = _Unset()


def show(value: t.Any) -> str:
    """Return *value* as it would be written in the inventory (JSON is YAML), cut to one line, secrets hidden."""
    text = _SECRET_IN_URL.sub("***", json.dumps(value, ensure_ascii=False, default=str))
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


def did_you_mean(word: str, known: t.Iterable[str]) -> str:
    """Return 'Did you mean "x"? ' for the nearest of *known*, or nothing when none is near."""
    near = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f'Did you mean "{near[0]}"? ' if near else ""


@dataclass(frozen=True)
class Problem:
    """One refused value. *reason* continues "it ..."; *fix* is an imperative; neither ends in a full stop."""

    key: str
    value: t.Any
    reason: str
    fix: str

    def __str__(self) -> str:
        subject = self.key
        if self.value is not UNSET:
            subject += f" = {'***' if _SECRET_KEY.search(self.key) else show(self.value)}"
        return f"{subject}: {self.reason}. {self.fix}."


@dataclass
class Findings:
    """All problems found so far, in the order found."""

    problems: list[Problem] = field(default_factory=list)

    def add(self, key: str, value: t.Any, reason: str, fix: str) -> None:
        """Remember one problem."""
        self.problems.append(Problem(key, value, reason, fix))


class InputError(ValueError):
    """The input contradicts itself or the lock; carries every problem, not only the first."""

    def __init__(self, problems: t.Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self._report())

    def _report(self) -> str:
        count = len(self.problems)
        head = f"Checking the homelab_* input: {count} problem{'s' if count != 1 else ''}, no host was touched."
        return "\n".join([head, *(f"  {number}. {problem}" for number, problem in enumerate(self.problems, 1))])
