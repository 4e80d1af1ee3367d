# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""List the snapshots of claims: no host is visited."""

from __future__ import annotations

import contextlib
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.errors import KubeError
from ansible_collections.atarnet.homelab.plugins.module_utils._snapshots.run import listed
from ansible_collections.atarnet.homelab.plugins.modules.volume_snapshot_info import ARGUMENT_SPEC
from ansible_collections.atarnet.homelab.plugins.plugin_utils.arguments import validated
from ansible_collections.atarnet.homelab.plugins.plugin_utils.cluster import connect

Json = dict[str, t.Any]


class ActionModule(ActionBase):
    """The controller's half of atarnet.homelab.volume_snapshot_info; there is no other."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: Json | None = None) -> Json:
        """Return snapshots."""
        result: Json = super().run(tmp, task_vars)
        given = validated("volume_snapshot_info", ARGUMENT_SPEC, self._task.args)
        try:
            with contextlib.closing(connect(str(given["kubeconfig"]))) as api:
                found = listed(api, tuple(map(str, given["claims"])))
        except KubeError as exc:
            raise AnsibleActionFail(str(exc)) from exc
        result.update(changed=False, snapshots=[one.as_data() for one in found])
        return result
