#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: volume_snapshot
short_description: Take snapshots of claims, and remove old ones
version_added: 0.1.0
author: atarnet (@atarnet)
description:
  - Has the driver of each claim's volume take a snapshot (CSI, VolumeSnapshot), all at once, and waits until they can
    be used. What is in them is what a power cut would have left.
  - They lie on the same disk as the volume. They save from a bad upgrade, and are no backup; see
    M(atarnet.homelab.volume_backup).
  - Nothing is taken at all where one of the claims cannot have a snapshot, and no older one is removed before the new
    ones are ready. Snapshots that others made are never removed by O(keep).
  - Runs on the controller alone; the hosts of the play are not visited. Use C(run_once).
extends_documentation_fragment: [atarnet.homelab._attributes]
attributes:
  platform:
    platforms: controller
    support: full
options:
  kubeconfig:
    description: Path of the kubeconfig on the controller; its current context is used.
    type: path
    required: true
  claims:
    description: C(NAMESPACE/CLAIM) of each claim.
    type: list
    elements: str
    required: true
  name:
    description:
      - What the snapshots are called, behind the name of their claim. One that is there already stays as it is.
      - Not set, it is the time, so that every run takes new ones.
    type: str
    default: ""
  state:
    description: V(absent) removes the snapshots of this O(name).
    type: str
    choices: [made, absent]
    default: made
  keep:
    description: >-
      How many of each claim's snapshots that were taken by this module stay, the new one included; V(0) for all.
    type: int
    default: 0
  snapshot_class:
    description: Name of the VolumeSnapshotClass. Not set, it is the default one of the driver.
    type: str
    default: ""
  wait:
    description: How many seconds to wait until they can be used.
    type: int
    default: 300
seealso:
  - module: atarnet.homelab.volume_snapshot_info
"""

EXAMPLES = r"""
- name: Keep what is there before the upgrade
  atarnet.homelab.volume_snapshot:
    kubeconfig: ~/.kube/home.conf
    claims: [shop/database, shop/uploads]
    name: before-2.0
  run_once: true

- name: Have one of each of the last three nights
  atarnet.homelab.volume_snapshot:
    kubeconfig: ~/.kube/home.conf
    claims: [shop/database]
    keep: 3
  run_once: true
"""

RETURN = r"""
changes:
  description: What was done, in this order; in check mode what would be.
  returned: always
  type: list
  elements: dict
  sample: [{"object": "snapshot.storage.k8s.io/v1 VolumeSnapshot shop/database-before-2.0", "action": "create"}]
snapshots:
  description: The snapshots of the claims' namespaces, the oldest first.
  returned: always, empty in check mode
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
    "claims": {"type": "list", "elements": "str", "required": True},
    "name": {"type": "str", "default": ""},
    "state": {"type": "str", "choices": ["made", "absent"], "default": "made"},
    "keep": {"type": "int", "default": 0},
    "snapshot_class": {"type": "str", "default": ""},
    "wait": {"type": "int", "default": 300},
}
