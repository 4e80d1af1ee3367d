# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gather what the nodes and the cluster have, and choose what is restored where."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.atarnet.homelab.plugins.action.backup_report import results
from ansible_collections.atarnet.homelab.plugins.module_utils._backup_plan import volumes
from ansible_collections.atarnet.homelab.plugins.module_utils._backup_plan.choice import Seen, choose
from ansible_collections.atarnet.homelab.plugins.module_utils._backup_plan.into import CLUSTER, Cluster, choose_into
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.errors import KubeError
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.model import Ref
from ansible_collections.atarnet.homelab.plugins.plugin_utils.arguments import validated
from ansible_collections.atarnet.homelab.plugins.plugin_utils.cluster import connect

Json = dict[str, t.Any]
ARGUMENT_SPEC = {
    "plan": {"type": "dict", "required": True},
    "results": {"type": "str", "required": True},
    "restore": {"type": "str", "required": True},
    "to": {"type": "str", "default": ""},
    "into": {"type": "str", "default": ""},
}


class ActionModule(ActionBase):
    """The controller's half of atarnet.homelab.restore_choice; there is no other."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: Json | None = None) -> Json:
        """Return "changed", "nodes", "absent", "objects" and "doubts"; fails with what stands against it."""
        super().run(tmp, task_vars)
        given = validated("restore_choice", ARGUMENT_SPEC, self._task.args)
        plan, into, doubts = given["plan"], given["into"], []
        placed: dict[str, volumes.Place] | None = None
        left, cluster = set[str](), Cluster()
        try:
            api = connect(plan["kubeconfig"])
            # Volumes first: a claim that goes meanwhile is then one that is gone.
            items = api.list_all(Ref("v1", "PersistentVolume", "", ""))
            cluster = Cluster.of(*(api.list_all(Ref("v1", kind, "", "")) for kind in CLUSTER))
            placed, left = volumes.places(items, cluster.claims), volumes.leaving(items, cluster.claims)
        except KubeError as exc:
            doubts = [f"claims that have no volume are given none, as the cluster does not answer: {exc}"]
        seen = Seen(plan["backup"]["hosts"], results(given["results"], task_vars or {}), placed, left)
        words = (plan["name"], given["restore"], given["to"])
        choice = choose_into(*words, into, seen, cluster) if into else choose(*words, seen)
        if choice.problems:
            told = "".join(f"\n- {problem}" for problem in [*choice.problems, *doubts])
            raise AnsibleActionFail(f"Restoring {given['restore']}: nothing was touched:{told}", show_content=False)
        found = dataclasses.asdict(choice)
        del found["problems"]
        return {"changed": False, "doubts": doubts, **found}
