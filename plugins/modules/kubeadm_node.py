#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: kubeadm_node
short_description: Make a host its part of a kubeadm cluster
version_added: 0.1.0
author: atarnet (@atarnet)
description:
  - Decides on the controller, from what was seen on B(all) hosts, whether this one has to be initialised, joined,
    recovered, reconfigured or left alone, and visits the host only when there is something to do.
  - The acting control plane is the one whose API answers, never the first of a list.
  - An interrupted init or join is taken up where it stopped. A node is never reset, unless O(state=absent).
  - Tokens are minted only when a node is missing, live 15 minutes and travel in files only root can read.
extends_documentation_fragment: [atarnet.homelab._attributes]
attributes:
  diff_mode:
    support: full
options:
  plan:
    description: The lab plan that M(atarnet.homelab.lab_plan) returned.
    type: dict
    required: true
  node:
    description: Name of this host in the plan.
    type: str
    required: true
  observed:
    description: The RV(atarnet.homelab.kubeadm_node_info#module:node) of each observed host, by name.
    type: dict
    default: {}
  phase:
    description:
      - V(control_plane) does what the acting control plane has to do and fetches the administrator's kubeconfig.
      - V(join) does what all other hosts have to do.
    type: str
    choices: [control_plane, join]
    default: control_plane
  kubeconfig:
    description: Path on the controller for the administrator's kubeconfig; required with O(state=present).
    type: path
  state:
    description: V(absent) takes the host out of its cluster and removes what kubeadm made, data of etcd included.
    type: str
    choices: [present, absent]
    default: present
  job:
    description: What the host has to do; the action plugin fills this in.
    type: dict
  invitation:
    description: The join material of the acting control plane; the action plugin fills this in.
    type: dict
    default: {}
seealso:
  - module: atarnet.homelab.kubeadm_node_info
  - name: kubeadm configuration v1beta4
    description: The documents that are made from the plan.
    link: https://kubernetes.io/docs/reference/config-api/kubeadm-config.v1beta4/
"""

EXAMPLES = r"""
- name: Start the control plane
  atarnet.homelab.kubeadm_node:
    plan: "{{ kubernetes_plan }}"
    node: "{{ inventory_hostname }}"
    observed: "{{ kubernetes_seen }}"
    kubeconfig: ~/.kube/lab.conf

- name: Join the other nodes
  atarnet.homelab.kubeadm_node:
    plan: "{{ kubernetes_plan }}"
    node: "{{ inventory_hostname }}"
    observed: "{{ kubernetes_seen }}"
    kubeconfig: ~/.kube/lab.conf
    phase: join
"""

RETURN = r"""
changes:
  description: What was (or, in check mode, would be) done to this host.
  returned: always
  type: list
  elements: dict
  sample: [{"resource": "kubernetes:cp1", "action": "init", "before": "absent", "after": "control plane v1.36.4"}]
acting:
  description: Name of the control plane that acts for the cluster.
  returned: when O(state=present)
  type: str
  sample: cp1
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.atarnet.homelab.plugins.module_utils._host.commands import module_runner
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError
from ansible_collections.atarnet.homelab.plugins.module_utils._host.fingerprint import baseline
from ansible_collections.atarnet.homelab.plugins.module_utils._host.lock import host_lock
from ansible_collections.atarnet.homelab.plugins.module_utils._host.system import System
from ansible_collections.atarnet.homelab.plugins.module_utils._kubeadm.apply import Job, Kubeadm
from ansible_collections.atarnet.homelab.plugins.module_utils._kubeadm.model import KubeadmError
from ansible_collections.atarnet.homelab.plugins.module_utils._kubeadm.reset import reset

ARGUMENT_SPEC = {
    "plan": {"type": "dict", "required": True},
    "node": {"type": "str", "required": True},
    "observed": {"type": "dict", "default": {}},
    "phase": {"type": "str", "choices": ["control_plane", "join"], "default": "control_plane"},
    "kubeconfig": {"type": "path"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "job": {"type": "dict"},
    "invitation": {"type": "dict", "default": {}, "no_log": True},
}


def main() -> None:
    """Do the job that the action plugin planned for this host."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    given = module.params["job"]
    if given is None:
        module.fail_json(msg="kubeadm_node: no job was planned. Run it as a task, so that its action plugin plans one.")
    steps = given.pop("steps")
    try:
        with host_lock():
            if module.params["state"] == "absent":
                before = baseline(System("/", module_runner(module.run_command)))
                reset(module.run_command, before["nft"] if before else ())
            else:
                worker = Kubeadm(Job(**given, invitation=module.params["invitation"]), module.run_command)
                for step in steps:
                    worker.do(step)
    except (HostError, KubeadmError) as exc:
        module.fail_json(msg=str(exc), invocation={})
    module.exit_json(changed=True, invocation={})


if __name__ == "__main__":
    main()
