# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked to be restored means one volume each, or nothing is touched."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._backup_plan.choice import choose

BACKUPS: dict[str, t.Any] = {name: {"id": "1"} for name in ("shop/data", "shop/web", "gone/data")}
W1 = {"volumes": {"shop/data": "/1/data"}, "refused": {}, "backups": BACKUPS}
W2 = {"volumes": {"shop/web": "/2/web"}, "refused": {}, "backups": BACKUPS}
BOTH = {**W2, "volumes": {"shop/data": "/2/data"}}
DATA, WEB = {"volume": "shop/data", "target": "/1/data"}, {"volume": "shop/web", "target": "/2/web"}
OTHER = {"volume": "shop/data", "target": "/2/data"}


@pytest.mark.parametrize(
    ("asked", "to", "seen", "nodes", "absent"),
    [
        ("shop/data", "", {"w1": W1, "w2": W2}, {"w1": [DATA]}, []),
        ("shop", "", {"w1": W1, "w2": W2}, {"w1": [DATA], "w2": [WEB]}, []),
        ("all", "", {"w1": W1, "w2": W2}, {"w1": [DATA], "w2": [WEB]}, ["gone/data"]),
        ("shop/data", "w2", {"w1": W1, "w2": BOTH}, {"w2": [OTHER]}, []),
        ("shop/data", "", {"w1": W1, "w2": {}}, {"w1": [DATA]}, []),
    ],
    ids=["claim", "namespace", "all", "to", "one is away"],
)
def test_chosen(asked: str, to: str, seen: t.Any, nodes: t.Any, absent: list[str]) -> None:
    found = choose(asked, to, ("w1", "w2"), seen)
    assert (found.nodes, found.absent, found.problems) == (nodes, absent, [])


@pytest.mark.parametrize(
    ("asked", "to", "seen", "said"),
    [
        ("shop/dta", "", {"w1": W1, "w2": W2}, 'there is no backup of shop/dta. Did you mean "shop/data"?'),
        ("shop/data", "w9", {"w1": W1, "w2": W2}, "w9 is no node with volumes. Use one of w1, w2."),
        ("shop/data", "", {"w1": W1, "w2": BOTH}, "w1 and w2 have a volume of it. Say which is meant by -e to=NODE."),
        ("gone/data", "", {"w1": W1, "w2": W2}, "no node has a volume of it. Start the app there once"),
        ("shop/web", "w1", {"w1": W1, "w2": W2}, "w1 has no volume of it, but w2 has. Start the app"),
        ("shop/web", "", {"w1": W1, "w2": {}}, "no node that answers has a volume of it. w2: it was not asked"),
        (
            "shop/web",
            "",
            {"w1": W1, "w2": {"msg": "no restic"}},
            "no node that answers has a volume of it. w2: no restic",
        ),
        (
            "shop/web",
            "",
            {"w1": W1, "w2": {**W2, "volumes": {}, "refused": {"shop/web": "two folders"}}},
            "two folders.",
        ),
        ("shop/data", "", {"w1": {"msg": "no restic"}, "w2": {}}, "there is no backup of shop/data"),
    ],
    ids=["misspelt", "node", "two", "nowhere", "not there", "away", "failed", "refused", "none answers"],
)
def test_refused(asked: str, to: str, seen: t.Any, said: str) -> None:
    found = choose(asked, to, ("w1", "w2"), seen)
    assert len(found.problems) == 1 and said in found.problems[0], found.problems
