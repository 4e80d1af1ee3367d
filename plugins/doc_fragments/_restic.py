# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules of backups say of the repository."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation shared by the modules of backups."""

    DOCUMENTATION = r"""
options:
  lab:
    description: Name of the lab. Several may share a repository; each finds only its own snapshots.
    type: str
    required: true
  repository:
    description: The repository of restic. It has to be there; the verb C(ready) of the program makes it.
    type: dict
    required: true
    suboptions:
      url:
        description: In restic's notation, an absolute path, C(rest:https://...) or C(s3:https://...); no password.
        type: str
        required: true
      password_file:
        description: File on the node with the repository's password, mode C(0600).
        type: path
        required: true
      environment_file:
        description: File on the node with one C(NAME=VALUE) a line, mode C(0600), such as C(AWS_SECRET_ACCESS_KEY).
        type: path
        default: ""
      ca_file:
        description: File on the node with the certificates (PEM) of whom to believe there, instead of everybody's.
        type: path
        default: ""
      is_copy:
        description: Whether it is a copy (M(atarnet.homelab.backup_copy)); what is restored from it is told apart.
        type: bool
        default: false
  metrics_file:
    description: File for node-exporter's textfile collector, absolute, ends in C(.prom). None is written without it.
    type: str
    default: ""
notes:
  - The node needs C(restic) 0.17 or later on its PATH.
  - Secrets reach restic by these files, never by a command line, and are in no message.
  - What a run has to undo is written to C(/var/lib/atarnet-homelab/backup/undo.json) before it is done; the next run,
    or the verb C(undo), takes it back after a kill or a loss of power.
"""
