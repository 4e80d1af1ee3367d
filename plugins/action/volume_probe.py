# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Have apps' own probes look at what a node restores for them, one at a time."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.atarnet.homelab.plugins.module_utils._backup_plan import volumes
from ansible_collections.atarnet.homelab.plugins.module_utils._backup_plan.model import Probe
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.errors import KubeError
from ansible_collections.atarnet.homelab.plugins.module_utils._probe.apply import MANAGER, run
from ansible_collections.atarnet.homelab.plugins.module_utils._probe.plan import Stage, stage
from ansible_collections.atarnet.homelab.plugins.plugin_utils.arguments import validated
from ansible_collections.atarnet.homelab.plugins.plugin_utils.cluster import connect

Json = dict[str, t.Any]
ARGUMENT_SPEC = {
    "plan": {"type": "dict", "required": True},
    "node": {"type": "str", "required": True},
    "repository": {"type": "dict", "required": True},
    "volumes": {"type": "dict", "required": True},
}


class ActionModule(ActionBase):
    """The controller's half of atarnet.homelab.volume_probe; on the node files are restored."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: Json | None = None) -> Json:
        """Return "changed", "probes" and "failed_probes", and "msg" with "failed" where there are such."""
        result: Json = super().run(tmp, task_vars)
        given = validated("volume_probe", ARGUMENT_SPEC, self._task.args)
        plan, seen = given["plan"], given["volumes"]
        here = plan["backup"]["hosts"][given["node"]]
        done: dict[str, Json] = {}
        failed: dict[str, str] = {}
        for probe in (Probe.of(one) for one in plan["backup"]["probes"] if one["claim"] in seen):
            found = seen[probe.claim]
            folder = volumes.folder_of(here, found["tier"])
            prepared = stage(plan["name"], given["node"], probe, found["tier"], folder)
            if self._task.check_mode:
                done[probe.claim] = {"seconds": 0.0}
                continue
            try:
                done[probe.claim] = {"seconds": self._probe(prepared, found["snapshot"], given, task_vars)}
            except KubeError as exc:
                failed[probe.claim] = str(exc)
        result.update(changed=False, probes=done, failed_probes=failed)
        if failed:
            told = "; ".join(f"{name}: {why}" for name, why in sorted(failed.items()))
            result.update(failed=True, msg=f"Cannot probe all that was restored: {told}")
        return result

    def _probe(self, prepared: Stage, snapshot: str, given: Json, task_vars: Json | None) -> float:
        """Return how many seconds it took. Raises KubeError."""

        def restore(prepared: Stage) -> None:
            words = {
                "lab": given["plan"]["name"],
                "repository": given["repository"],
                "volume": prepared.probe.claim,
                "target": prepared.target,
                "snapshot": snapshot,
                "leave_room": True,
            }
            told = self._execute_module("atarnet.homelab.volume_restore", module_args=words, task_vars=task_vars)
            if told.get("failed"):
                raise KubeError(str(told.get("msg") or "the restore failed without a message"))

        api = connect(given["plan"]["kubeconfig"], MANAGER)
        try:
            return run(prepared, api, restore)
        finally:
            api.close()
