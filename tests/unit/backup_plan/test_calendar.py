# SPDX-License-Identifier: GPL-3.0-or-later
"""Moments that systemd's timers know, judged without systemd, and by it where it is at hand."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._backup_plan.calendar import complaint

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


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not on this machine")
@pytest.mark.parametrize("text", [*GOOD, *filter(None, BAD)])
def test_systemd_says_the_same(text: str) -> None:
    asked = subprocess.run(["systemd-analyze", "calendar", "--", text], capture_output=True, check=False)
    assert (asked.returncode == 0) == (text in GOOD), asked.stderr
