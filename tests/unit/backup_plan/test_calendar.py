# SPDX-License-Identifier: GPL-3.0-or-later
"""Moments that systemd's timers know, judged without systemd, and by it where it is at hand."""

from __future__ import annotations

import datetime
import os
import re
import shutil
import subprocess

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._backup_plan.calendar import complaint, longest_pause

GOOD = (
    *(
        "daily",
        "Weekly",
        "hourly",
        "monthly",
        "quarterly",
        "yearly",
        "*-*-* 03:00:00",
        "03:00",
        "*:0/15",
        "Mon",
        "Sat,Sun",
    ),
    *("Mon..Fri 22:30", "Mon,Wed..Fri *-*-* 03,15:30", "*-*-01 04:00:00", "2026-12-24 18:00", "*-*~01 03:00"),
    *(
        "1..7-*-* 03:00".replace("1..7-", "*-"),
        "*-1..6-* 03:00",
        "03:00 UTC",
        "*-*-* 03:00 Europe/Berlin",
        "*-*-* *:*:00",
    ),
)
BAD = {
    "": "it is no date and time",
    "sometimes": '"sometimes" is no date',
    "0 3 * * *": "it is no date and time",
    "every day": '"every" is no date',
    "25:00": '"25" is not an hour: these are 0 to 23',
    "03:60": '"60" is not a minute: these are 0 to 59',
    "*-13-* 03:00": '"13" is not a month: these are 1 to 12',
    "*-*-32": '"32" is not a day: these are 1 to 31',
    "*-*-* 3": '"3" is no time',
    "22..20:00": '"22..20" is not an hour',
    "*:0/0": '"0/0" repeats after nothing',
    "*:a": '"a" is not a minute',
    "03:00:00:00": '"03:00:00:00" is no time',
    "Monday Tuesday 03:00": "is no date",
}


@pytest.mark.parametrize("text", GOOD)
def test_good(text: str) -> None:
    assert complaint(text) == ""


@pytest.mark.parametrize("text", BAD)
def test_bad(text: str) -> None:
    assert BAD[text] in complaint(text)


HOUR, DAY = 3600, 86400
PAUSES = {
    "minutely": 60,
    "*:0/15": HOUR // 4,
    "hourly": HOUR,
    "*-*-* 03,15:30": 12 * HOUR,
    "*-*-* 03,09:30": 18 * HOUR,
    "daily": DAY,
    "03:00:30": DAY,
    "*-*-* 03:00 Europe/Berlin": DAY,
    "Mon..Fri *-*-* 03,15:30": 2 * DAY + 12 * HOUR,
    "Sat,Sun": 6 * DAY,
    "Monday": 7 * DAY,
    "weekly": 7 * DAY,
    "*-*-1..7/3": 25 * DAY,
    "Sun *-*-1..7 05:00:00": 35 * DAY,
    "Mon *-*~07/1": 35 * DAY,
    "*-*~03/2": 29 * DAY,
    "*-*~1..3": 29 * DAY,
    "monthly": 31 * DAY,
    "*-*~01 03:00": 31 * DAY,
    "*-*-31": 61 * DAY,
    "quarterly": 92 * DAY,
    "semiannually": 184 * DAY,
    "annually": 366 * DAY,
    "*-02-29": 1461 * DAY,
    "2026..2028-01-01": 365 * DAY,
    "2020/4-1-1": 1461 * DAY,
}


@pytest.mark.parametrize("text", PAUSES)
def test_the_longest_pause(text: str) -> None:
    assert complaint(text) == ""
    assert longest_pause(text) == PAUSES[text]


def test_what_comes_once_has_no_pause() -> None:
    assert longest_pause("2026-12-24 18:00") is None


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not on this machine")
@pytest.mark.parametrize("text", [text for text in PAUSES if "Europe" not in text])
def test_systemd_makes_the_same_pause(text: str) -> None:
    said = subprocess.run(
        ["systemd-analyze", "calendar", "--base-time=2023-12-31 23:59:59", "--iterations=600", "--", text],
        env={**os.environ, "TZ": "UTC"}, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    moments = re.findall(r"(?:elapse|#\d+): \w+ (20\d\d-\d\d-\d\d \d\d:\d\d:\d\d)", said)
    at = [datetime.datetime.fromisoformat(moment) for moment in moments]
    assert max(later - one for one, later in zip(at, at[1:])) == datetime.timedelta(seconds=PAUSES[text])


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not on this machine")
@pytest.mark.parametrize("text", [*GOOD, *filter(None, BAD)])
def test_systemd_says_the_same(text: str) -> None:
    asked = subprocess.run(["systemd-analyze", "calendar", "--", text], capture_output=True, check=False)
    assert (asked.returncode == 0) == (text in GOOD), asked.stderr
