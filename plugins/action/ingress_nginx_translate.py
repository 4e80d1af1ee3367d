# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Translate Ingress objects of ingress-nginx into routes on the controller; the cluster is only read."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.atarnet.homelab.plugins.action.lab_plan import plain
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.errors import KubeError
from ansible_collections.atarnet.homelab.plugins.module_utils._translate import apply, plan, report
from ansible_collections.atarnet.homelab.plugins.module_utils._translate.model import Ingress, Named
from ansible_collections.atarnet.homelab.plugins.modules.ingress_nginx_translate import ARGUMENT_SPEC, ONE_OF
from ansible_collections.atarnet.homelab.plugins.plugin_utils.arguments import validated
from ansible_collections.atarnet.homelab.plugins.plugin_utils.cluster import connect

Json = dict[str, t.Any]


class ActionModule(ActionBase):
    """The controller's half of atarnet.homelab.ingress_nginx_translate; there is no other."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: Json | None = None) -> Json:
        """Return changed, routes, report, msg and diff; a failed translation has its report too."""
        result: Json = super().run(tmp, task_vars)
        given = plain(validated("ingress_nginx_translate", ARGUMENT_SPEC, self._task.args, ONE_OF))
        try:
            settings = given["ingress_class"], given["issuer"] or "", given["provider"] or ""
            found = plan.translate(*_objects(given), *settings)
            title = f"Translating the Ingress objects of class {given['ingress_class']}"
            result.update(changed=False, report=report.as_data(found))
            if found.failures:
                return {**result, "failed": True, "msg": report.as_failure(found, title)}
            result.update(routes=report.hidden(found.routes), msg=report.as_text(found, title))
            if given["file"]:
                result.update(self._write(given["file"], report.as_variables(found)))
        except KubeError as exc:
            raise AnsibleActionFail(str(exc), show_content=False) from None
        return result

    def _write(self, path: str, text: str) -> Json:
        before = apply.written(path, report.HEAD)
        if before == text:
            return {"changed": False}
        if not self._task.check_mode:
            apply.write(path, text)
        shown = {"before": report.hide(before), "after": report.hide(text)}
        return {"changed": True, "diff": {"before_header": path, "after_header": path, **shown}}


def _objects(given: Json) -> tuple[list[Ingress], Named]:
    if given["kubeconfig"] is None:
        return apply.of_task(given["objects"])
    return apply.of_cluster(connect(given["kubeconfig"]), given["ingress_class"])
