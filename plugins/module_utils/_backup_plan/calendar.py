# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is a text a moment that systemd's timers know (systemd.time(7))? The controller need not have systemd. Pure."""

from __future__ import annotations

import re
import typing as t

_WORDS = ("minutely", "hourly", "daily", "weekly", "monthly", "quarterly", "semiannually", "yearly", "annually")
_DAY = r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*"
_WEEKDAYS = re.compile(rf"{_DAY}(?:\.\.{_DAY})?(?:,{_DAY}(?:\.\.{_DAY})?)*,?", re.IGNORECASE)
_ZONE = re.compile(r"UTC|[A-Z][A-Za-z_]+(?:/[A-Za-z_+-]+)+")
_PART = re.compile(r"(?:\*|(\d+)(?:\.\.(\d+))?)(?:/(\d+))?")
_DATE = (("a year", 1970, 9999), ("a month", 1, 12), ("a day", 1, 31))
_TIME = (("an hour", 0, 23), ("a minute", 0, 59), ("a second", 0, 59))

Bounds = t.Sequence[tuple[str, int, int]]


def complaint(text: str) -> str:
    """Return why *text* is no OnCalendar=, "" when it is one."""
    words = text.split()
    if len(words) == 1 and words[0].lower() in _WORDS:
        return ""
    if words and _ZONE.fullmatch(words[-1]):
        words.pop()
    if words and _WEEKDAYS.fullmatch(words[0]):
        words.pop(0)
        if not words:
            return ""
    if not 1 <= len(words) <= 2:
        return "it is no date and time as systemd's timers have them"
    date = words.pop(0) if ":" not in words[0] else ""
    if date:
        fields = re.split("[-~]", date)
        said = _fields(fields, _DATE[3 - len(fields) :]) if len(fields) in (2, 3) else f'"{date}" is no date'
        if said:
            return said
    if not words:
        return ""
    fields = words[0].split(":")
    return _fields(fields, _TIME) if len(fields) in (2, 3) else f'"{words[0]}" is no time'


def _fields(fields: t.Sequence[str], bounds: Bounds) -> str:
    """Return what is wrong with one of the fields of a date or a time."""
    for text, (what, least, most) in zip(fields, bounds):
        for part in text.split(","):
            match = _PART.fullmatch(part)
            if not match:
                return f'"{part}" is not {what}'
            numbers = [int(number) for number in match.groups()[:2] if number]
            if any(not least <= number <= most for number in numbers) or numbers != sorted(numbers):
                return f'"{part}" is not {what}: these are {least} to {most}'
            if match[3] and not int(match[3]):
                return f'"{part}" repeats after nothing'
    return ""
