#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: volume_drill
short_description: Rehearse the restore of every volume of a node
version_added: 0.1.0
author: atarnet (@atarnet)
description:
  - Restores the last backup of each volume of a node into a folder beside it, on the same disk, compares all of it with
    the manifest that was written when it was saved, looks whether a database's dump is whole, and removes it again.
    Apps go on meanwhile.
  - A volume for which the disk has not enough room is named, and not rehearsed; a twentieth of the disk stays free.
  - What was proven is told to Prometheus as a verified restore.
extends_documentation_fragment: [atarnet.homelab._attributes, atarnet.homelab._restic, atarnet.homelab._volumes]
attributes:
  check_mode:
    details: Looks for the backups; sizes and times are 0.
    support: full
  diff_mode:
    support: N/A
    details: Nothing is left changed.
seealso:
  - module: atarnet.homelab.volume_restore
"""

EXAMPLES = r"""
- name: Prove that the backups of this node can be restored
  atarnet.homelab.volume_drill:
    lab: home
    repository:
      url: rest:https://backup.home.example/home
      password_file: /etc/homelab-backup/password
    tiers:
      - {name: ssd, folder: /srv/ssd/volumes, marker: .homelab-tier}
"""

RETURN = r"""
volumes:
  description:
    - By volume, the snapshot and when it was taken, the tier that the volume is on, files and bytes that were compared,
      how many seconds it took, and how many seconds old the backup is, which is what would be lost.
  returned: always
  type: dict
  sample:
    blog/content:
      snapshot: 4bba301e
      tier: ssd
      taken: "2026-08-01T03:00:34.59Z"
      files: 120
      bytes: 5242880
      seconds: 2.1
      age_s: 3600
failed_volumes:
  description: By volume, why it cannot be restored. A tier whose disk is away is C(tier NAME).
  returned: always
  type: dict
  sample: {}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.atarnet.homelab.plugins.module_utils._backup.drill import drill
from ansible_collections.atarnet.homelab.plugins.module_utils._backup.model import Places
from ansible_collections.atarnet.homelab.plugins.module_utils._backup.options import NODE_SPEC, read
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError


def main() -> None:
    """Rehearse, and return."""
    module = AnsibleModule(NODE_SPEC, supports_check_mode=True)
    try:
        wanted = read(module.params)
        done = drill(wanted, Places(), module.check_mode)
    except HostError as exc:
        module.fail_json(msg=str(exc))
    result = {"changed": False, "volumes": done.volumes, "failed_volumes": done.failed}
    if done.failed:
        told = "; ".join(f"{name}: {why}" for name, why in sorted(done.failed.items()))
        module.fail_json(msg=f"Cannot restore all volumes of this node: {told}", **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
