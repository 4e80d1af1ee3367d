# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine of backups as one file, for nodes that run it without Ansible."""

from __future__ import annotations

DOCUMENTATION = r"""
name: backup_program
short_description: The program that nodes back up their volumes with
version_added: 0.1.0
author: atarnet (@atarnet)
description:
  - Returns the engine of M(atarnet.homelab.volume_backup) as the text of one Python program, the same for the same
    version of this collection.
options: {}
"""

EXAMPLES = r"""
- name: Have the program on the node
  atarnet.homelab.host_state:
    owner: example
    resources:
      - file: /usr/local/libexec/homelab-backup
        content: "{{ lookup('atarnet.homelab.backup_program') }}"
        mode: "0755"
"""

RETURN = r"""
_raw:
  description: The program.
  type: list
  elements: str
"""

import typing as t
from pathlib import Path

from ansible.plugins.lookup import LookupBase
from ansible_collections.atarnet.homelab.plugins.plugin_utils.backup_program import program, read


class LookupModule(LookupBase):
    """Reads the engine where it lies beside this file."""

    def run(self, terms: list[t.Any], variables: dict[str, t.Any] | None = None, **_kwargs: t.Any) -> list[str]:
        """Return the program."""
        return [program(read(Path(__file__).resolve().parents[1] / "module_utils"))]
