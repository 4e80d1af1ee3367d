#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: host_disks
short_description: Make disks part of the volume group of their storage tier
version_added: 0.1.0
author: atarnet (@atarnet)
description:
  - Makes one volume group of LVM for each tier, C(homelab-ssd) and C(homelab-hdd), of the disks that are named, and in
    it one thin pool, C(pool), over the group but a tenth. What is left is for the metadata's spare copy, and for the
    day on which the pool is full.
  - Writes to a disk only when M(atarnet.homelab.host_hardware) takes it for fit, that is, when it is empty, or its
    serial is given once more in O(disks[].wipe_serial) and nothing on it is in use. Such a confirmation is good for
    one wiping; what comes onto the disk later is not covered by it.
  - In a volume group of one's own, which O(pools) names, it makes such a pool of the size that is asked for, of what is
    free there. Nothing else in that group is touched.
  - A disk more extends group and pool. Nothing is ever taken out of a group, made smaller or removed, also when a disk
    leaves the input; RV(notes) tells about it.
  - A group of such a name that this module did not make (it has no tag C(atarnet.homelab)), or one that misses a disk,
    is refused.
  - What a killed run left is taken up by the next one.
extends_documentation_fragment: [atarnet.homelab._attributes]
options:
  host:
    description: Name of the host in messages; the kernel's host name when not given.
    type: str
  disks:
    description: The disks. See M(atarnet.homelab.host_hardware).
    type: list
    elements: dict
    default: []
    suboptions:
      serial:
        description: Serial number as C(lsblk) prints it. Either this or O(disks[].path) is needed.
        type: str
        default: ""
      path:
        description: Its link below C(/dev/disk/by-id).
        type: str
        default: ""
      tier:
        description: What it is to be used as.
        type: str
        required: true
        choices: [ssd, hdd]
      wipe_serial:
        description: The serial number once more, when everything on the disk may be lost.
        type: str
        default: ""
  pools:
    description: Thin pools in volume groups that are there already.
    type: list
    elements: dict
    default: []
    suboptions:
      group:
        description: Name of the volume group.
        type: str
        required: true
      size:
        description: Size of the pool in bytes. It grows when this grows, and never becomes smaller.
        type: int
        required: true
notes:
  - The host needs the packages C(lvm2) and C(thin-provisioning-tools), and a kernel with C(dm_thin_pool). Without the
    latter a check fails as well.
  - What was done is remembered in C(/var/lib/atarnet-homelab/disks.json).
seealso:
  - module: atarnet.homelab.host_hardware
  - name: lvmthin(7)
    description: Thin pools.
    link: https://man7.org/linux/man-pages/man7/lvmthin.7.html
"""

EXAMPLES = r"""
- name: Have a disk for databases
  atarnet.homelab.host_disks:
    disks:
      - {serial: S64DNX0T512345, tier: ssd}
"""

RETURN = r"""
changes:
  description: What was changed, in this order; in check mode what would be.
  returned: always
  type: list
  elements: dict
  sample:
    - {resource: "volume_group:homelab-ssd", action: create, before: absent, after: nvme1n1}
    - {resource: "thin_pool:homelab-ssd/pool", action: create, before: absent, after: over the group but a tenth}
notes:
  description: What is left as it is, and why.
  returned: always
  type: list
  elements: str
  sample: []
"""

import contextlib
import os
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.atarnet.homelab.plugins.module_utils._disks.apply import apply
from ansible_collections.atarnet.homelab.plugins.module_utils._disks.model import PoolWish
from ansible_collections.atarnet.homelab.plugins.module_utils._disks.observe import (
    demand_device_mapper,
    observe,
    record,
)
from ansible_collections.atarnet.homelab.plugins.module_utils._disks.plan import make_plan
from ansible_collections.atarnet.homelab.plugins.module_utils._hardware.model import Wanted, WantedDisk
from ansible_collections.atarnet.homelab.plugins.module_utils._hardware.observe import observe as observe_hardware
from ansible_collections.atarnet.homelab.plugins.module_utils._hardware.options import DISK_SPEC
from ansible_collections.atarnet.homelab.plugins.module_utils._hardware.plan import Past, judge
from ansible_collections.atarnet.homelab.plugins.module_utils._host.commands import module_runner
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError
from ansible_collections.atarnet.homelab.plugins.module_utils._host.lock import LOCK, host_lock
from ansible_collections.atarnet.homelab.plugins.module_utils._host.system import System
from ansible_collections.atarnet.homelab.plugins.module_utils._run import in_sync

ARGUMENT_SPEC: dict[str, t.Any] = {
    "host": {"type": "str"},
    "disks": {"type": "list", "elements": "dict", "default": [], "options": DISK_SPEC},
    "pools": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {"group": {"type": "str", "required": True}, "size": {"type": "int", "required": True}},
    },
}


def main() -> None:
    """Look, judge, plan, prepare and return."""
    module = AnsibleModule(ARGUMENT_SPEC, supports_check_mode=True)
    system = System("/", module_runner(module.run_command))
    lock = host_lock(path=system.real(LOCK), command="host_disks")
    try:
        with contextlib.nullcontext() if module.check_mode else lock:
            module.exit_json(**_prepare(module, system))
    except HostError as exc:
        module.fail_json(msg=str(exc))


def _prepare(module: AnsibleModule, system: System) -> dict[str, t.Any]:
    machine, past = os.uname(), record(system)
    disks = tuple(WantedDisk(**disk) for disk in module.params["disks"])
    hardware = observe_hardware(system, machine.machine)
    wanted = Wanted(module.params["host"] or machine.nodename, disks)
    verdict = judge(hardware, wanted, Past(past.preparing, past.wiped))
    if verdict.problems:
        module.fail_json(msg="\n".join(verdict.problems), problems=verdict.problems)
    plan = make_plan(verdict.usable, observe(system), [PoolWish(**pool) for pool in module.params["pools"]])
    if plan.changes:
        demand_device_mapper(system)
    if not module.check_mode:
        apply(system, hardware, verdict.usable, plan)
    result: dict[str, t.Any] = {
        "changed": bool(plan.changes),
        "changes": [change.public() for change in plan.changes],
        "notes": plan.notes,
    }
    if module._diff:
        result["diff"] = [change.diff() for change in plan.changes]
    return in_sync.after(result, module.check_mode)


if __name__ == "__main__":
    main()
