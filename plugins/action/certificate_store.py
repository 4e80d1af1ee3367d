# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep what was issued on the controller, and put it back: no host is visited."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleError
from ansible.parsing.vault import VaultLib, is_encrypted
from ansible.plugins.action import ActionBase
from ansible_collections.atarnet.homelab.plugins.module_utils._kept.model import Wanted
from ansible_collections.atarnet.homelab.plugins.module_utils._kept.run import MANAGER, Task, run
from ansible_collections.atarnet.homelab.plugins.module_utils._kept.store import Store
from ansible_collections.atarnet.homelab.plugins.module_utils._kube import kubeconfig
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.api import Api
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.errors import KubeError
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.http import HttpTransport
from ansible_collections.atarnet.homelab.plugins.modules.certificate_store import ARGUMENT_SPEC
from ansible_collections.atarnet.homelab.plugins.plugin_utils.arguments import validated

Json = dict[str, t.Any]


class VaultCipher:
    """Ansible Vault with the passwords of this run."""

    def __init__(self, vault: VaultLib) -> None:
        self._vault = vault

    @property
    def usable(self) -> bool:
        """Tell whether the run has a password."""
        return bool(self._vault.secrets)

    def encrypt(self, text: str) -> str:
        """Return *text* encrypted with the first password."""
        return bytes(self._vault.encrypt(text)).decode()

    def is_encrypted(self, text: str) -> bool:
        """Tell whether *text* is a vault's."""
        return bool(is_encrypted(text))

    def decrypt(self, text: str, origin: str) -> str:
        """Return what was encrypted. Raises KubeError naming *origin* where no password fits."""
        try:
            return bytes(self._vault.decrypt(text)).decode()
        except AnsibleError as exc:
            raise KubeError(
                f"Reading {origin}: it is encrypted, and no password of this run opens it. "
                "Give the one it was written with (--vault-password-file), or move the file away."
            ) from exc


class ActionModule(ActionBase):
    """The controller's half of atarnet.homelab.certificate_store; there is no other."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: Json | None = None) -> Json:
        """Return changed, changes, notes, warnings and requests."""
        result: Json = super().run(tmp, task_vars)
        arguments = validated("certificate_store", ARGUMENT_SPEC, self._task.args)
        # str() takes off what Ansible's own string types carry along.
        wanted = [Wanted(**{name: str(value) for name, value in item.items()}) for item in arguments["secrets"]]
        task = Task(
            wanted=wanted,
            state=str(arguments["state"]),
            wait=arguments["wait"],
            api_optional=arguments["api_optional"],
            check=bool(self._task.check_mode),
        )
        # There is no other way to the passwords of a run than the loader's own vault.
        store = Store(str(arguments["folder"]), VaultCipher(self._loader._vault))
        path = str(arguments["kubeconfig"])

        def connect() -> Api:
            patient = not task.api_optional or (task.state == "restored" and not task.check)
            return Api(HttpTransport(kubeconfig.load(path), agent=MANAGER, patient=patient), MANAGER)

        result.update(run(task, store, connect))
        return result
