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
  - With O(into) all of it becomes claims of the same names in another namespace, whose volumes are made anew; nothing
    of what the backups are of is touched.
  - Refuses what can be meant in two ways, what no node has a place for, and what the volume of a claim that was just
    deleted would take along, before anything is touched.
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
  into:
    description:
      - A namespace, which is made where there is none. It is not the one that was backed up, and has no such claims,
        but those that a restore made of the same ones, which are restored again.
      - The claims ask for as much as those that were backed up, while these are there.
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

- name: Choose where a copy of it is made
  atarnet.homelab.restore_choice:
    plan: "{{ validate_result.plan }}"
    results: restore_seen
    restore: shop/database
    into: trial
  run_once: true
"""

RETURN = r"""
nodes:
  description: By node, the volumes that it restores, and where to.
  returned: always
  type: dict
  sample: {node2: [{volume: shop/database, target: /srv/ssd/volumes/pvc-2a4b_shop_database}]}
objects:
  description:
    - The volumes that the cluster is to be given for claims that have none; each waits for its claim. They are made
      after the files, as an app that waits is to find these.
    - With O(into) also the claims, and the namespace. They are made before the files, so that these go with them
      whenever the restore ends.
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
  description: Claims that there are backups of, and no node has a volume for, nor do these backups tell the tier.
  returned: always
  type: list
  elements: str
  sample: []
"""
