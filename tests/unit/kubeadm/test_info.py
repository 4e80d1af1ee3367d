# SPDX-License-Identifier: GPL-3.0-or-later
"""What the probe saw of kubeadm is believed until anything is changed on any host of the play."""

from __future__ import annotations

import typing as t
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest
from ansible_collections.atarnet.homelab.plugins.action.kubeadm_node_info import ActionModule
from ansible_collections.atarnet.homelab.plugins.action.lab_run import this_run
from ansible_collections.atarnet.homelab.plugins.module_utils._run import in_sync

Facts = dict[str, t.Any]
ASKED = {"address": "192.0.2.11", "port": 6443}
SEEN, FRESH = {"kubelet_conf": True}, {"kubelet_conf": False}


def facts(**more: t.Any) -> Facts:
    return in_sync.seen(this_run().id, {}, {**ASKED, "node": SEEN, **more})


def outdated() -> Facts:
    return dict(in_sync.after({"changed": True}, check=False)["ansible_facts"])


@pytest.mark.parametrize(
    ("known", "expected"),
    # Made when they are asked for: what was seen is known for a minute.
    [
        (lambda: (facts(), facts()), SEEN),
        (lambda: (facts(), outdated()), FRESH),
        (lambda: (outdated(), facts()), FRESH),
        (lambda: (facts(port=8443), facts()), FRESH),
        (lambda: (in_sync.seen(this_run().id, {}), facts()), FRESH),
        (lambda: (in_sync.seen("another run", {}, {**ASKED, "node": SEEN}), facts()), FRESH),
        (lambda: ({}, facts()), FRESH),
    ],
    ids=["seen", "another host changed", "changed", "another port", "no node yet", "another run", "never seen"],
)
def test_visited_unless_seen(
    monkeypatch: pytest.MonkeyPatch, known: t.Callable[[], tuple[Facts, Facts]], expected: Facts
) -> None:
    here, there = known()
    task = SimpleNamespace(args=dict(ASKED), async_val=0, check_mode=False, diff=False)
    action = ActionModule(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), MagicMock())
    monkeypatch.setattr(action, "_execute_module", lambda **_given: {"changed": False, "node": FRESH})
    hostvars = {"a": {"ansible_facts": here}, "b": {"ansible_facts": there}}
    variables = {"ansible_facts": here, "hostvars": hostvars, "ansible_play_hosts": ["a", "b"]}
    assert action.run(task_vars=variables)["node"] == expected
