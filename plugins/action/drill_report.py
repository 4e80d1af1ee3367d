# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gather what the nodes proved."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.atarnet.homelab.plugins.action.backup_report import RESULTS_SPEC, results
from ansible_collections.atarnet.homelab.plugins.module_utils._backup_plan.rehearsal import render, report
from ansible_collections.atarnet.homelab.plugins.plugin_utils.arguments import validated

Json = dict[str, t.Any]
ARGUMENT_SPEC = {
    **RESULTS_SPEC,
    "probed": {"type": "str", "default": ""},
    "url": {"type": "str", "required": True},
}


class ActionModule(ActionBase):
    """The controller's half of atarnet.homelab.drill_report; there is no other."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: Json | None = None) -> Json:
        """Return {"changed": False, "report": ..., "msg": ...}."""
        super().run(tmp, task_vars)
        given = validated("drill_report", ARGUMENT_SPEC, self._task.args)
        plan = given["plan"]
        seen, probed = (results(given[name], task_vars or {}) for name in ("results", "probed"))
        found = report(plan["backup"], seen, probed)
        text = render(plan["name"], given["url"], found, bool(self._task.check_mode))
        return {"changed": False, "report": found.as_data(), "msg": text}
