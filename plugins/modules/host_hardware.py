#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: host_hardware
short_description: See what a machine is made of, and whether it has what the lab wants of it
version_added: 0.1.0
author: atarnet (@atarnet)
description:
  - Reads processor, memory, disks, network interfaces, firmware, boot mode and virtualisation in one round.
  - Needs no program on the host. Where C(smartctl) is installed, it also tells the disks' health; a disk that sleeps is
    not woken for it. Without C(systemd-detect-virt) the virtualisation is not known.
  - Fails, naming every problem with its fix, when a wanted disk is not there, named twice, of another kind than its
    tier, failing by SMART, part of the running system, or neither empty nor confirmed for wiping by its serial. A disk
    that M(atarnet.homelab.host_disks) made part of its tier's volume group is fit.
  - Fails also when a wanted port is not there, has no link or is too slow.
  - A disk is empty when it has no partition, file system, mount or holder, and its first and last MiB are all zero.
    The last is read only where the others find nothing. Without udev there are no links below C(/dev/disk/by-id).
extends_documentation_fragment: [atarnet.homelab._attributes]
attributes:
  diff_mode:
    support: N/A
    details: Only reads.
options:
  host:
    description: Name of the host in messages; the kernel's host name when not given.
    type: str
  disks:
    description: The disks that the lab wants to use.
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
        description: What it is to be used as. V(ssd) takes SSD and NVMe; both take a guest's virtual disk.
        type: str
        required: true
        choices: [ssd, hdd]
      wipe_serial:
        description: The serial number once more, when everything on the disk may be lost.
        type: str
        default: ""
  ports:
    description: Network interfaces that must have a link, each with its least speed in Mbit/s; V(0) takes any.
    type: dict
    default: {}
notes:
  - Behind a USB bridge that hides its disk the kernel takes every disk for a turning one. The kind of such a disk is
    V(not known), and both tiers take it.
seealso:
  - module: atarnet.homelab.host_probe
  - module: atarnet.homelab.host_disks
"""

EXAMPLES = r"""
- name: Look at the hardware
  atarnet.homelab.host_hardware:
  register: hardware_seen

- name: Require an empty SSD and a fast port
  atarnet.homelab.host_hardware:
    disks:
      - {serial: S64DNX0T512345, tier: ssd}
    ports:
      enp1s0: 2500
"""

RETURN = r"""
hardware:
  description: What the machine is made of.
  returned: always
  type: dict
  contains:
    cpu:
      description: Model, number of cores and threads online, and architecture.
      type: dict
      returned: always
      sample: {model: Intel(R) N100, cores: 4, threads: 4, architecture: x86_64}
    memory_mib: {description: Memory in MiB., type: int, returned: always, sample: 15790}
    memory_cgroup:
      description: Whether the running kernel can account memory by cgroup.
      type: bool
      returned: always
      sample: true
    firmware:
      description: Vendor, product (a board's model), and version and date of the BIOS; empty where not told.
      type: dict
      returned: always
      sample: {vendor: ASUSTeK, product: PN42, version: "0402", date: 03/12/2024}
    virtualisation:
      description: V(none) on a machine, V(not known), or the word of systemd-detect-virt.
      type: str
      returned: always
      sample: none
    physical: {description: Whether it is a machine and not a guest., type: bool, returned: always, sample: true}
    boot:
      description: V(uefi), V(bios), V(raspberry_pi), V(none) in a container, or V(not known).
      type: str
      returned: always
      sample: uefi
    disks:
      description: The disks; no loop devices, RAM disks, volumes built on disks, or optical drives.
      type: list
      elements: dict
      returned: always
      contains:
        name: {description: The kernel's name., type: str, returned: always, sample: sda}
        kind:
          description: V(ssd), V(hdd), V(nvme), V(mmc), V(virtual) or V(not known).
          type: str
          returned: always
          sample: hdd
        size_bytes: {description: Size in bytes., type: int, returned: always, sample: 4000787030016}
        model: {description: Model., type: str, returned: always, sample: WDC WD40EFRX-68N32N0}
        serial: {description: Serial number., type: str, returned: always, sample: WD-WCC7K0123456}
        transport: {description: How it is connected., type: str, returned: always, sample: sata}
        rotational: {description: Whether it turns; null when not known., type: bool, returned: always, sample: true}
        by_id: {description: Its links below /dev/disk/by-id., type: list, elements: str, returned: always}
        filesystem: {description: What lies on the whole disk., type: str, returned: always, sample: ""}
        mounts: {description: Where it or what is built on it is mounted., type: list, elements: str, returned: always}
        holders: {description: Devices built on it., type: list, elements: str, returned: always}
        partitions:
          description: Its partitions, with name, size_bytes, filesystem, mounts and holders.
          type: list
          elements: dict
          returned: always
        health: {description: "V(passed), V(failed) or V(not known).", type: str, returned: always, sample: passed}
        system: {description: Whether the running system needs it., type: bool, returned: always, sample: false}
        group:
          description: The volume group it is part of, when M(atarnet.homelab.host_disks) made that.
          type: str
          returned: always
          sample: homelab-hdd
        empty: {description: Whether nothing is on it., type: bool, returned: always, sample: true}
        contents: {description: Why it is not empty., type: list, elements: str, returned: always, sample: []}
    interfaces:
      description: The network interfaces but the loopback one.
      type: list
      elements: dict
      returned: always
      contains:
        name: {description: Its name., type: str, returned: always, sample: enp1s0}
        mac: {description: Its address., type: str, returned: always, sample: "7c:10:c9:01:02:03"}
        driver: {description: Its driver., type: str, returned: always, sample: r8169}
        physical: {description: Whether there is a device behind it., type: bool, returned: always, sample: true}
        link: {description: Whether it has a link., type: bool, returned: always, sample: true}
        speed: {description: Speed in Mbit/s; null when not known., type: int, returned: always, sample: 2500}
        mtu: {description: MTU in bytes., type: int, returned: always, sample: 1500}
        master: {description: The bridge or bond it is part of., type: str, returned: always, sample: ""}
usable:
  description: The wanted disks that are fit, each with disk, serial, tier, because, and contents.
  returned: always
  type: list
  elements: dict
  sample: [{disk: sda, serial: WD-WCC7K0123456, tier: hdd, because: it is empty, contents: ""}]
problems:
  description: One sentence for each wanted disk or port that is not fit.
  returned: always
  type: list
  elements: str
  sample: []
msg:
  description: The same for a person to read; the problems when there are any.
  returned: always
  type: str
  sample: "node1: ASUSTeK PN42, firmware 0402, boot uefi, virtualisation none"
"""

import os
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.atarnet.homelab.plugins.module_utils._disks.observe import record
from ansible_collections.atarnet.homelab.plugins.module_utils._hardware.model import Wanted, WantedDisk
from ansible_collections.atarnet.homelab.plugins.module_utils._hardware.observe import observe
from ansible_collections.atarnet.homelab.plugins.module_utils._hardware.options import DISK_SPEC
from ansible_collections.atarnet.homelab.plugins.module_utils._hardware.plan import Past, judge, render
from ansible_collections.atarnet.homelab.plugins.module_utils._host.commands import module_runner
from ansible_collections.atarnet.homelab.plugins.module_utils._host.system import System

ARGUMENT_SPEC: dict[str, t.Any] = {
    "host": {"type": "str"},
    "disks": {"type": "list", "elements": "dict", "default": [], "options": DISK_SPEC},
    "ports": {"type": "dict", "default": {}},
}


def main() -> None:
    """Look, judge and return."""
    module = AnsibleModule(ARGUMENT_SPEC, supports_check_mode=True)
    machine = os.uname()
    wanted = Wanted(
        host=module.params["host"] or machine.nodename,
        disks=tuple(WantedDisk(**disk) for disk in module.params["disks"]),
        ports=module.params["ports"],
    )
    system = System("/", module_runner(module.run_command))
    hardware, seen = observe(system, machine.machine), record(system)
    verdict = judge(hardware, wanted, Past(seen.preparing, seen.wiped))
    result = {"hardware": hardware.as_dict(), "usable": verdict.usable, "problems": verdict.problems}
    if verdict.problems:
        module.fail_json(msg="\n".join(verdict.problems), **result)
    module.exit_json(changed=False, msg=render(hardware, wanted, verdict), **result)


if __name__ == "__main__":
    main()
