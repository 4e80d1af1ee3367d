# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gather what the nodes have, and choose what is restored where."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.atarnet.homelab.plugins.action.backup_report import results
from ansible_collections.atarnet.homelab.plugins.module_utils._backup_plan.choice import choose
from ansible_collections.atarnet.homelab.plugins.plugin_utils.arguments import validated

Json = dict[str, t.Any]
ARGUMENT_SPEC = {
    "plan": {"type": "dict", "required": True},
    "results": {"type": "str", "required": True},
    "restore": {"type": "str", "required": True},
    "to": {"type": "str", "default": ""},
}


class ActionModule(ActionBase):
    """The controller's half of atarnet.homelab.restore_choice; there is no other."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: Json | None = None) -> Json:
        """Return {"changed": False, "nodes": ..., "absent": ...}; fails with what stands against it."""
        super().run(tmp, task_vars)
        given = validated("restore_choice", ARGUMENT_SPEC, self._task.args)
        seen = results(given["results"], task_vars or {})
        found = choose(given["restore"], given["to"], list(given["plan"]["backup"]["hosts"]), seen).as_data()
        problems = found.pop("problems")
        if problems:
            told = "".join(f"\n- {problem}" for problem in problems)
            raise AnsibleActionFail(f"Restoring {given['restore']}: nothing was touched:{told}", show_content=False)
        return {"changed": False, **found}
