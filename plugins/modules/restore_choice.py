# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of atarnet.homelab.restore_choice; the work is done on the controller by the action plugin."""

from __future__ import annotations

DOCUMENTATION = r"""
module: restore_choice
short_description: Choose which volumes are restored on which node
version_added: 0.1.0
author: atarnet (@atarnet)
description:
  - Takes what M(atarnet.homelab.volume_backup_info) saw on the nodes, and says which of them restores which volume.
  - A claim that has no volume anywhere is given one, on the node where it was when it was backed up, or on another that
    has such a tier. One whose volume has lost its files, as the disk is another, gets them back at the same place.
  - Refuses what can be meant in two ways, and what no node has a place for, before anything is touched.
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
    description: Name of the variable in which every host has its result of M(atarnet.homelab.volume_backup_info).
    type: str
    required: true
  restore:
    description: C(NAMESPACE/CLAIM), a namespace, or V(all).
    type: str
    required: true
  to:
    description: The node that is meant, where several have a volume of the claim, or none has.
    type: str
    default: ""
seealso:
  - module: atarnet.homelab.volume_restore
"""

EXAMPLES = r"""
- name: Choose what is restored where
  atarnet.homelab.restore_choice:
    plan: "{{ validate_result.plan }}"
    results: restore_seen
    restore: shop/database
  run_once: true
"""

RETURN = r"""
nodes:
  description: By node, the volumes that it restores, and where to.
  returned: always
  type: dict
  sample: {node2: [{volume: shop/database, target: /srv/ssd/volumes/pvc-2a4b_shop_database}]}
objects:
  description: The volumes that the cluster is to be given for claims that have none; each waits for its claim.
  returned: always
  type: list
  elements: dict
  sample: []
doubts:
  description: What could not be looked at.
  returned: always
  type: list
  elements: str
  sample: []
absent:
  description: Claims that there are backups of, and no node has a volume for.
  returned: always
  type: list
  elements: str
  sample: []
"""
