# SPDX-License-Identifier: GPL-3.0-or-later
"""A task from arguments to result where no server is needed."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._kube import run
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.errors import Unreachable

ARGUMENTS = {
    "owner": "shop",
    "prune": True,
    "wait": False,
    "wait_timeout": 1,
    "force_conflicts": False,
    "state": "present",
    "api_optional": True,
}
OBJECT = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "n"}, "data": {"k": "v"}}


def no_server() -> t.NoReturn:
    """Be a lab whose API is not there yet."""
    raise Unreachable("https://127.0.0.1:1", "connection refused")


@pytest.mark.parametrize("diff", [True, False])
def test_a_plan_has_texts_only_in_diff_mode(diff: bool) -> None:
    result = run.run(run.read_task(ARGUMENTS, [("objects[0]", OBJECT)], check=True, diff=diff), no_server)
    assert result["changes"] == [{"object": "v1 ConfigMap n/a", "action": "create"}]
    assert [entry["before_header"] for entry in result["diff"]] == (["v1 ConfigMap n/a"] if diff else [])
