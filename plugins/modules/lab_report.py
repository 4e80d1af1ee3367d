# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of atarnet.homelab.lab_report; the work is done on the controller by the action plugin."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_report
short_description: Tell what the layers of a run changed, or would change, of the whole lab
version_added: 0.1.0
description:
  - Gathers what the roles before it in the same run registered (as C(ROLE_result), or C(ROLE_PART_result)) from all
    hosts of the inventory into one report, for people and for programs. After check runs it is the plan of the lab.
  - Fails when no host could be looked at, so that silence is never taken for peace.
  - Runs on the controller only and asks no host anything.
extends_documentation_fragment:
  - atarnet.homelab._attributes
attributes:
  check_mode:
    support: full
    details: The report is written in check mode too; it is no part of the lab.
  diff_mode:
    support: N/A
    details: Nothing of the lab is ever changed.
  platform:
    details: Runs on the controller; the hosts are not contacted.
author:
  - atarnet (@atarnet)
seealso:
  - module: atarnet.homelab.lab_plan
options:
  title:
    description: What the report is of, in its first line.
    type: str
    required: true
  lab:
    description: Name of the lab.
    type: str
    required: true
  json_file:
    description: Path on the controller to write the report to as JSON; its folder is there already.
    type: path
  metrics_file:
    description:
      - Path on the controller to write the counts to in Prometheus' text format, for example in the folder of
        node-exporter's textfile collector. Its name ends in C(.prom).
    type: path
  network:
    description:
      - The network of the lab plan (C(plan.network) of M(atarnet.homelab.lab_plan)), to show in RV(msg) what each
        segment reaches; none, when the network is not planned.
    type: dict
  picture_file:
    description: Path on the controller to write the same to as a picture (SVG); nothing is written without O(network).
    type: path
  router_rules:
    description:
      - Kind of the router that is no machine of the plan, C(routeros) or C(opnsense), to write rules for that pass
        and drop between the segments of O(network) what its flows say.
    type: str
    default: ""
  router_file:
    description:
      - Path on the controller to write the rules to. The aliases of C(opnsense) are written beside it, to the same
        name with C(.aliases.json) for its ending.
    type: path
    default: ""
  router_interfaces:
    description: For C(opnsense), by segment the identifier of the interface it comes in by, for example C(opt3).
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Tell what would change
  atarnet.homelab.lab_report:
    title: Plan of home
    lab: home
    json_file: plan.json
  register: report
"""

RETURN = r"""
msg:
  description: The report as a person reads it.
  returned: success
  type: str
  sample: "Plan of home: no change"
report:
  description: The report as a program reads it.
  returned: success
  type: dict
  contains:
    version: {description: Version of this format., type: int, sample: 1}
    lab: {description: Name of the lab., type: str, sample: home}
    made: {description: When it was made (ISO 8601 in UTC)., type: str, sample: "2026-11-24T23:43:32Z"}
    hosts:
      description: For each host C(seen), C(not seen), or after which layer it was lost.
      type: dict
      sample: {"node1": "seen"}
    changes:
      description: The changes, in the order of the run; old and new of each field that differs.
      type: list
      elements: dict
      sample:
        - layer: node
          where: node1
          object: file:/etc/hosts
          action: update
          fields: [{"path": "", "old": "0644 root:root, sha256 1f0c2d4b7a91", "new": "0644 root:root, sha256 9b0d1e"}]
    notes: {description: What cannot be known before or is left alone., type: list, elements: str, sample: []}
"""
