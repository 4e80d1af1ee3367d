# SPDX-License-Identifier: GPL-3.0-or-later
"""A hundred changes to a hundred objects, by hand, by their author and by programs: what a check says is what comes."""

from __future__ import annotations

import json
import random
import time
import typing as t
from pathlib import Path

import pytest

from tests.fidelity import objects
from tests.fidelity.tally import Tally
from tests.support.lab import SiteRun, changing_requests, kubectl, run_playbook, storing_requests

COUNT = 100
SEED = 4711
LIVE_WAYS = ("label", "foreign", "unlabel", "gone", "content")
AUTHOR_WAYS = ("rewritten", "dropped", "added")


@pytest.fixture(scope="module")
def wanted() -> t.Iterator[list[dict[str, t.Any]]]:
    """The objects, applied; gone with the module."""
    items = [objects.namespace(), *objects.generate(COUNT, SEED)]
    kubectl("delete", "namespace", objects.SPACE, "--ignore-not-found", "--wait=true")
    kubectl("-n", "kube-system", "delete", "configmap", f"homelab-inventory-{objects.OWNER}", "--ignore-not-found")
    yield items
    kubectl("delete", "namespace", objects.SPACE, "--wait=true")
    kubectl("-n", "kube-system", "delete", "configmap", f"homelab-inventory-{objects.OWNER}")


def play(folder: Path, items: list[dict[str, t.Any]], *arguments: str) -> SiteRun:
    """Run the play of the objects."""
    path = folder / "objects.json"
    path.write_text(json.dumps({"fidelity_objects": items}), encoding="utf-8")
    return run_playbook("--diff", "-e", f"@{path}", *arguments, playbook="tests/fidelity/objects.yml")


def compared(folder: Path, items: list[dict[str, t.Any]], tally: Tally) -> SiteRun:
    """Check, run, and demand that both say the same, that the check wrote nothing and that nothing is left to do."""
    predicted = play(folder, items, "--check")
    stored = storing_requests(predicted.started, predicted.ended)
    tally.writes += len(stored)
    assert stored == []
    real = play(folder, items)
    assert real.code == 0, real.output[-3000:]
    assert tally.compare(predicted, real) == []
    again = play(folder, items)
    assert not any(again.changes().values())
    assert changing_requests(again.started, again.ended) == []
    return real


def named(run: SiteRun) -> dict[str, str]:
    """Return the action on each object, by kind and name."""
    found = {}
    for change in next(iter(run.changes().values())):
        _version, kind, place = change["object"].split()
        found[f"{kind} {place.rpartition('/')[2]}"] = change["action"]
    return found


def test_first_apply(wanted: list[dict[str, t.Any]], tmp_path: Path, tally: Tally) -> None:
    run = compared(tmp_path, wanted, tally)
    assert len(named(run)) == COUNT + 1


def test_changes_of_all_kinds(wanted: list[dict[str, t.Any]], tmp_path: Path, tally: Tally) -> None:
    randomness = random.Random(SEED)
    expected: dict[str, str] = {}
    items = [wanted[0]]
    for number, item in enumerate(wanted[1:]):
        name = f"{item['kind']} {item['metadata']['name']}"
        if number % 2:
            way = randomness.choice(LIVE_WAYS)
            kubectl(*(objects.patch(item) if way == "content" else objects.by_hand(item, way)))
            if way != "foreign":
                expected[name] = "create" if way == "gone" else "update"
            items.append(item)
            continue
        way = randomness.choice(AUTHOR_WAYS)
        expected[name] = "delete" if way == "dropped" else "update"
        if way != "dropped":
            items.append(objects.rewritten(item))
        if way == "added":
            more = {**item, "metadata": {**item["metadata"], "name": f"more{number}"}}
            items.append(more)
            expected[f"{item['kind']} more{number}"] = "create"
    time.sleep(1)
    assert named(compared(tmp_path, items, tally)) == expected
