#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_status
short_description: See how the cluster is, and fail with the cause when it is not well
version_added: 0.1.0
author: atarnet (@atarnet)
description:
  - Reads nodes, workloads and pods of the system from the API on the controller, without visiting any host, and
    compares them with the plan.
  - Hosts that the run could not reach are shown, and not waited for; the run's exit code speaks of them.
  - In check mode, when no cluster can be reached because none was built yet, it says so instead of failing.
extends_documentation_fragment: [atarnet.homelab._attributes]
attributes:
  diff_mode:
    support: N/A
    details: Only reads.
options:
  plan:
    description: The lab plan that M(atarnet.homelab.lab_plan) returned.
    type: dict
    required: true
  healthy_within:
    description:
      - Seconds within which every node of the plan has to be ready, every pod of the system to run and every rollout of
        the system to be over. Rollouts are not waited for while hosts are away.
      - V(0) only looks and never fails for what it sees.
    type: int
    default: 0
seealso:
  - module: atarnet.homelab.lab_plan
"""

EXAMPLES = r"""
- name: Wait until the cluster is well
  atarnet.homelab.cluster_status:
    plan: "{{ validate_result.plan }}"
    healthy_within: 300
"""

RETURN = r"""
status:
  description: What was seen.
  returned: when the API answered
  type: dict
  contains:
    nodes: {description: One entry for each node of the plan., type: list, elements: dict, returned: success}
    pods: {description: Number of pods by phase., type: dict, returned: success}
    problems: {description: One sentence for each thing that is not well., type: list, elements: str, returned: success}
  sample: {"nodes": [{"name": "cp1", "ready": true}], "pods": {"Running": 12}, "problems": []}
msg:
  description: The same for a person to read.
  returned: always
  type: str
  sample: "lab (lab.home.arpa), API https://api.lab.home.arpa:6443"
"""
