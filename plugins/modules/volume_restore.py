#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: volume_restore
short_description: Restore a volume of a node, and prove that it is what was backed up
version_added: 0.1.0
author: atarnet (@atarnet)
description:
  - Restores a volume that M(atarnet.homelab.volume_backup) backed up, on whatever node of the lab it was then.
  - It is restored into a folder beside its target, compared with the manifest in the snapshot (names, types, rights,
    owners, times, links, extended attributes and the checksum of every file), and only then put in place, in one step
    of the kernel. Whenever it is interrupted, the target is the old content or the new one.
  - A database of which SQLite made a dump (C(hooks)) is that dump then, as nothing else is of one moment where there
    are no snapshots. Its owner, rights, attributes and time stay those of the file; what belongs to the content that
    was read, such as C(-wal), goes.
  - Refuses when the target holds files that are newer than the backup, unless O(overwrite) is set, and when a pod has
    it.
  - Each run restores. A target that is a btrfs subvolume stays one.
extends_documentation_fragment: [atarnet.homelab._attributes, atarnet.homelab._restic]
attributes:
  check_mode:
    details: Finds the snapshot and tells what speaks against it; RV(files) and RV(bytes) are 0.
    support: full
  diff_mode:
    description: A restore has no diff that is worth printing.
    support: none
  idempotent:
    details: What was restored is restored again.
    support: none
options:
  volume:
    description: C(NAMESPACE/CLAIM).
    type: str
    required: true
  target:
    description: The folder that it becomes. The folder above it must be there.
    type: path
    required: true
  snapshot:
    description: Id of a snapshot, at least its first 8 digits, or V(latest).
    type: str
    default: latest
  overwrite:
    description: Whether files in the target that are newer than the backup may be lost.
    type: bool
    default: false
  leave_room:
    description: Whether to refuse where a twentieth of the disk would not stay free; apps write to it meanwhile.
    type: bool
    default: false
seealso:
  - module: atarnet.homelab.volume_backup
  - module: atarnet.homelab.database_restore
"""

EXAMPLES = r"""
- name: Have the blog as it was
  atarnet.homelab.volume_restore:
    lab: home
    repository:
      url: rest:https://backup.home.example/home
      password_file: /etc/homelab-backup/password
    volume: blog/content
    target: /srv/ssd/volumes/blog_content
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
  description: How many files were restored.
  returned: always
  type: int
  sample: 120
bytes:
  description: How many bytes these have.
  returned: always
  type: int
  sample: 5242880
seconds:
  description: How long it took.
  returned: always
  type: float
  sample: 2.1
verified:
  description: Whether all of it was compared with the manifest, and is the same.
  returned: always
  type: bool
  sample: true
dump:
  description: Path in the volume of the database in whose place its dump was put; empty where there was none.
  returned: always
  type: str
  sample: data/blog.db
unsteady:
  description: Files that were written to while they were backed up; nobody can tell how they were.
  returned: always
  type: list
  elements: str
  sample: []
"""

import dataclasses
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.atarnet.homelab.plugins.module_utils._backup.model import Places, Repository, parse
from ansible_collections.atarnet.homelab.plugins.module_utils._backup.options import REPOSITORY_SPEC
from ansible_collections.atarnet.homelab.plugins.module_utils._backup.restore import Wish, restore
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError

ARGUMENT_SPEC: dict[str, t.Any] = {
    "lab": {"type": "str", "required": True},
    "repository": REPOSITORY_SPEC,
    "volume": {"type": "str", "required": True},
    "target": {"type": "path", "required": True},
    "snapshot": {"type": "str", "default": "latest"},
    "overwrite": {"type": "bool", "default": False},
    "leave_room": {"type": "bool", "default": False},
    "metrics_file": {"type": "str", "default": ""},
}


def main() -> None:
    """Restore one volume and return."""
    module = AnsibleModule(ARGUMENT_SPEC, supports_check_mode=True)
    given = module.params
    try:
        # The node is no matter here; all else is checked as it is for a backup.
        parse({**given, "node": "any"})
        names = ("lab", "volume", "target", "snapshot", "overwrite", "leave_room", "metrics_file")
        options = {name: given[name] for name in names}
        done = restore(Wish(repository=Repository(**given["repository"]), **options), Places(), module.check_mode)
    except HostError as exc:
        module.fail_json(msg=str(exc))
    result = dataclasses.asdict(done)
    del result["undone"]
    module.exit_json(**result)


if __name__ == "__main__":
    main()
