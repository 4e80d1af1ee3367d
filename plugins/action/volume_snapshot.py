# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Have snapshots taken of claims: no host is visited."""

from __future__ import annotations

import functools
import time
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.atarnet.homelab.plugins.module_utils._snapshots.model import ABSENT, Wanted
from ansible_collections.atarnet.homelab.plugins.module_utils._snapshots.run import MANAGER, run
from ansible_collections.atarnet.homelab.plugins.modules.volume_snapshot import ARGUMENT_SPEC
from ansible_collections.atarnet.homelab.plugins.plugin_utils.arguments import validated
from ansible_collections.atarnet.homelab.plugins.plugin_utils.cluster import connect

Json = dict[str, t.Any]


class ActionModule(ActionBase):
    """The controller's half of atarnet.homelab.volume_snapshot; there is no other."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: Json | None = None) -> Json:
        """Return changed, changes, diff and snapshots."""
        result: Json = super().run(tmp, task_vars)
        given = validated("volume_snapshot", ARGUMENT_SPEC, self._task.args)
        if given["state"] == ABSENT and not given["name"]:
            raise AnsibleActionFail("Reading the arguments of volume_snapshot: which are to go? Give their name.")
        wanted = Wanted(
            claims=tuple(map(str, given["claims"])),
            name=str(given["name"]) or time.strftime("%Y%m%d-%H%M%S", time.gmtime()),
            state=str(given["state"]),
            keep=given["keep"],
            kind=str(given["snapshot_class"]),
        )
        api = functools.partial(connect, str(given["kubeconfig"]), MANAGER)
        result.update(run(wanted, api, bool(self._task.check_mode), given["wait"]))
        return result
