# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules of backups say of the volumes of a node."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation shared by the modules that look for a node's volumes."""

    # Not composed: its readers want a literal.
    DOCUMENTATION = r"""
options:
  node:
    description: Name of the node in snapshots; the kernel's host name when not given.
    type: str
    default: ""
  tiers:
    description:
      - Disks whose volumes are found by their folders, as local-path-provisioner names them. No cluster is asked.
      - A claim that has several, as one was kept when the claim was deleted and made anew, is the one that a pod has.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the tier.
        type: str
        required: true
      folder:
        description: The folder that has one for each volume.
        type: path
        required: true
      marker:
        description: A file in it, without which the disk is away.
        type: str
        required: true
  hooks:
    description: What makes copies of volumes worth something.
    type: list
    elements: dict
    default: []
    suboptions:
      claim:
        description: C(NAMESPACE/CLAIM). It may be on another node.
        type: str
        required: true
      type:
        description:
          - V(postgres) and V(mysql) have the pod's own C(pg_dump) (custom format) or C(mysqldump) write a dump,
            with the password that the container has itself.
          - V(sqlite) copies a database of the volume by SQLite's own means.
          - V(freeze) has the pod stand still while it is read, where there are no snapshots.
          - V(etcd) has etcd write a snapshot, and makes data of it to prove it; the volume is C(/etc/kubernetes) of a
            control plane.
        type: str
        required: true
        choices: [postgres, mysql, sqlite, freeze, etcd]
      labels:
        description: Labels of the pod, which has to run on this node. V(sqlite) and V(etcd) need none.
        type: dict
        default: {}
      container:
        description: Name of the container, where the pod has several.
        type: str
        default: ""
      database:
        description: Name of the database; of V(sqlite) the file's path in the volume, of V(etcd) where it listens.
        type: str
        default: ""
      user:
        description: User of the database; C(postgres) or C(root) when not given.
        type: str
        default: ""
  leave_out:
    description: C(NAMESPACE/CLAIM) of what is not backed up.
    type: list
    elements: str
    default: []
  volumes:
    description: Volumes by their folders.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: C(NAMESPACE/CLAIM).
        type: str
        required: true
      path:
        description: Its folder on the node.
        type: path
        required: true
      hook:
        description: What makes the copy worth something.
        type: dict
        suboptions:
          type:
            description:
              - V(postgres) and V(mysql) have the pod's own C(pg_dump) (custom format) or C(mysqldump) write a dump,
                with the password that the container has itself.
              - V(sqlite) copies a database of the volume by SQLite's own means.
              - V(freeze) has the pod stand still while it is read, where there are no snapshots.
              - V(etcd) has etcd write a snapshot, and makes data of it to prove it; the volume is C(/etc/kubernetes) of
                a control plane.
            type: str
            required: true
            choices: [postgres, mysql, sqlite, freeze, etcd]
          labels:
            description: Labels of the pod, which has to run on this node. V(sqlite) and V(etcd) need none.
            type: dict
            default: {}
          container:
            description: Name of the container, where the pod has several.
            type: str
            default: ""
          database:
            description: Name of the database; of V(sqlite) the file's path in the volume, of V(etcd) where it listens.
            type: str
            default: ""
          user:
            description: User of the database; C(postgres) or C(root) when not given.
            type: str
            default: ""
"""
