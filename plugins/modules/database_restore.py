#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: database_restore
short_description: Play the dump of a database back into the one that runs
version_added: 0.1.0
author: atarnet (@atarnet)
description:
  - Takes the dump that a hook had a pod write (M(atarnet.homelab.volume_backup), C(postgres) or C(mysql)), and has the
    same pod's C(pg_restore) or C(mysql) play it back. The app may be stopped, the database has to run.
  - The dump goes from restic into the pod. It is read once before, and compared with its checksum of when it was saved;
    no part of it is written to a disk of the node.
  - PostgreSQL takes all of it in one transaction, or stays as it was, whenever this is interrupted. MySQL and MariaDB
    have no such transaction and keep what they had taken by then; run it again with O(overwrite).
  - Refuses when the database has tables, unless O(overwrite) is set. Tables that the dump does not have stay.
  - A database of SQLite is a file of its volume, and comes back with M(atarnet.homelab.volume_restore).
extends_documentation_fragment: [atarnet.homelab._attributes, atarnet.homelab._restic, atarnet.homelab._volumes]
attributes:
  check_mode:
    details: Finds the dump, asks the database for its tables, and tells what speaks against it.
    support: full
  diff_mode:
    description: The rows of a database are no diff that is worth printing.
    support: none
  idempotent:
    details: What was played back is played back again.
    support: none
options:
  volume:
    description: C(NAMESPACE/CLAIM). O(hooks) or O(volumes) have to tell its pod and its database.
    type: str
    required: true
  snapshot:
    description: Id of a snapshot, at least its first 8 digits, or V(latest).
    type: str
    default: latest
  overwrite:
    description: Whether tables of the database may be replaced by those of the dump.
    type: bool
    default: false
seealso:
  - module: atarnet.homelab.volume_backup
  - module: atarnet.homelab.volume_restore
"""

EXAMPLES = r"""
- name: Have the shop's database as it was
  atarnet.homelab.database_restore:
    lab: home
    repository:
      url: rest:https://backup.home.example/home
      password_file: /etc/homelab-backup/password
    tiers:
      - {name: ssd, folder: /srv/ssd/volumes, marker: .homelab-tier}
    hooks:
      - {claim: shop/database, type: postgres, labels: {app: shop-db}, database: shop}
    volume: shop/database
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
database:
  description: Name of the database.
  returned: always
  type: str
  sample: shop
tables:
  description: The tables that it had before.
  returned: always
  type: list
  elements: str
  sample: []
bytes:
  description: How many bytes the dump has.
  returned: always
  type: int
  sample: 5242880
seconds:
  description: How long it took.
  returned: always
  type: float
  sample: 2.1
verified:
  description: Whether the dump was compared with its checksum, and played back.
  returned: always
  type: bool
  sample: true
"""

import dataclasses
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.atarnet.homelab.plugins.module_utils._backup.model import Places
from ansible_collections.atarnet.homelab.plugins.module_utils._backup.options import NODE_SPEC, read
from ansible_collections.atarnet.homelab.plugins.module_utils._backup.playback import Request, play
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError

ARGUMENT_SPEC: dict[str, t.Any] = {
    **NODE_SPEC,
    "volume": {"type": "str", "required": True},
    "snapshot": {"type": "str", "default": "latest"},
    "overwrite": {"type": "bool", "default": False},
}


def main() -> None:
    """Play one dump back and return."""
    module = AnsibleModule(ARGUMENT_SPEC, supports_check_mode=True)
    given = module.params
    try:
        request = Request(given["volume"], given["snapshot"], given["overwrite"])
        done = play(read(given), Places(), request, module.check_mode)
    except HostError as exc:
        module.fail_json(msg=str(exc))
    result = dataclasses.asdict(done)
    del result["undone"]
    module.exit_json(**result)


if __name__ == "__main__":
    main()
