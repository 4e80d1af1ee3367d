#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: host_state
short_description: Make everything on a host as one list says
version_added: 0.1.0
description:
  - Takes an ordered list of typed resources, looks at the host once, plans all changes and applies them.
  - One task is one remote round, however long the list is. Templates are rendered on the controller.
  - A ledger on the host (C(/var/lib/atarnet-homelab/ledger.json)) holds what each owner created, replaced or found in
    place. What leaves an owner's list is removed, or its kept original restored; what was right before is left alone.
  - A run that was killed is completed by the next one, owed restarts included.
  - Where M(atarnet.homelab.host_probe) saw in this run, at most a minute ago, that the host is just as wanted, and no
    module of this collection has changed the host since, that is the result and the host is not asked once more.
author: atarnet (@atarnet)
extends_documentation_fragment:
  - atarnet.homelab._attributes
attributes:
  action:
    description: Has an action plugin that renders templates on the controller.
    support: full
  safe_file_operations:
    description: Files are complete and on the disk before they take the place of older ones.
    support: partial
    details: A file that is a mount point itself, such as C(/etc/hosts) in a container, is overwritten in place.
options:
  owner:
    description:
      - Who wants this. One resource belongs to one owner on a host, but for packages, which several can need and the
        last one removes.
    type: str
    required: true
  state:
    description:
      - V(present) makes the host as O(resources) says.
      - V(absent) undoes everything this owner has by the ledger; O(resources) is not read.
    type: str
    choices: [present, absent]
    default: present
  forget:
    description:
      - With O(state=absent) and when no other owner is left, also remove C(/var/lib/atarnet-homelab),
        with it the baseline that M(atarnet.homelab.host_fingerprint) compares with.
    type: bool
    default: false
  resources:
    description:
      - What is wanted, in the order it is applied. Each entry has exactly one of the type keys below, whose value is
        its identity, and the keys of that type. An entry with C(when) false is not wanted.
      - "C(package): NAME. All missing packages are installed in one go, without recommended ones."
      - "C(file): PATH, with C(content) or C(template), C(mode) (V(0644)), C(owner), C(group) (V(root)), C(secret)
        (never shown), C(diff) (V(true); without it the content is in no diff), C(check) (a command as a list; a new
        content is put into place only when it accepts that on its standard input), C(each) (list of texts; C(@item) in
        the path and C(item) in the template are replaced), which directories, links and mount points can have as well."
      - "C(directory): PATH, with C(mode) (V(0755)), C(owner), C(group). Missing parents are made."
      - "C(link): PATH, with C(target)."
      - "C(archive): NAME, with C(sources) (architecture to C(urls) and C(sha256)), C(destination), C(mode) (V(0755)),
        and either C(members) (list, or member to file name, in which C(*/) at the beginning is the folder on top,
        whatever its name) or, for a plain file, C(file_name), with C(packed: bzip2) when it is packed."
      - "C(kernel_module): NAME, loaded now and at boot."
      - "C(sysctl): KEY, with C(value), set now and at boot."
      - "C(kernel_parameter): WORD, such as C(cgroup_enable=memory), in C(/boot/firmware/cmdline.txt) of a Raspberry Pi,
        from the next boot on. All other words stay."
      - "C(group): NAME, with C(gid), C(system) (V(true))."
      - "C(user): NAME, with C(uid), C(group), C(groups), C(home), C(shell), C(system) (V(true)). No home is made."
      - "C(mount): PATH, with C(source), C(fstype), C(options) (V(defaults)), now and in C(/etc/fstab)."
      - "C(mountpoint): PATH, at which something must be mounted already. It is only looked at; where nothing is, the
        task is refused, also in check mode, so that what comes after it is not put into the root file system."
      - "C(swap): off."
      - "C(unit): NAME, with C(state) (started or stopped), C(enabled), C(content) or C(template) of its unit file, and
        C(restart_on), a list of identities such as C(file:/etc/x) or patterns such as C(file:/etc/x.d/*). A change of
        its own unit file or drop-ins restarts it as well. Without C(state) it is only restarted if it runs. A change of
        what C(reload_on) names reloads it. C(listens) is a list of C(ADDRESS:PORT) that no other program may have; when
        the unit is down and one has, the task is refused before it changes anything."
    type: list
    elements: dict
    default: []
  contents:
    description: Contents by their SHA-256. Set by the action plugin.
    type: dict
    default: {}
  secret_contents:
    description: Contents that are never shown, by their SHA-256. Set by the action plugin.
    type: dict
    default: {}
seealso:
  - module: atarnet.homelab.host_fingerprint
"""

EXAMPLES = r"""
- name: Configure the node
  atarnet.homelab.host_state:
    owner: node
    resources:
      - package: nftables
      - kernel_module: br_netfilter
      - sysctl: net.ipv4.ip_forward
        value: 1
      - directory: /etc/example
      - file: /etc/example/token
        content: "{{ example_token }}"
        mode: "0600"
        secret: true
      - file: /etc/example/@item.conf
        each: [first, second]
        template: example.conf.j2
      - unit: example.service
        template: example.service.j2
        state: started
        enabled: true
        restart_on: ["file:/etc/example/*"]

- name: Undo all of it
  atarnet.homelab.host_state:
    owner: node
    state: absent
"""

RETURN = r"""
changes:
  description: What was changed, or would be in check mode, in order. The same in both.
  type: list
  elements: dict
  returned: always
  sample:
    - resource: file:/etc/example/first.conf
      action: create
      before: absent
      after: 0644 root:root, sha256 1f0c2d4b7a91
diff:
  description: The same changes with contents, in Ansible's diff format.
  type: list
  elements: dict
  returned: in diff mode
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.atarnet.homelab.plugins.module_utils._host import wishes
from ansible_collections.atarnet.homelab.plugins.module_utils._host.builder import Change
from ansible_collections.atarnet.homelab.plugins.module_utils._host.commands import module_runner
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError
from ansible_collections.atarnet.homelab.plugins.module_utils._host.lock import LOCK, host_lock
from ansible_collections.atarnet.homelab.plugins.module_utils._host.model import Desired
from ansible_collections.atarnet.homelab.plugins.module_utils._host.parse import parse
from ansible_collections.atarnet.homelab.plugins.module_utils._host.reconcile import reconcile
from ansible_collections.atarnet.homelab.plugins.module_utils._host.system import System

ARGUMENT_SPEC: dict[str, t.Any] = {
    "owner": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "forget": {"type": "bool", "default": False},
    "resources": {"type": "list", "elements": "dict", "default": []},
    "contents": {"type": "dict", "default": {}},
    "secret_contents": {"type": "dict", "default": {}, "no_log": True},
}


def main() -> None:
    """Wire arguments, lock and result."""
    module = AnsibleModule(ARGUMENT_SPEC, supports_check_mode=True)
    done: list[Change] = []
    system = System("/", module_runner(module.run_command))
    try:
        wanted = desired(module.params)
        forget = bool(module.params["forget"])
        if module.check_mode:
            plan = reconcile(system, wanted, True, forget, done)
        else:
            with host_lock(path=system.real(LOCK), command=f"host_state, owner {wanted.owner}"):
                plan = reconcile(system, wanted, False, forget, done)
                wishes.keep(system, wanted.owner, module.params["resources"] if wanted.resources else None)
    except HostError as exc:
        changes = [change.public() for change in done]
        module.fail_json(msg=str(exc), changed=bool(done), changes=changes, invocation={})
    for warning in plan.warnings:
        module.warn(warning)
    result: dict[str, t.Any] = {"changed": bool(plan.changes), "changes": [change.public() for change in plan.changes]}
    if module._diff:
        result["diff"] = [change.diff() for change in plan.changes]
    module.exit_json(invocation={}, **result)


def desired(params: dict[str, t.Any]) -> Desired:
    """What the arguments ask for; raises HostError for what cannot be meant."""
    owner = params["owner"]
    if not owner or not all(letter.isalnum() or letter in "-_" for letter in owner):
        raise HostError("Cannot use owner", f"{owner!r} is not a short name", "Use letters, digits, - and _")
    if params["forget"] and params["state"] != "absent":
        raise HostError("Cannot use forget", "state is present", "Set state: absent, or leave forget out")
    if params["state"] == "absent":
        return Desired(owner)
    wanted = Desired(owner, parse(params["resources"]), {**params["contents"], **params["secret_contents"]})
    for resource in wanted.resources:
        sha256 = getattr(resource, "sha256", None)
        if sha256 and sha256 not in wanted.contents:
            fix = "Run host_state as a task, so that its action plugin sends the contents"
            raise HostError(f"Cannot use {resource.identity}", "its content was not sent", fix)
    return wanted


if __name__ == "__main__":
    main()
