#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: volume_backup_info
short_description: Tell which volumes a node has, and what the repository has of the lab
version_added: 0.1.0
author: atarnet (@atarnet)
description:
  - Looks for the volumes of a node as M(atarnet.homelab.volume_backup) does, and for the last backup of every volume of
    the lab. Changes nothing.
extends_documentation_fragment:
  [atarnet.homelab._attributes, atarnet.homelab._restic, atarnet.homelab._volumes]
attributes:
  diff_mode:
    support: N/A
    details: Only reads.
seealso:
  - module: atarnet.homelab.volume_backup
  - module: atarnet.homelab.volume_restore
"""

EXAMPLES = r"""
- name: Look for what there is to restore
  atarnet.homelab.volume_backup_info:
    lab: home
    repository:
      url: rest:https://backup.home.example/home
      password_file: /etc/homelab-backup/password
    tiers:
      - {name: ssd, folder: /srv/ssd/volumes, marker: .homelab-tier}
"""

RETURN = r"""
volumes:
  description: The folder of each volume that this node has.
  returned: always
  type: dict
  sample: {blog/content: /srv/ssd/volumes/pvc-2a4b_blog_content}
refused:
  description: By volume (a tier whose disk is away by C(tier NAME)), why it is none that can be backed up.
  returned: always
  type: dict
  sample: {}
backups:
  description: By volume of the lab, its last backup, the tier that it was on (a library has none), and their number.
  returned: always
  type: dict
  sample: {blog/content: {id: 4bba301e, taken: "2026-08-01T03:00:34.59Z", node: node2, tier: ssd, count: 7}}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.atarnet.homelab.plugins.module_utils._backup.discover import find
from ansible_collections.atarnet.homelab.plugins.module_utils._backup.model import Places
from ansible_collections.atarnet.homelab.plugins.module_utils._backup.options import NODE_SPEC, read
from ansible_collections.atarnet.homelab.plugins.module_utils._backup.restic import Restic
from ansible_collections.atarnet.homelab.plugins.module_utils._backup.restore import last_backups
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError


def main() -> None:
    """Look, and return."""
    module = AnsibleModule(NODE_SPEC, supports_check_mode=True)
    try:
        wanted = read(module.params)
        found, places = find(wanted), Places()
        backups = last_backups(Restic(wanted.repository, places), wanted.lab, places.view)
    except HostError as exc:
        module.fail_json(msg=str(exc))
    volumes = {volume.name: volume.path for volume in found.volumes}
    module.exit_json(changed=False, volumes=volumes, refused=dict(found.refused), backups=backups)


if __name__ == "__main__":
    main()
