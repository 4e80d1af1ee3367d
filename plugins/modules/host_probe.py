#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at a host, read-only, in one round."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_probe
short_description: Look at a host and refuse it when it cannot carry its role
version_added: 0.1.0
description:
  - Reads what the host is (operating system, architecture, memory, Python, cgroups) from its files, in one round.
  - Refuses, on the controller, a host with an unsupported operating system or architecture, too little memory, a Python
    that is missing or too old, another process 1 than systemd, or without root.
  - Where O(run) is given, records on the host that this run has begun, and refuses while another one is under way.
    A run whose process on this controller has ended is not; its record is replaced, with a warning. Beside that record,
    C(/var/lib/atarnet-homelab/run.json), nothing is written, and in check mode not even that.
  - Also looks, all at once, whether the host is still as the owners in its ledger want it. The tasks of
    M(atarnet.homelab.host_state), M(atarnet.homelab.host_network) and M(atarnet.homelab.kubeadm_node_info) that follow
    in the same run need not visit a host for what was seen here.
extends_documentation_fragment:
  - atarnet.homelab._attributes
attributes:
  diff_mode:
    support: N/A
    details: Nothing of the lab is ever changed.
author:
  - atarnet (@atarnet)
options:
  minimum_memory:
    description: Memory in MiB below which the host is refused.
    type: int
    required: true
  record_run:
    description: Whether the host holds the record of the run; the control planes of the lab do.
    type: bool
    default: false
  lab:
    description: Name of the lab, for messages.
    type: str
    default: ""
  take_over_run:
    description: Id of a run known to be dead, which does not stand in the way of this one.
    type: str
    default: ""
  run:
    description: The run that begins. Set by the action plugin.
    type: dict
  kubernetes:
    description:
      - Where the host's own API server would listen, for a host that is to be a node. Where kubeadm has finished, what
        M(atarnet.homelab.kubeadm_node_info) would see is then seen at once.
    type: dict
    suboptions:
      address:
        description: Address of this host.
        type: str
        required: true
      port:
        description: Port of the API server.
        type: int
        required: true
seealso:
  - module: atarnet.homelab.lab_plan
"""

EXAMPLES = r"""
- name: Look at the hosts
  atarnet.homelab.host_probe:
    minimum_memory: "{{ validate_result.plan.nodes[inventory_hostname].minimum_memory }}"
  register: validate_host

- name: Show what a host is
  ansible.builtin.debug:
    msg: "{{ validate_host.probe.os.id }} on {{ validate_host.probe.arch }}"
"""

RETURN = r"""
held:
  description: The run that is under way instead of this one; null when there is none.
  returned: with O(record_run=true)
  type: dict
  sample: null
age_s:
  description: How many seconds ago the record was written that was found.
  returned: with O(record_run=true)
  type: int
  sample: 0
note:
  description: What became of an earlier run that did not end.
  returned: with O(record_run=true)
  type: str
  sample: ""
in_sync:
  description:
    - For each owner that has something on the host by its ledger, the name of what it wants where the host is just so,
      a SHA-256, else an empty text. C(host_network) is the owner of what M(atarnet.homelab.host_network) made.
  returned: when the host could be looked at
  type: dict
  sample: {node: 5f0c2d4b7a91, container_runtime: ""}
kubeadm:
  description: What M(atarnet.homelab.kubeadm_node_info) would return, and where the API server was asked.
  returned: with O(kubernetes) on a host that is a node already
  type: dict
  sample: {address: 192.168.20.11, port: 6443, node: {kubelet_conf: true}}
probe:
  description: What the host is.
  returned: when the host could be looked at
  type: dict
  contains:
    hostname:
      description: Host name as the kernel has it.
      type: str
      sample: node1
    machine_id:
      description: Content of /etc/machine-id; empty when not set up yet.
      type: str
      sample: 5ea7a0b6c7a24f6e9e0e7d6f0e2a1b3c
    os:
      description: ID, version and code name of the operating system, from os-release.
      type: dict
      sample: {id: debian, version: "13", codename: trixie}
    arch:
      description: Architecture, V(amd64) or V(arm64) where supported.
      type: str
      sample: amd64
    kernel:
      description: Kernel release.
      type: str
      sample: 6.12.48+deb13-amd64
    python:
      description: Version of the Python that ran the module.
      type: str
      sample: 3.13.5
    memory_mib:
      description: Memory in MiB.
      type: int
      sample: 7944
    swap_mib:
      description: Swap in MiB.
      type: int
      sample: 0
    cgroup:
      description: Version of the cgroup layout; 0 when none is mounted.
      type: int
      sample: 2
    init:
      description: Name of process 1.
      type: str
      sample: systemd
    user_id:
      description: Numeric id of the user that the module ran as.
      type: int
      sample: 0
"""

import os
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.atarnet.homelab.plugins.module_utils._host import wishes
from ansible_collections.atarnet.homelab.plugins.module_utils._host.commands import module_runner
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError
from ansible_collections.atarnet.homelab.plugins.module_utils._host.system import System
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network import wish
from ansible_collections.atarnet.homelab.plugins.module_utils._lab.probe import observe
from ansible_collections.atarnet.homelab.plugins.module_utils._run.apply import begin
from ansible_collections.atarnet.homelab.plugins.module_utils._run.model import from_dict

ARGUMENT_SPEC = {
    "minimum_memory": {"type": "int", "required": True},
    "record_run": {"type": "bool", "default": False},
    "lab": {"type": "str", "default": ""},
    "take_over_run": {"type": "str", "default": ""},
    "run": {"type": "dict"},
    "kubernetes": {
        "type": "dict",
        "options": {"address": {"type": "str", "required": True}, "port": {"type": "int", "required": True}},
    },
}


def main() -> None:
    """Return what the host is and whether the run may begin; judging the host is the action plugin's part."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    given, begun = module.params["run"], {}
    seen = observe().as_dict()
    system = System("/", module_runner(module.run_command))
    try:
        in_sync = {**wishes.in_sync(system), wish.NAME: wish.in_sync(system)}
        if given:
            begun = begin(system, from_dict(given), module.params["take_over_run"], module.check_mode)
    except HostError as exc:
        module.fail_json(msg=str(exc), probe=seen)
    module.exit_json(changed=False, probe=seen, in_sync=in_sync, **begun, **_kubeadm(module))


def _kubeadm(module: AnsibleModule) -> dict[str, t.Any]:
    given = module.params["kubernetes"]
    if not given or not os.path.exists("/etc/kubernetes/kubelet.conf"):
        return {}
    # Only where it is needed: most hosts of a first run are none yet.
    from ansible_collections.atarnet.homelab.plugins.module_utils._kubeadm.observe import observe as observe_kubeadm

    return {"kubeadm": {**given, "node": observe_kubeadm(given["address"], given["port"], module.run_command)}}


if __name__ == "__main__":
    main()
