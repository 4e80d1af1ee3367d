# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gather the results of the run on the controller and write the report, without asking any host."""

from __future__ import annotations

import os
import time
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.atarnet.homelab.plugins.module_utils._network import matrix, picture, router_files
from ansible_collections.atarnet.homelab.plugins.module_utils._report import render
from ansible_collections.atarnet.homelab.plugins.module_utils._report.collect import collect, states
from ansible_collections.atarnet.homelab.plugins.plugin_utils.arguments import validated

Json = dict[str, t.Any]
ARGUMENT_SPEC = {
    "title": {"type": "str", "required": True},
    "lab": {"type": "str", "required": True},
    "json_file": {"type": "path"},
    "metrics_file": {"type": "path"},
    "network": {"type": "dict"},
    "picture_file": {"type": "path"},
    "router_rules": {"type": "str", "default": ""},
    "router_file": {"type": "path", "default": ""},
    "router_interfaces": {"type": "dict", "default": {}},
}


def variables_of_hosts(task_vars: t.Mapping[str, t.Any]) -> dict[str, t.Mapping[str, t.Any]]:
    """Return the variables of every host of the inventory, without rendering any."""
    return {str(host): task_vars["hostvars"].raw_get(host) for host in task_vars["groups"]["all"]}


class ActionModule(ActionBase):
    """The controller's half of atarnet.homelab.lab_report; there is no other."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: Json | None = None) -> Json:
        """Return {"changed": False, "report": ..., "msg": ...}; fails when no host was seen."""
        super().run(tmp, task_vars)
        given = validated("lab_report", ARGUMENT_SPEC, self._task.args)
        router = self._router(given)
        variables = variables_of_hosts(task_vars or {})
        hosts = states(variables)
        if "seen" not in hosts.values():
            raise AnsibleActionFail(
                f"Reporting on {given['lab']}: no host was looked at to the end. See the errors above."
            )
        network = given["network"]
        report, now = collect(variables), time.time()
        made = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
        data = render.as_data(report, given["lab"], made, hosts)
        for path, text in (
            (given["json_file"], render.as_json(data)),
            (given["metrics_file"], render.as_metrics(data, int(now))),
            (given["picture_file"], picture.as_svg(network, given["title"]) if network else ""),
            *router.items(),
        ):
            if path and text:
                _write(str(path), text)
        message = render.as_text(report, given["title"], hosts)
        if network:
            message += f"\nwhat each segment reaches (* in part)\n{matrix.as_text(network)}"
        return {"changed": False, "report": data, "msg": message}

    def _router(self, given: Json) -> dict[str, str]:
        names = ("router_rules", "router_file", "router_interfaces")
        try:
            return router_files.files(given["network"], given["lab"], *(given[name] for name in names))
        except ValueError as error:
            raise AnsibleActionFail(f"Rendering the rules of a router: {error}") from None


def _write(path: str, text: str) -> None:
    """Write a file in one step, readable by everybody: it has no secrets, and node-exporter is another user."""
    partial = f"{path}.partial"
    try:
        with open(partial, "w", encoding="utf-8") as stream:
            stream.write(text)
        os.chmod(partial, 0o644)
        os.replace(partial, path)
    except OSError as exc:
        raise AnsibleActionFail(
            f"Writing the report {path}: {exc.strerror}. Name a file in a folder that is there."
        ) from exc
