# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at what kubeadm made of a host, unless this run has just done so."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.atarnet.homelab.plugins.action.lab_run import this_run
from ansible_collections.atarnet.homelab.plugins.module_utils._run import in_sync
from ansible_collections.atarnet.homelab.plugins.modules.kubeadm_node_info import ARGUMENT_SPEC
from ansible_collections.atarnet.homelab.plugins.plugin_utils.arguments import validated

Json = dict[str, t.Any]


class ActionModule(ActionBase):
    """The controller's half of atarnet.homelab.kubeadm_node_info."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: Json | None = None) -> Json:
        """Return {"changed": False, "node": what was seen}."""
        super().run(tmp, task_vars)
        given, variables = validated("kubeadm_node_info", ARGUMENT_SPEC, self._task.args), task_vars or {}
        seen = self._seen(variables)
        if seen and {key: seen.get(key) for key in given} == given:
            return {"changed": False, "node": seen["node"]}
        return dict(self._execute_module(module_args=given, task_vars=variables))

    def _seen(self, variables: Json) -> Json:
        """Return what the probe saw, nothing when any host was changed since: they are members of one cluster."""
        run = this_run().id
        hosts = [variables, *(variables["hostvars"][name] for name in variables["ansible_play_hosts"])]
        facts = [in_sync.good(host.get("ansible_facts") or {}, run) for host in hosts]
        return facts[0]["kubeadm"] if all(facts) else {}
