#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: backup_copy
short_description: Copy the backups of a lab to a second repository
version_added: 0.1.0
author: atarnet (@atarnet)
description:
  - Copies all snapshots of a lab that another repository of C(restic) lacks, of whatever node they are, and looks
    whether they are there then. Nothing is removed from either. With that repository as their O(repository) all other
    modules of backups do what they do with the first one.
  - It is made where there is none, and cuts files as the first one does, so that equal files are stored once in it.
    Where one was before and is not any more none is made.
  - What was forgotten in the copy is not copied again, but for the last snapshot of a node, which nobody forgets.
  - One that is interrupted goes on the next time. Backups go on meanwhile; on one node there is one copying at a time.
extends_documentation_fragment: [atarnet.homelab._attributes, atarnet.homelab._restic]
attributes:
  check_mode:
    details: Says which snapshots are lacking.
    support: full
  diff_mode:
    description: Snapshots have no diff that is worth printing.
    support: none
options:
  copy:
    description: The repository that is copied to, as O(repository) is described.
    type: dict
    required: true
    suboptions:
      url:
        description: In restic's notation, an absolute path, C(rest:https://...) or C(s3:https://...); no password.
        type: str
        required: true
      password_file:
        description: File on the node with its password, mode C(0600).
        type: path
        required: true
      environment_file:
        description:
          - File on the node with one C(NAME=VALUE) a line, mode C(0600). Each of two C(rest:) servers has a login of
            its own; another name that both files have is to have one value, as restic has one environment for both.
        type: path
        default: ""
      ca_file:
        description: File on the node with the certificates (PEM) of whom to believe there, instead of everybody's.
        type: path
        default: ""
      is_copy:
        description: Always true here.
        type: bool
        default: false
notes:
  - The metrics of O(metrics_file) are of the copy, and are no volumes'; give it a file of its own.
seealso:
  - module: atarnet.homelab.volume_backup
  - name: restic
    description: The program.
    link: https://restic.readthedocs.io/
"""

EXAMPLES = r"""
- name: Have the backups in another house as well
  atarnet.homelab.backup_copy:
    lab: home
    repository:
      url: rest:https://backup.home.example/home
      password_file: /etc/homelab-backup/password
    copy:
      url: s3:https://s3.example.org/home
      password_file: /etc/homelab-backup/copy.password
      environment_file: /etc/homelab-backup/copy.environment
"""

RETURN = r"""
snapshots:
  description: What was copied, or lacks in check mode, oldest first; ids are those of the first repository.
  returned: success
  type: list
  elements: dict
  sample: [{id: 4bba301e, host: home/w1, taken: "2026-08-01T03:00:34.59Z"}]
count:
  description: How many snapshots of the lab the copy had before.
  returned: success
  type: int
  sample: 25
made:
  description: Whether the repository was made, or would be.
  returned: success
  type: bool
  sample: false
last_success:
  description: When the copy last had all, in seconds since the epoch; 0 where it never had.
  returned: always
  type: int
  sample: 1785553234
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.atarnet.homelab.plugins.module_utils._backup import copies
from ansible_collections.atarnet.homelab.plugins.module_utils._backup.model import Places, parse
from ansible_collections.atarnet.homelab.plugins.module_utils._backup.options import REPOSITORY_SPEC
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError

ARGUMENT_SPEC: dict[str, t.Any] = {
    "lab": {"type": "str", "required": True},
    "repository": REPOSITORY_SPEC,
    "copy": REPOSITORY_SPEC,
    "metrics_file": {"type": "str", "default": ""},
}


def main() -> None:
    """Look, copy and return."""
    module = AnsibleModule(ARGUMENT_SPEC, supports_check_mode=True)
    given, places = module.params, Places()
    try:
        copy = {"repository": given["copy"], "metrics_file": given["metrics_file"]}
        # The node is no matter here.
        wanted = parse({**given, "node": "any", "copy": copy, "metrics_file": "", "makes_repository": True})
        done = copies.run(wanted, places, module.check_mode)
    except HostError as exc:
        module.fail_json(msg=str(exc), last_success=copies.load(places).get("success", 0))
    module.exit_json(
        changed=bool(done.made or done.snapshots),
        snapshots=done.snapshots,
        count=done.count,
        made=done.made,
        last_success=done.success,
    )


if __name__ == "__main__":
    main()
