#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: volume_backup
short_description: Back up the volumes of a node by restic
version_added: 0.1.0
author: atarnet (@atarnet)
description:
  - Backs up folders of a node, by one run of C(restic) for all of them. Each has a place of its own in the snapshot,
    C(/NAMESPACE/CLAIM), and is found there on whatever node it was.
  - A volume on btrfs is read from a read-only snapshot, of one moment, that is deleted then. Others are read while
    their pod stands still (hook C(freeze)), or as they are; what changed meanwhile is told in RV(doubts).
  - Beside a volume's files lies a manifest of them with checksums, by which M(atarnet.homelab.volume_restore) proves
    what it restores. Of files that did not change the checksums are taken from the last run.
  - When nothing changed since the last snapshot, none is made. A volume that cannot be backed up takes no other along;
    the task fails in the end, and RV(failed_volumes) says why.
extends_documentation_fragment:
  [atarnet.homelab._attributes, atarnet.homelab._restic, atarnet.homelab._volumes]
attributes:
  check_mode:
    details: Says which volumes would be read and how. What a database would dump is unknown, and counts as changed.
    support: full
  diff_mode:
    description: A snapshot has no diff that is worth printing.
    support: none
  idempotent:
    details: Volumes that are written to change between two runs.
    support: partial
options:
  parallel:
    description: How many databases are dumped at a time.
    type: int
    default: 2
seealso:
  - module: atarnet.homelab.backup_copy
  - module: atarnet.homelab.volume_backup_info
  - module: atarnet.homelab.volume_restore
  - name: restic
    description: The program.
    link: https://restic.readthedocs.io/
"""

EXAMPLES = r"""
- name: Back up the volumes of this node
  atarnet.homelab.volume_backup:
    lab: home
    repository:
      url: rest:https://backup.home.example/home
      password_file: /etc/homelab-backup/password
    volumes:
      - {name: blog/content, path: /srv/ssd/volumes/blog_content}
      - name: shop/database
        path: /srv/ssd/volumes/shop_database
        hook: {type: postgres, labels: {app: shop-db}, database: shop}

- name: Back up whatever volumes a disk has
  atarnet.homelab.volume_backup:
    lab: home
    repository:
      url: rest:https://backup.home.example/home
      password_file: /etc/homelab-backup/password
    tiers:
      - {name: ssd, folder: /srv/ssd/volumes, marker: .homelab-tier}
    hooks:
      - {claim: shop/database, type: postgres, labels: {app: shop-db}, database: shop}
    leave_out: [shop/cache]
"""

RETURN = r"""
snapshot:
  description: Id of the new snapshot, empty when nothing had changed or in check mode.
  returned: always
  type: str
  sample: 4bba301ef4ac5b5c2f0a7a29a3f1c3c7a2b5e1f3d3d8d6a17f7f0a8a0e2b1c3d
bytes_added:
  description: By how much the repository grew.
  returned: always
  type: int
  sample: 10485760
volumes:
  description: How each volume was read, or would be.
  returned: always
  type: list
  elements: dict
  sample:
    - volume: blog/content
      path: /srv/ssd/volumes/blog_content
      method: btrfs
      because: it lies in the btrfs subvolume /srv/ssd
      hook: ""
      files: 120
      bytes: 5242880
failed_volumes:
  description: By volume (a tier whose disk is away by C(tier NAME)), why it was not backed up, or not all of it.
  returned: always
  type: dict
  sample: {}
doubts:
  description: What is not as safe as it could be, and which files changed while they were read. Warned of as well.
  returned: always
  type: list
  elements: str
  sample: []
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.atarnet.homelab.plugins.module_utils._backup import backup
from ansible_collections.atarnet.homelab.plugins.module_utils._backup.last import predict
from ansible_collections.atarnet.homelab.plugins.module_utils._backup.model import Places
from ansible_collections.atarnet.homelab.plugins.module_utils._backup.options import NODE_SPEC, read
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError

ARGUMENT_SPEC: dict[str, t.Any] = {
    **NODE_SPEC,
    "parallel": {"type": "int", "default": 2},
}


def main() -> None:
    """Look, plan, back up and return."""
    module = AnsibleModule(ARGUMENT_SPEC, supports_check_mode=True)
    try:
        result = _back_up(module)
    except HostError as exc:
        module.fail_json(msg=str(exc))
    failed = result["failed_volumes"]
    if failed:
        told = "; ".join(f"{name}: {why}" for name, why in sorted(failed.items()))
        module.fail_json(msg=f"Cannot back up all volumes of this node: {told}", **result)
    module.exit_json(**result)


def _back_up(module: AnsibleModule) -> dict[str, t.Any]:
    wanted = read(module.params)
    if module.check_mode:
        plan = backup.look(wanted)
        done = backup.Result(failed=plan.refused, warnings=plan.warnings, steps=plan.steps)
        changed = predict(plan.steps, wanted, Places())
    else:
        done = backup.run(wanted, Places())
        changed = bool(done.snapshot)
    for warning in done.warnings:
        module.warn(warning)
    return {
        "changed": changed,
        "snapshot": done.snapshot,
        "bytes_added": done.bytes_added,
        "volumes": [{**step.public(), **done.volumes.get(step.volume.name, {})} for step in done.steps],
        "failed_volumes": dict(done.failed),
        "doubts": list(done.warnings),
    }


if __name__ == "__main__":
    main()
