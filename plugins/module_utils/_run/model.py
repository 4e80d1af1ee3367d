# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of a playbook, as it is recorded on the control planes: who, what, since when, and how it ended. Pure."""

from __future__ import annotations

import json
import typing as t
from dataclasses import asdict, dataclass, field, replace

VERSION = 1


@dataclass(frozen=True)
class Run:
    """A run. *controller* and *process* identify where it is driven from; times are ISO 8601 in UTC.

    *ended* is empty while it goes on; *outcome* and *changes* (one mapping a change) are known at its end.
    """

    id: str
    controller: str
    process: str
    who: str
    what: str
    began: str = ""
    ended: str = ""
    outcome: str = ""
    changes: list[dict[str, t.Any]] = field(default_factory=list)

    def __str__(self) -> str:
        since = f", began {self.began}" if self.began else ""
        return f"run {self.id} of {self.who} ({self.what}{since})"

    def begun(self, now: str) -> Run:
        """Return the run as it begins at *now*."""
        return replace(self, began=now)

    def as_dict(self) -> dict[str, t.Any]:
        """Return the run as plain data, the shape that `from_dict` takes."""
        return asdict(self)

    def dump(self) -> str:
        """Return the record as JSON text."""
        return json.dumps({"version": VERSION, **self.as_dict()}, indent=1) + "\n"


def from_dict(data: t.Mapping[str, t.Any]) -> Run:
    """Return the run that was sent as plain data."""
    return Run(**data)


def load(text: str) -> Run | None:
    """Return the run that a record tells of; None for one that is damaged or of another release."""
    try:
        data = json.loads(text)
        if data.pop("version") != VERSION:
            return None
        return from_dict(data)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
