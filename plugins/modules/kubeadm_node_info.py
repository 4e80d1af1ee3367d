#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: kubeadm_node_info
short_description: Look at what kubeadm made of a host
version_added: 0.1.0
author: atarnet (@atarnet)
description:
  - Returns everything M(atarnet.homelab.kubeadm_node) decides by, in one round and without writing anything.
  - A blank host answers with empty values.
  - Where M(atarnet.homelab.host_probe) has looked in this run, at most a minute ago, and no module of this collection
    has changed any host since, that is the result and the host is not asked once more.
extends_documentation_fragment: [atarnet.homelab._attributes]
attributes:
  diff_mode:
    support: N/A
    details: Only reads.
options:
  address:
    description: Address of this host on which its own API server would listen.
    type: str
    required: true
  port:
    description: Port of the API server.
    type: int
    default: 6443
seealso:
  - module: atarnet.homelab.kubeadm_node
"""

EXAMPLES = r"""
- name: Look at the node
  atarnet.homelab.kubeadm_node_info:
    address: 192.168.20.11
  register: kubernetes_observed
"""

RETURN = r"""
node:
  description: What was seen.
  returned: success
  type: dict
  contains:
    kubelet_conf: {description: Whether the kubelet has its credentials., type: bool, returned: success}
    bootstrap_conf: {description: Whether a join is half done., type: bool, returned: success}
    manifests: {description: Names of the static pods' manifests., type: list, elements: str, returned: success}
    restoring: {description: Whether a restore of the control plane is half done., type: bool, returned: success}
    etcd_data: {description: Whether etcd has written here., type: bool, returned: success}
    kubelet_active: {description: Whether the kubelet runs., type: bool, returned: success}
    ca_sha256: {description: Identity of the cluster's certificate authority., type: str, returned: success}
    admin_conf_sha256: {description: State of the administrator's kubeconfig., type: str, returned: success}
    api_nodes:
      description: The registered nodes by name as this host's API server tells, null when none answers.
      type: dict
      returned: success
    api_cause: {description: Why the API server did not answer., type: str, returned: success}
    etcd_members: {description: Names of etcd's members., type: list, elements: str, returned: success}
    hashes: {description: sha256 of what kubeadm wrote., type: dict, returned: success}
    stamp: {description: What was noted when work was last finished here., type: dict, returned: success}
    certificates: {description: End of validity of each certificate., type: dict, returned: success}
  sample: {"kubelet_conf": true, "etcd_members": ["cp1"]}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.atarnet.homelab.plugins.module_utils._kubeadm.observe import observe

ARGUMENT_SPEC = {"address": {"type": "str", "required": True}, "port": {"type": "int", "default": 6443}}


def main() -> None:
    """Observe and return."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    node = observe(module.params["address"], module.params["port"], module.run_command)
    module.exit_json(changed=False, node=node)


if __name__ == "__main__":
    main()
