# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster's API for plugins."""

from __future__ import annotations

from ansible_collections.atarnet.homelab.plugins.module_utils._kube import kubeconfig
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.api import Api
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.http import HttpTransport

_AGENT = "atarnet-homelab"


def connect(path: str, manager: str = _AGENT) -> Api:
    """Return the API that the kubeconfig *path* leads to, for a field *manager*. Raises KubeError."""
    return Api(HttpTransport(kubeconfig.load(path), manager), manager)
