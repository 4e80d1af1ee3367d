#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: control_plane_restore
short_description: Give a blank host what a lost control plane knew
version_added: 0.1.0
author: atarnet (@atarnet)
description:
  - Restores the authorities of the cluster, the keys of service accounts and of Secrets, and the data of etcd, as
    M(atarnet.homelab.volume_backup) backed them up on a control plane. M(atarnet.homelab.kubeadm_node) then brings it
    up, with certificates made anew, and the other nodes go on.
  - All of it is compared with what was written down when it was saved, before anything is put in place. Revisions of
    etcd go on far above those of the snapshot, so that whoever watches the API sees that time went on.
  - Refuses where there is a control plane. One that ended in the middle is done again by the next run, and until then
    M(atarnet.homelab.kubeadm_node) refuses to begin a new cluster.
extends_documentation_fragment: [atarnet.homelab._attributes, atarnet.homelab._restic]
attributes:
  check_mode:
    details: Finds the snapshot and tells what speaks against it; RV(files) and RV(bytes) are 0.
    support: full
  diff_mode:
    description: A restore has no diff that is worth printing.
    support: none
  idempotent:
    details: A host that has what was restored is refused.
    support: none
options:
  node:
    description: Name of the control plane.
    type: str
    required: true
  address:
    description: IPv4 address that it has now.
    type: str
    required: true
  snapshot:
    description: Id of a snapshot, at least its first 8 digits, or V(latest).
    type: str
    default: latest
seealso:
  - module: atarnet.homelab.volume_backup
  - module: atarnet.homelab.kubeadm_node
"""

EXAMPLES = r"""
- name: Have the control plane as it was
  atarnet.homelab.control_plane_restore:
    lab: home
    node: cp1
    address: 192.168.20.11
    repository:
      url: rest:https://backup.home.example/home
      password_file: /etc/homelab-backup/password
"""

RETURN = r"""
snapshot:
  description: Id of the snapshot.
  returned: always
  type: str
  sample: 4bba301ef4ac5b5c2f0a7a29a3f1c3c7a2b5e1f3d3d8d6a17f7f0a8a0e2b1c3d
taken:
  description: When it was taken.
  returned: always
  type: str
  sample: "2026-08-01T03:00:34.591908023Z"
files:
  description: How many files were compared.
  returned: always
  type: int
  sample: 41
bytes:
  description: How many bytes these have.
  returned: always
  type: int
  sample: 98304
seconds:
  description: How long it took.
  returned: always
  type: float
  sample: 2.1
verified:
  description: Whether all of it is what was backed up.
  returned: always
  type: bool
  sample: true
"""

import dataclasses
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.atarnet.homelab.plugins.module_utils._backup.control_plane import Lost, restore
from ansible_collections.atarnet.homelab.plugins.module_utils._backup.model import Places, Repository, parse
from ansible_collections.atarnet.homelab.plugins.module_utils._backup.options import REPOSITORY_SPEC
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError

ARGUMENT_SPEC: dict[str, t.Any] = {
    "lab": {"type": "str", "required": True},
    "node": {"type": "str", "required": True},
    "address": {"type": "str", "required": True},
    "repository": REPOSITORY_SPEC,
    "snapshot": {"type": "str", "default": "latest"},
    "metrics_file": {"type": "str", "default": ""},
}


def main() -> None:
    """Restore one control plane and return."""
    module = AnsibleModule(ARGUMENT_SPEC, supports_check_mode=True)
    given = module.params
    try:
        parse(given)
        repository = Repository(**given.pop("repository"))
        done = restore(Lost(repository=repository, **given), Places(), module.check_mode)
    except HostError as exc:
        module.fail_json(msg=str(exc))
    result = dataclasses.asdict(done)
    del result["undone"], result["unsteady"], result["dump"]
    module.exit_json(**result)


if __name__ == "__main__":
    main()
