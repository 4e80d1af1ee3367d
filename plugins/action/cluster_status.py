# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at the cluster from the controller and tell what is not well."""

from __future__ import annotations

import time
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.api import Api
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.errors import KubeError, Unreachable
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.model import Ref
from ansible_collections.atarnet.homelab.plugins.module_utils._status.picture import picture, render
from ansible_collections.atarnet.homelab.plugins.plugin_utils.cluster import connect

ARGUMENT_SPEC = {"plan": {"type": "dict", "required": True}, "healthy_within": {"type": "int", "default": 0}}
_SYSTEM = ("kube-system", "kube-flannel", "metallb-system", "ingress", "cert-manager", "local-path-storage")
_WORKLOADS = ("Deployment", "DaemonSet", "StatefulSet")
_PAUSE_SECONDS = 1.0


class ActionModule(ActionBase):
    """Action side of atarnet.homelab.cluster_status."""

    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return the picture of the cluster, once it is well or the time for that is over."""
        super().run(tmp, task_vars)
        checked = ArgumentSpecValidator(ARGUMENT_SPEC).validate(dict(self._task.args))
        if checked.error_messages:
            raise AnsibleActionFail(f"cluster_status: {'; '.join(checked.error_messages)}")
        plan = checked.validated_parameters["plan"]
        patience = checked.validated_parameters["healthy_within"]
        variables = task_vars or {}
        away = set(variables.get("ansible_play_hosts_all", [])) - set(variables.get("ansible_play_hosts", []))
        try:
            seen = self._look(plan, 0 if self._task.check_mode else patience, away)
        except Unreachable as exc:
            if self._task.check_mode:
                return {"changed": False, "msg": f"The cluster's state is known after apply: {exc}"}
            raise AnsibleActionFail(str(exc)) from exc
        except KubeError as exc:
            raise AnsibleActionFail(str(exc)) from exc
        text = render(plan, seen)
        if seen["problems"] and patience and not self._task.check_mode:
            raise AnsibleActionFail(f"Waiting {patience} s for the cluster to be well:\n{text}")
        return {"changed": False, "msg": text, "status": seen}

    def _look(self, plan: dict[str, t.Any], patience: int, away: set[str]) -> dict[str, t.Any]:
        api = connect(plan["kubeconfig"])
        end = time.monotonic() + patience
        while True:
            nodes = api.list_all(Ref("v1", "Node", "", ""))
            # Before pods: a rollout that has ended by then has made all of them.
            workloads = [one for kind in _WORKLOADS for one in _of_system(api, "apps/v1", kind)]
            pods = _of_system(api, "v1", "Pod")
            seen = picture(plan, nodes, pods, workloads, away=away)
            if not seen["problems"]:
                return seen
            if time.monotonic() >= end:
                return picture(plan, nodes, pods, workloads, _of_system(api, "v1", "Event"), away)
            time.sleep(_PAUSE_SECONDS)


def _of_system(api: Api, version: str, kind: str) -> list[dict[str, t.Any]]:
    return [one for space in _SYSTEM for one in api.list_all(Ref(version, kind, space, ""))]
