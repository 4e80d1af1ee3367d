# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gather what the nodes backed up, and ask the cluster for what there is besides."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.atarnet.homelab.plugins.action.lab_report import variables_of_hosts
from ansible_collections.atarnet.homelab.plugins.module_utils._backup_plan.report import render, report
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.errors import KubeError
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.model import Ref
from ansible_collections.atarnet.homelab.plugins.plugin_utils.arguments import validated
from ansible_collections.atarnet.homelab.plugins.plugin_utils.cluster import connect

Json = dict[str, t.Any]
RESULTS_SPEC = {"plan": {"type": "dict", "required": True}, "results": {"type": "str", "required": True}}
ARGUMENT_SPEC = {**RESULTS_SPEC, "copied": {"type": "str", "default": ""}}


class ActionModule(ActionBase):
    """The controller's half of atarnet.homelab.backup_report; there is no other."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: Json | None = None) -> Json:
        """Return {"changed": False, "report": ..., "msg": ...}."""
        super().run(tmp, task_vars)
        given = validated("backup_report", ARGUMENT_SPEC, self._task.args)
        plan, seen = given["plan"], results(given["results"], task_vars or {})
        doubts: list[str] = []
        try:
            api = connect(plan["kubeconfig"])
            claims = api.list_all(Ref("v1", "PersistentVolumeClaim", "", ""))
            volumes = api.list_all(Ref("v1", "PersistentVolume", "", ""))
        except KubeError as exc:
            claims, volumes = [], []
            doubts = [f"claims that no node has are not named here: {exc}"]
        copied = results(given["copied"], task_vars or {})
        found = report(plan["backup"], seen, claims, volumes, copied)
        found.doubts += doubts
        changed = None if self._task.check_mode else any(one.get("changed") for one in seen.values())
        return {
            "changed": False,
            "report": found.as_data(),
            "msg": render(plan["name"], plan["backup"], found, changed),
        }


def results(name: str, task_vars: Json) -> dict[str, Json]:
    """Return what each host has registered in the variable *name*, {} where it has nothing."""
    return {host: dict(variables.get(name) or {}) for host, variables in variables_of_hosts(task_vars).items()}
