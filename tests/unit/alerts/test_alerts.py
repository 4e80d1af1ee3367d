# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules, judged by Prometheus' own promtool: series in, alerts with their texts out."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._alerts.model import CRITICAL, WARNING, duration

from tests.unit.alerts.cases import CASES, DAY, HOUR, INPUT, MINUTE, Case, Json, plan

SEVERITIES = {("severity", WARNING), ("severity", CRITICAL)}
UNITS = {"d": DAY, "h": HOUR, "m": MINUTE, "s": 1}


def promtool(*arguments: str, folder: Path) -> str:
    """Run promtool; return what it says, and fail the test where it complains."""
    told = os.environ.get("HOMELAB_BIN", "")
    found = f"{told}/promtool" if told and Path(told, "promtool").exists() else shutil.which("promtool")
    if not found:
        pytest.fail("promtool is neither in HOMELAB_BIN nor on PATH; `python3 -m lab supply` fetches it")
    done = subprocess.run([found, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(name="rules", scope="module")
def _rules() -> list[Json]:
    return [rule for group in plan()["alerts"]["groups"] for rule in group["rules"]]


def seconds(text: str) -> int:
    """Return a duration of Prometheus in seconds."""
    return sum(int(number) * UNITS[unit] for number, unit in re.findall(r"(\d+)([dhms])", text))


def rendered(text: str, case: Case) -> str:
    """Return what Prometheus has to make of a text."""
    text = re.sub(r"{{ \$labels\.(\w+) }}", lambda match: case.fires[match[1]], text)
    return re.sub(r"{{ \$value \| [^}]* }}", case.value, text)


def expectations(case: Case, rules: list[Json]) -> list[Json]:
    """Return when the alert of a case is not there yet, and when it is with which labels and texts."""
    # Where several rules have the name, they differ in labels.
    rule = next((rule for rule in rules if case.fires.items() >= set(rule["labels"].items()) - SEVERITIES), rules[0])
    due = case.since + math.ceil(seconds(rule["for"]) / case.step) * case.step
    alerts = []
    if case.fires:
        labels = {**case.fires, "severity": rule["labels"]["severity"]}
        texts = {name: rendered(text, case) for name, text in rule["annotations"].items()}
        alerts = [{"exp_labels": labels, "exp_annotations": texts}]
    return [
        {"eval_time": f"{moment}s", "alertname": case.alert, "exp_alerts": expected}
        for moment, expected in ((due - case.step, []), (due, alerts))
    ]


def values(of: float | str, case: Case, expected: list[Json]) -> str:
    """Return what a series is all the time that is looked at."""
    return of if isinstance(of, str) else f"{of}+0x{seconds(expected[-1]['eval_time']) // case.step}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.alert)
def test_what_fires(case: Case, rules: list[Json], tmp_path: Path) -> None:
    own = [rule for rule in rules if rule["alert"] == case.alert]
    expected = expectations(case, own)
    series = [{"series": name, "values": values(of, case, expected)} for name, of in case.series.items()]
    step = duration(case.step)
    document = {
        "rule_files": ["rules.json"],
        "evaluation_interval": step,
        "tests": [{"interval": step, "input_series": series, "alert_rule_test": expected}],
    }
    (tmp_path / "rules.json").write_text(json.dumps({"groups": [{"name": "all", "rules": own}]}))
    (tmp_path / "tests.json").write_text(json.dumps(document))
    promtool("test", "rules", "tests.json", folder=tmp_path)


def test_every_alert_fires_and_is_quiet(rules: list[Json]) -> None:
    alerts = {rule["alert"] for rule in rules}
    assert {case.alert for case in CASES if case.fires} == alerts == {case.alert for case in CASES if not case.fires}


def test_promtool_takes_the_rules(rules: list[Json], tmp_path: Path) -> None:
    (tmp_path / "rules.json").write_text(json.dumps(plan()["alerts"]))
    assert f"SUCCESS: {len(rules)} rules found" in promtool("check", "rules", "rules.json", folder=tmp_path)


def test_an_alert_names_node_and_tier_and_what_to_do(rules: list[Json]) -> None:
    (rule,) = (rule for rule in rules if rule["alert"] == "HomelabTierFull")
    assert rule["for"] == "5m" and rule["labels"] == {"severity": "critical", "tier": "hdd"}
    assert rule["annotations"] == {
        "summary": "Tier hdd of node {{ $labels.node }} has {{ $value | humanizePercentage }} of its room left",
        "description": (
            "Tier hdd of node {{ $labels.node }} has {{ $value | humanizePercentage }} of its room left. There is no "
            'quota: where it is full, all pods that write to it get "No space left on device"; what is there stays. '
            "`du -xsh {{ $labels.mountpoint }}/volumes/*` on the node tells which claim takes the room; remove files "
            "there, delete a claim that nobody needs, or put a larger disk in."
        ),
    }


def test_without_tiers_and_backups_there_are_the_nodes() -> None:
    groups = plan(storage={}, backup={}, hardware={})["alerts"]["groups"]
    assert [group["name"] for group in groups] == ["homelab-nodes"]


def test_a_folder_of_any_name_is_one_string(tmp_path: Path) -> None:
    storage = {"tiers": [{"name": "odd", "folder": '/srv/a "b" \\ {c}', "default": True}]}
    (tmp_path / "rules.json").write_text(json.dumps(plan(storage=storage, backup={}, hardware={})["alerts"]))
    promtool("check", "rules", "rules.json", folder=tmp_path)


@pytest.mark.parametrize(
    ("schedule", "late"),
    [("daily", "2d30m"), ("hourly", "2h30m"), ("*:0/15", "1h45m"), ("weekly", "8d30m"), ("2026-12-24 18:00", None)],
)
def test_a_backup_is_late_by_its_schedule(schedule: str, late: str | None) -> None:
    of = plan(backup={**INPUT["homelab_backup"], "schedule": schedule, "rehearsal": "2026-12-24 18:00"})
    fors = {rule["alert"]: rule["for"] for group in of["alerts"]["groups"] for rule in group["rules"]}
    assert fors.get("HomelabBackupNever") == late
    assert ("HomelabBackupOld" in fors) == (late is not None) and "HomelabRestoreOld" not in fors
