# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is a text a moment that systemd's timers know (systemd.time(7)), and how long is it till the next at most?

The controller need not have systemd. Pure.
"""

from __future__ import annotations

import calendar as days
import datetime
import re
import typing as t

_WORDS = {
    "minutely": "*-*-* *:*:00",
    "hourly": "*-*-* *:00:00",
    "daily": "*-*-* 00:00:00",
    "weekly": "Mon *-*-* 00:00:00",
    "monthly": "*-*-01 00:00:00",
    "quarterly": "*-01,04,07,10-01 00:00:00",
    "semiannually": "*-01,07-01 00:00:00",
    "yearly": "*-01-01 00:00:00",
    "annually": "*-01-01 00:00:00",
}
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = rf"(?:{'|'.join(_DAYS)})[a-z]*"
_WEEKDAYS = re.compile(rf"{_DAY}(?:\.\.{_DAY})?(?:,{_DAY}(?:\.\.{_DAY})?)*,?", re.IGNORECASE)
_ZONE = re.compile(r"UTC|[A-Z][A-Za-z_]+(?:/[A-Za-z_+-]+)+")
_PART = re.compile(r"(?:\*|(\d+)(?:\.\.(\d+))?)(?:/(\d+))?")
_DATE = (("a year", 1970, 9999), ("a month", 1, 12), ("a day", 1, 31))
_TIME = (("an hour", 0, 23), ("a minute", 0, 59), ("a second", 0, 59))
_DAY_S = 86400
# The calendar repeats itself after 28 years, but for most centuries.
_YEARS = range(2020, 2049)

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


def longest_pause(text: str) -> int | None:
    """Return the seconds between two moments of a text without complaint() at most; None when there are no two.

    That clocks are put forward and back is left out of account.
    """
    words = _WORDS.get(text.strip().lower(), text).split()
    if _ZONE.fullmatch(words[-1]):
        words.pop()
    weekdays = _weekdays(words.pop(0)) if _WEEKDAYS.fullmatch(words[0]) else range(7)
    date = words.pop(0) if words and ":" not in words[0] else "*-*-*"
    moments = _moments(words[0] if words else "00:00:00")
    dates = list(_dates(date, weekdays))
    apart = max((later - day for day, later in zip(dates, dates[1:])), default=0)
    if not apart:
        return None
    return max(apart * _DAY_S - moments[-1] + moments[0], *(later - one for one, later in zip(moments, moments[1:])), 0)


def _weekdays(text: str) -> set[int]:
    """Return which weekdays a list of them has, 0 for Monday."""
    found: set[int] = set()
    for part in text.lower().strip(",").split(","):
        first, _dots, last = part.partition("..")
        start, end = (_DAYS.index(name[:3]) for name in (first, last or first))
        found.update(range(start, end + 1))
    return found


def _moments(text: str) -> list[int]:
    """Return the seconds of a day that a time has, in order."""
    hours, minutes, seconds = (
        _numbers(field, least, most) for field, (_what, least, most) in zip([*text.split(":"), "00"], _TIME)
    )
    return sorted(3600 * hour + 60 * minute + second for hour in hours for minute in minutes for second in seconds)


def _dates(text: str, weekdays: t.Collection[int]) -> t.Iterator[int]:
    """Return the days that a date has, as their numbers, in order."""
    *first, month_text, day_text = re.split("[-~]", text)
    for year in _YEARS if not first else sorted(_numbers(first[0], _YEARS[0], _YEARS[-1])):
        for month in sorted(_numbers(month_text, 1, 12)):
            last = days.monthrange(year, month)[1]
            for number in sorted(_numbers(day_text, 1, last, backwards="~" in text)):
                day = datetime.date(year, month, number)
                if day.weekday() in weekdays:
                    yield day.toordinal()


def _numbers(text: str, least: int, most: int, backwards: bool = False) -> set[int]:
    """Return the numbers that a field of a date or a time has; those said *backwards* are counted from *most*."""
    found: set[int] = set()
    for part in text.split(","):
        match = t.cast("re.Match[str]", _PART.fullmatch(part))
        first, end, step = (int(number) if number else 0 for number in match.groups())
        if not match[1]:
            first, last = least, most
        elif backwards:
            first, last = most + 1 - (end or first), most if step and not end else most + 1 - first
        else:
            last = end or (most if step else first)
        found.update(range(first, last + 1, step or 1))
    return {number for number in found if least <= number <= most}
