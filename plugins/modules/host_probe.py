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
  - Never writes anything.
extends_documentation_fragment:
  - atarnet.homelab._attributes
attributes:
  diff_mode:
    support: N/A
    details: Nothing is ever changed.
author:
  - atarnet (@atarnet)
options:
  minimum_memory:
    description: Memory in MiB below which the host is refused.
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

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.atarnet.homelab.plugins.module_utils._lab.probe import observe


def main() -> None:
    """Return what the host is; judging it is the action plugin's part."""
    arguments = {"minimum_memory": {"type": "int", "required": True}}
    module = AnsibleModule(argument_spec=arguments, supports_check_mode=True)
    module.exit_json(changed=False, probe=observe().as_dict())


if __name__ == "__main__":
    main()
