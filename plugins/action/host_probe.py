# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at a host and judge it, so that what cannot do, or is busy with another run, is refused before any change."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.atarnet.homelab.plugins.action.lab_run import begin, this_run
from ansible_collections.atarnet.homelab.plugins.module_utils._lab import hosts, probe
from ansible_collections.atarnet.homelab.plugins.module_utils._run import in_sync
from ansible_collections.atarnet.homelab.plugins.modules.host_probe import ARGUMENT_SPEC
from ansible_collections.atarnet.homelab.plugins.plugin_utils.arguments import validated


class ActionModule(ActionBase):
    """The controller's half of atarnet.homelab.host_probe: the verdict."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return {"changed": False, "probe": ...}; fails with every reason against the host, or for another run."""
        super().run(tmp, task_vars)
        task_vars = task_vars or {}
        given, host = validated("host_probe", ARGUMENT_SPEC, self._task.args), str(task_vars["inventory_hostname"])

        def look(arguments: dict[str, t.Any]) -> dict[str, t.Any]:
            arguments = {"minimum_memory": given["minimum_memory"], "kubernetes": given["kubernetes"], **arguments}
            result: dict[str, t.Any] = self._execute_module(module_args=arguments, task_vars=task_vars)
            if "probe" not in result:
                raise AnsibleActionFail(self._failure(host, result), show_content=False)
            if result.get("failed"):
                raise AnsibleActionFail(str(result["msg"]), show_content=False)
            refused = hosts.verdict(host, probe.from_dict(result["probe"]), given["minimum_memory"])
            if refused:
                raise AnsibleActionFail("\n".join(refused), show_content=False, result={"probe": result["probe"]})
            return result

        if given["record_run"]:
            result = begin(look, given["lab"], given["take_over_run"], bool(self._task.check_mode))
        else:
            result = look({})
        return {**result, "ansible_facts": in_sync.seen(this_run().id, result["in_sync"], result.get("kubeadm"))}

    def _failure(self, host: str, result: dict[str, t.Any]) -> str:
        output = f"{result.get('module_stdout', '')}\n{result.get('module_stderr', '')}"
        interpreter = (self._used_interpreter or "python3").lstrip("#!")
        return hosts.failure(host, interpreter, int(result.get("rc", 0) or 0), output, str(result.get("msg", "")))
