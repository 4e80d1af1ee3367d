# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of atarnet.homelab.drill_report; the work is done on the controller by the action plugin."""

from __future__ import annotations

DOCUMENTATION = r"""
module: drill_report
short_description: Tell what a rehearsal of restores proved
version_added: 0.1.0
author: atarnet (@atarnet)
description:
  - Puts together what M(atarnet.homelab.volume_drill) proved on the nodes, and names every volume that cannot be
    restored, and every probe that did not succeed, with the reason.
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
  results:
    description: Name of the variable in which every host has its result of M(atarnet.homelab.volume_drill).
    type: str
    required: true
  probed:
    description: Name of the variable in which hosts have their results of M(atarnet.homelab.volume_probe).
    type: str
    default: ""
  url:
    description: What they restored from, the repository or its copy.
    type: str
    required: true
seealso:
  - module: atarnet.homelab.volume_drill
  - module: atarnet.homelab.volume_probe
"""

EXAMPLES = r"""
- name: Tell what was proven
  atarnet.homelab.drill_report:
    plan: "{{ validate_result.plan }}"
    results: drill_done
    probed: drill_probed
    url: "{{ validate_result.plan.backup.repository.url }}"
  run_once: true
"""

RETURN = r"""
report:
  description:
    - The volumes that were proven, and by name why others cannot be restored; how many seconds the slowest node took
      for all of its volumes, and how many seconds old the oldest backup is.
    - The claims whose probes succeeded, and why others did not, by claim.
  returned: always
  type: dict
  sample: {proven: [], failed: {}, rto_seconds: 12.5, rpo_seconds: 3600, probed: [], unsound: {}}
msg:
  description: The same for a person to read.
  returned: always
  type: str
  sample: "drill volumes=12 checksums=equal rto_seconds=12.5 rpo_seconds=3600 probes=2/2"
"""
