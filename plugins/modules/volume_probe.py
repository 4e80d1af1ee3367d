# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of atarnet.homelab.volume_probe; the work is done on the controller by the action plugin."""

from __future__ import annotations

DOCUMENTATION = r"""
module: volume_probe
short_description: Run apps' own probes on what is restored for them
version_added: 0.1.0
author: atarnet (@atarnet)
description:
  - For each probe of C(homelab_backup.probes) of a volume that M(atarnet.homelab.volume_drill) proved on this node, the
    same snapshot is restored once more on the same disk, as a claim of the namespace C(homelab-probe-NODE). A job with
    the image and the command of the probe has it at the path that it asks for. Its exit code is the verdict.
  - One at a time on a node. The namespace, with claim, volume and files, is removed after each, and before each where a
    run was killed. What is in it is never backed up.
  - Pods of that namespace reach nobody, and nobody reaches them, where network policies count. They are held to the
    level C(restricted) of Kubernetes' pod security, those of the user 0 to C(baseline).
  - A volume for which the disk has not enough room is not restored; a twentieth of the disk stays free.
extends_documentation_fragment: [atarnet.homelab._attributes]
attributes:
  check_mode:
    details: Tells which probes would be run; seconds are 0.
    support: full
  diff_mode:
    support: N/A
    details: Nothing is left changed.
options:
  plan:
    description: The lab plan that M(atarnet.homelab.lab_plan) returned.
    type: dict
    required: true
  node:
    description: Name of the node in the plan.
    type: str
    required: true
  repository:
    description: The repository, as M(atarnet.homelab.volume_restore) has it.
    type: dict
    required: true
  volumes:
    description: RV(atarnet.homelab.volume_drill#module:volumes) of this node.
    type: dict
    required: true
seealso:
  - module: atarnet.homelab.volume_drill
  - module: atarnet.homelab.volume_restore
"""

EXAMPLES = r"""
- name: Run the probes of apps on what can be restored
  atarnet.homelab.volume_probe:
    plan: "{{ validate_result.plan }}"
    node: "{{ inventory_hostname }}"
    repository: "{{ validate_result.plan.backup.repository }}"
    volumes: "{{ drill_done.volumes }}"
"""

RETURN = r"""
probes:
  description: By claim, how many seconds its probe took, of those that succeeded.
  returned: always
  type: dict
  sample: {shop/database: {seconds: 4.2}}
failed_probes:
  description: By claim, why its probe did not succeed, with the last words of its container.
  returned: always
  type: dict
  sample: {}
"""
