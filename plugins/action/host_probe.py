# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at a host and judge it, so that a host that cannot do is refused before any host is touched."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.atarnet.homelab.plugins.module_utils._lab import hosts, probe


class ActionModule(ActionBase):
    """The controller's half of atarnet.homelab.host_probe: the verdict."""

    TRANSFERS_FILES = False
    _VALID_ARGS = frozenset({"minimum_memory"})

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return {"changed": False, "probe": ...}; fails with every reason against the host."""
        super().run(tmp, task_vars)
        task_vars = task_vars or {}
        host = str(task_vars["inventory_hostname"])
        result: dict[str, t.Any] = self._execute_module(task_vars=task_vars)
        if "probe" not in result:
            raise AnsibleActionFail(self._failure(host, result), show_content=False)
        refused = hosts.verdict(host, probe.from_dict(result["probe"]), int(self._task.args["minimum_memory"]))
        if refused:
            raise AnsibleActionFail("\n".join(refused), show_content=False, result={"probe": result["probe"]})
        return result

    def _failure(self, host: str, result: dict[str, t.Any]) -> str:
        output = f"{result.get('module_stdout', '')}\n{result.get('module_stderr', '')}"
        interpreter = (self._used_interpreter or "python3").lstrip("#!")
        return hosts.failure(host, interpreter, int(result.get("rc", 0) or 0), output, str(result.get("msg", "")))
