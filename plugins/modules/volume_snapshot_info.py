#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: volume_snapshot_info
short_description: List the snapshots of claims
version_added: 0.1.0
author: atarnet (@atarnet)
description:
  - Tells which snapshots (CSI, VolumeSnapshot) there are, of what, since when, and whether they can be used. None where
    the cluster knows no snapshots.
  - Runs on the controller alone; the hosts of the play are not visited. Use C(run_once).
extends_documentation_fragment: [atarnet.homelab._attributes]
attributes:
  platform:
    platforms: controller
    support: full
  diff_mode:
    support: none
    details: Nothing is changed.
options:
  kubeconfig:
    description: Path of the kubeconfig on the controller; its current context is used.
    type: path
    required: true
  claims:
    description: C(NAMESPACE/CLAIM); those of their namespaces are listed. Without any, all are.
    type: list
    elements: str
    default: []
seealso:
  - module: atarnet.homelab.volume_snapshot
"""

EXAMPLES = r"""
- name: Look at the snapshots
  atarnet.homelab.volume_snapshot_info:
    kubeconfig: ~/.kube/home.conf
  register: snapshots
  run_once: true
"""

RETURN = r"""
snapshots:
  description: The snapshots, the oldest first.
  returned: always
  type: list
  elements: dict
  sample:
    - claim: shop/database
      name: database-before-2.0
      created: "2026-11-28T03:00:00Z"
      ready: true
      size: 1Gi
      made_here: true
"""

ARGUMENT_SPEC = {
    "kubeconfig": {"type": "path", "required": True},
    "claims": {"type": "list", "elements": "str", "default": []},
}
