# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of atarnet.homelab.backup_report; the work is done on the controller by the action plugin."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_report
short_description: Tell what is backed up, and name what is not
version_added: 0.1.0
author: atarnet (@atarnet)
description:
  - Compares what M(atarnet.homelab.volume_backup) saved on the nodes, or would save, with all claims of the cluster,
    and names every one that is not backed up, with the reason.
  - Reads claims and volumes from the API on the controller. Where no cluster answers it says so, and tells of nodes.
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
    description: Name of the variable in which every host has its result of M(atarnet.homelab.volume_backup).
    type: str
    required: true
  copied:
    description:
      - Name of the variable in which the host that copies has its result of M(atarnet.homelab.backup_copy). Where the
        plan has a copy, one that failed is told as volumes are that failed.
    type: str
    default: ""
seealso:
  - module: atarnet.homelab.volume_backup
  - module: atarnet.homelab.backup_copy
"""

EXAMPLES = r"""
- name: Tell what is backed up
  atarnet.homelab.backup_report:
    plan: "{{ validate_result.plan }}"
    results: backup_done
    copied: backup_copied
  run_once: true
"""

RETURN = r"""
report:
  description:
    - What is saved, what is not, and what failed, the last two by name with the reason; doubts; and how many snapshots
      were copied, and how many the copy had before, nothing where there is none or that failed.
  returned: always
  type: dict
  sample: {saved: [], not_saved: {media/cache: homelab_backup.leave_out names it}, failed: {}, doubts: [], copied: {}}
msg:
  description: The same for a person to read.
  returned: always
  type: str
  sample: "home: 12 volumes saved to rest:https://backup.example.org/home"
"""
