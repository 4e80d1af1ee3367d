# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan a host's part of the cluster on the controller; visit the host only when there is something to do."""

from __future__ import annotations

import base64
import hashlib
import json
import typing as t
from dataclasses import asdict
from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase
from ansible_collections.atarnet.homelab.plugins.module_utils._kubeadm import apply, config, plan
from ansible_collections.atarnet.homelab.plugins.module_utils._kubeadm.model import (
    CONTROL_PLANE,
    Cluster,
    KubeadmError,
    Observation,
    parse_cluster,
    parse_observation,
)
from ansible_collections.atarnet.homelab.plugins.module_utils._run import in_sync
from ansible_collections.atarnet.homelab.plugins.modules.kubeadm_node import ARGUMENT_SPEC


class ActionModule(ActionBase):
    """Action side of atarnet.homelab.kubeadm_node."""

    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return the planned changes, carried out unless in check mode."""
        super().run(tmp, task_vars)
        checked = ArgumentSpecValidator(ARGUMENT_SPEC).validate(dict(self._task.args))
        if checked.error_messages:
            raise AnsibleActionFail(f"kubeadm_node: {'; '.join(checked.error_messages)}")
        self._args = checked.validated_parameters
        self._vars = task_vars or {}
        try:
            if self._args["state"] == "absent":
                return in_sync.after(self._absent(), self._task.check_mode)
            return in_sync.after(self._present(), self._task.check_mode)
        except KubeadmError as exc:
            raise AnsibleActionFail(str(exc)) from exc

    def _present(self) -> dict[str, t.Any]:
        cluster = parse_cluster(self._args["plan"])
        seen = {name: parse_observation(name, facts) for name, facts in self._args["observed"].items()}
        name, phase = self._args["node"], self._args["phase"]
        planned = plan.plan_cluster(cluster, seen)
        steps = planned.of(name, phase)
        changes = [
            {"resource": f"kubernetes:{name}", "action": step.kind, "before": step.before, "after": step.after}
            for step in steps
            if step.is_change
        ]
        fetch = phase == "control_plane" and name == planned.acting and self._kubeconfig_differs(cluster, seen)
        if fetch:
            known = "as on the control plane" if seen[name].admin_conf_sha256 else "known after apply"
            exists = self._kubeconfig().exists()
            changes.append(
                {
                    "resource": f"controller:{self._kubeconfig()}",
                    "action": "update" if exists else "create",
                    "before": "outdated" if exists else "absent",
                    "after": f"kubeconfig of {cluster.name}, {known}",
                }
            )
        if not self._task.check_mode:
            if steps:
                self._visit(cluster, name, steps)
            if fetch:
                self._fetch_kubeconfig(cluster, name)
        return _result(changes, acting=planned.acting)

    def _visit(self, cluster: Cluster, name: str, steps: list[plan.Step]) -> None:
        node = cluster.nodes[name]
        control_plane = node.role == CONTROL_PLANE
        job: dict[str, t.Any] = {
            "name": name,
            "address": node.address,
            "port": cluster.endpoint_port,
            "version": cluster.version,
            "control_plane": control_plane,
            "documents": config.init_documents(cluster, node, steps[0].resume) if control_plane else [],
            "applied": config.desired_hashes(cluster),
        }
        invitation: dict[str, str] = {}
        if steps[0].kind == plan.JOIN:
            job["documents"] = [config.join_document(cluster, node, steps[0].resume)]
            invitation = self._take_invitation(name)
        job["steps"] = [_step(cluster, step) for step in steps]
        self._remote(job, invitation)
        if steps[-1].kind == plan.INVITE:
            material = self._read_private(apply.INVITATION)
            for guest in steps[-1].guests:
                apply.write_private(str(self._invitation(guest)), material)

    def _remote(self, job: dict[str, t.Any], invitation: dict[str, str]) -> None:
        arguments = {
            "plan": {},
            "node": self._args["node"],
            "state": self._args["state"],
            "job": job,
            "invitation": invitation,
        }
        self._silently("atarnet.homelab.kubeadm_node", arguments)

    def _silently(self, module: str, arguments: dict[str, t.Any]) -> dict[str, t.Any]:
        """Run a module whose input or output is secret: the connection then prints neither, however verbose."""
        context = self._play_context
        before, context.no_log = context.no_log, True
        try:
            # Neither does the host's journal learn of it.
            variables = {**self._vars, "ansible_no_target_syslog": True}
            result = self._execute_module(module, module_args=arguments, task_vars=variables)
        finally:
            context.no_log = before
        if result.get("failed"):
            raise AnsibleActionFail(result.get("msg", f"{module} failed without a message"))
        return dict(result)

    def _read_private(self, path: str) -> str:
        found = self._silently("ansible.legacy.slurp", {"src": path})
        return base64.b64decode(found["content"]).decode()

    def _kubeconfig(self) -> Path:
        if not self._args["kubeconfig"]:
            raise AnsibleActionFail("kubeadm_node: kubeconfig is required with state=present.")
        return Path(self._args["kubeconfig"]).expanduser()

    def _kubeconfig_differs(self, cluster: Cluster, seen: dict[str, Observation]) -> bool:
        """Tell whether the kubeconfig is of no control plane that answers; of which one is not worth a change."""
        path = self._kubeconfig()
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        return not any(
            one.serves_api and one.admin_conf_sha256 and _origin(one.admin_conf_sha256, cluster, one.name) in text
            for one in seen.values()
            if one.name in cluster.nodes
        )

    def _fetch_kubeconfig(self, cluster: Cluster, name: str) -> None:
        """Bring the administrator's kubeconfig, by address: the controller need not resolve the lab's names."""
        text = self._read_private(apply.ADMIN_CONF)
        origin = _origin(hashlib.sha256(text.encode()).hexdigest(), cluster, name)
        address = f"https://{cluster.nodes[name].address}:{cluster.endpoint_port}"
        text = text.replace(f"https://{cluster.endpoint}", address)
        apply.write_private(str(self._kubeconfig()), f"{origin}\n{text}")

    def _invitation(self, guest: str) -> Path:
        """Return where the join material waits for *guest*, between the two phases of one run."""
        path = self._kubeconfig()
        return path.with_name(f"{path.name}.invitation-{guest}")

    def _take_invitation(self, guest: str) -> t.Any:
        path = self._invitation(guest)
        try:
            material = json.loads(path.read_text(encoding="utf-8"))
            path.unlink()
        except (FileNotFoundError, ValueError) as exc:
            raise KubeadmError(
                f"Joining {guest}: the acting control plane left no join material at {path}. "
                "Run the phase control_plane before the phase join."
            ) from exc
        return material

    def _absent(self) -> dict[str, t.Any]:
        seen = parse_observation(self._args["node"], self._args["observed"].get(self._args["node"], {}))
        changes = []
        if seen.touched or seen.finished:
            before = "member of a cluster" if seen.finished else "traces of kubeadm"
            name = self._args["node"]
            changes = [{"resource": f"kubernetes:{name}", "action": "reset", "before": before, "after": "absent"}]
            if not self._task.check_mode:
                self._remote({"steps": []}, {})
        return _result(changes)


def _step(cluster: Cluster, step: plan.Step) -> dict[str, t.Any]:
    roles = {cluster.nodes[guest].role for guest in step.guests}
    return {**asdict(step), "invites_control_plane": CONTROL_PLANE in roles}


def _origin(sha256: str, cluster: Cluster, name: str) -> str:
    address = cluster.nodes[name].address
    return f"# admin.conf of {name} ({address}), sha256 {sha256}, fetched by atarnet.homelab"


def _result(changes: list[dict[str, t.Any]], **more: t.Any) -> dict[str, t.Any]:
    diff = [
        {
            "before_header": change["resource"],
            "after_header": change["resource"],
            "before": f"{change['before']}\n",
            "after": f"{change['after']}\n",
        }
        for change in changes
    ]
    return {"changed": bool(changes), "changes": changes, "diff": diff, **more}
