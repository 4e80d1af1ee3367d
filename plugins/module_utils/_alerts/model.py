# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Alerts as Prometheus takes them. Every target that is scraped has the label node, the node's name in the plan."""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass, field

Json = dict[str, t.Any]

WARNING, CRITICAL = "warning", "critical"
MINUTE, HOUR, DAY = 60, 3600, 86400
# Shares of what is free, and how far a trend is looked ahead, and of what time, in seconds.
LOW, LEAST = 0.15, 0.05
AHEAD_S, TREND_S = 4 * DAY, 6 * HOUR
_UNITS = (("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", 1))
# What Prometheus puts in the place of these: labels of the sample. It does not know those of the rule there.
NODE, VOLUME, PLACE = (f"{{{{ $labels.{name} }}}}" for name in ("node", "volume", "mountpoint"))
SHARE, AGE = "{{ $value | humanizePercentage }}", "{{ $value | humanizeDuration }}"


@dataclass(frozen=True)
class Rule:
    """What fires when *expr* has had a sample for *seconds*; *summary* and *description* are templates of Prometheus.

    *labels* are added to those of the sample.
    """

    alert: str
    severity: str
    seconds: int
    expr: str
    summary: str
    description: str
    labels: t.Mapping[str, str] = field(default_factory=dict)

    def as_data(self) -> Json:
        """Return it as a rule file has it."""
        return {
            "alert": self.alert,
            "expr": self.expr,
            "for": duration(self.seconds),
            "labels": {"severity": self.severity, **self.labels},
            "annotations": {"summary": self.summary, "description": self.description},
        }


def duration(seconds: int) -> str:
    """Return a duration as Prometheus writes it, such as 1d30m."""
    text = ""
    for unit, length in _UNITS:
        if seconds >= length:
            text += f"{seconds // length}{unit}"
            seconds %= length
    return text or "0s"


def quoted(text: str) -> str:
    """Return a text as a string of PromQL."""
    return json.dumps(text, ensure_ascii=False)


def on(nodes: t.Iterable[str]) -> str:
    """Return what selects the samples of some nodes; the name of a node needs no escape."""
    return f'node=~"{"|".join(nodes)}"'


def absent(alert: str, series: str, seconds: int, summary: str, description: str, **labels: str) -> Rule:
    """Return what tells that a series is not there."""
    return Rule(alert, WARNING, seconds, f"absent({series})", summary, description, labels)
