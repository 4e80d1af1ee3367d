#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: host_network
short_description: Change a host's interfaces and firewall so that it cannot lock you out
version_added: 0.1.0
author: atarnet (@atarnet)
description:
  - Puts one nftables table, C(inet homelab), into force on a host, now and at every boot. No other table is named or
    touched, and the whole table is replaced in one step, so that no packet ever meets half of it.
  - Configures the interfaces of the host - VLANs, bonds, bridges, addresses, routes, resolvers - by systemd-networkd or
    netplan, together with the table. Whatever configured them before (ifupdown, other files, somebody by hand) is
    taken over. Interfaces that are not named are not touched, nor are addresses that others add, such as virtual ones.
  - A change has to be confirmed over a B(new) connection, which the action plugin opens at once, and over another one
    that was made after that was seen. If none comes through within O(confirm_within) seconds the host puts everything
    back by itself, whatever has become of the controller. A reboot in between returns to what was confirmed last.
  - When the address goes away that the controller came to, the new connection goes to the new address, where the same
    host key is expected. A change of interfaces is also only confirmed when each of them is as wanted.
  - What is in force is compared with what was confirmed, as the kernel lists it. Rules that were added or removed by
    hand, a table that somebody flushed, a changed file and a disabled unit are found, named and mended the same way.
  - A change that a killed run left unconfirmed is put back before anything else.
  - One remote round when nothing changes, three when something does.
extends_documentation_fragment: [atarnet.homelab._attributes]
attributes:
  action:
    description: Has an action plugin that confirms over a new connection.
    support: full
  diff_mode:
    support: full
options:
  ruleset:
    description:
      - What stands inside C(table inet homelab { }), in the language of nft - sets, counters and chains.
      - Empty, the host has no table of ours, and nothing else of this module, as with O(state=absent).
    type: str
    default: ""
  interfaces:
    description:
      - The interfaces that are to be ours. Without them no interface is touched, and what was made before stays.
    type: dict
    suboptions:
      backend:
        description: The program that configures them, now and at every boot.
        type: str
        choices: [networkd, netplan]
        default: networkd
      address:
        description:
          - Which of the addresses the host is reached at when the one goes away that the controller came to. The
            default is the first.
        type: str
        default: ""
      forwarding:
        description: Whether the host passes packets on from one interface to another, as a router does.
        type: bool
        default: false
      links:
        description: The interfaces; those that others stand on come first.
        type: list
        elements: dict
        default: []
        suboptions:
          name:
            description: Its name in the kernel, at most 15 letters, digits, dots, underscores and hyphens.
            type: str
            required: true
          kind:
            description: What it is. All but V(physical) are made.
            type: str
            choices: [physical, vlan, bond, bridge]
            default: physical
          mtu:
            description: Bytes that a packet has at most, 576 to 9216.
            type: int
            default: 1500
          addresses:
            description: IPv4 and IPv6 addresses with the length of their prefix.
            type: list
            elements: str
            default: []
          gateways:
            description: Gateways of default routes; each lies in the network of one of the addresses.
            type: list
            elements: str
            default: []
          routes:
            description: Other routes, each with C(to), a network, and C(via), an address.
            type: list
            elements: dict
            default: []
          resolvers:
            description: Addresses of DNS servers. They are used by the whole host.
            type: list
            elements: str
            default: []
          domain:
            description: The domain in which short names are looked up.
            type: str
            default: ""
          dhcp:
            description: Whether it asks for an IPv4 address by DHCP.
            type: bool
            default: false
          link:
            description: The interface that a VLAN is on.
            type: str
            default: ""
          vlan:
            description: The id of a VLAN, 1 to 4094.
            type: int
            default: 0
          members:
            description: The interfaces that a bond or a bridge is made of.
            type: list
            elements: str
            default: []
          mode:
            description: How a bond uses its members; the default is active-backup.
            type: str
            choices: ["", active-backup, 802.3ad, balance-rr, balance-xor, broadcast, balance-tlb, balance-alb]
            default: ""
  confirm_within:
    description:
      - Seconds within which a new connection has to come through, 5 to 600.
      - Should be longer than the connection timeout of Ansible, or a single slow attempt uses it up.
    type: int
    default: 30
  state:
    description:
      - V(absent) removes the table, the files, the units and the records. It needs no confirmation, as it opens the
        host. A table of the same name that this module did not make stays.
      - Interfaces that were ours are given back to whoever configured them before the first change, which is confirmed
        at the address that the host had then.
    type: str
    choices: [present, absent]
    default: present
  hold:
    description:
      - Change nothing yet, and only tell by RV(held) whether there is something to change.
      - In check mode it makes no difference.
    type: bool
    default: false
  call:
    description: What is to be done in this round; the action plugin fills this in.
    type: dict
notes:
  - The host needs systemd and Debian's C(/usr/bin/python3). The package C(nftables) is installed where it is missing;
    the ledger of M(atarnet.homelab.host_state) then has it under the owner C(network).
  - The state lies below C(/var/lib/atarnet-homelab/network), the ruleset for boot in
    C(/etc/atarnet-homelab/firewall.nft), the program that reverts in C(/usr/local/libexec/homelab-network-revert).
seealso:
  - module: atarnet.homelab.host_state
  - name: nft(8)
    description: The language of the ruleset.
    link: https://www.netfilter.org/projects/nftables/manpage.html
"""

EXAMPLES = r"""
- name: Protect the host
  atarnet.homelab.host_network:
    ruleset: |
      chain input {
        type filter hook input priority filter; policy drop;
        ct state established,related accept
        iif lo accept
        tcp dport 22 accept
      }

- name: Move the host to VLAN 20
  atarnet.homelab.host_network:
    ruleset: "{{ lookup('ansible.builtin.file', 'firewall.nft') }}"
    interfaces:
      links:
        - name: enp1s0
        - name: enp1s0.20
          kind: vlan
          link: enp1s0
          vlan: 20
          addresses: [192.168.20.11/24]
          gateways: [192.168.20.1]
          resolvers: [192.168.20.1]
  register: moved

- name: Take the firewall away
  atarnet.homelab.host_network:
    state: absent
"""

RETURN = r"""
changes:
  description: What was changed, or would be in check mode, in order. The same in both.
  type: list
  elements: dict
  returned: always
  sample:
    - resource: table:inet homelab
      action: create
      before: absent
      after: sha256 1f0c2d4b7a91
notes:
  description: What cannot be known before it is done.
  type: list
  elements: str
  returned: always
  sample: []
held:
  description: There is something to change, which was left for later.
  type: bool
  returned: when O(hold) is set and something is to be changed
address:
  description: Where the host is reached from now on, when that has changed. Set C(ansible_host) to it.
  type: str
  returned: when the host has moved
  sample: 192.168.20.11
diff:
  description: The same changes with the ruleset's text, in Ansible's diff format.
  type: list
  elements: dict
  returned: in diff mode
"""

import contextlib
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.atarnet.homelab.plugins.module_utils._host import wishes
from ansible_collections.atarnet.homelab.plugins.module_utils._host.commands import module_runner
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError
from ansible_collections.atarnet.homelab.plugins.module_utils._host.lock import host_lock
from ansible_collections.atarnet.homelab.plugins.module_utils._host.system import System
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network import revert, wish
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network.apply import (
    Part,
    ask,
    confirm,
    failure,
    reconcile,
    seen_session,
)
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network.interfaces import Interfaces, Origin
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network.links import (
    BOND_MODES,
    KINDS,
    NETPLAN,
    NETWORKD,
    PHYSICAL,
)
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network.model import parse, program
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network.ruleset import Ruleset

_NAMES: dict[str, t.Any] = {"type": "list", "elements": "str", "default": []}
LINK_SPEC: dict[str, t.Any] = {
    "name": {"type": "str", "required": True},
    "kind": {"type": "str", "choices": list(KINDS), "default": PHYSICAL},
    "mtu": {"type": "int", "default": 1500},
    "addresses": _NAMES,
    "gateways": _NAMES,
    "routes": {"type": "list", "elements": "dict", "default": []},
    "resolvers": _NAMES,
    "domain": {"type": "str", "default": ""},
    "dhcp": {"type": "bool", "default": False},
    "link": {"type": "str", "default": ""},
    "vlan": {"type": "int", "default": 0},
    "members": _NAMES,
    "mode": {"type": "str", "choices": ["", *BOND_MODES], "default": ""},
}
ARGUMENT_SPEC: dict[str, t.Any] = {
    "ruleset": {"type": "str", "default": ""},
    "interfaces": {
        "type": "dict",
        "options": {
            "backend": {"type": "str", "choices": [NETWORKD, NETPLAN], "default": NETWORKD},
            "address": {"type": "str", "default": ""},
            "forwarding": {"type": "bool", "default": False},
            "links": {"type": "list", "elements": "dict", "default": [], "options": LINK_SPEC},
        },
    },
    "confirm_within": {"type": "int", "default": 30},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "hold": {"type": "bool", "default": False},
    "call": {"type": "dict"},
}


def main() -> None:
    """Do the step that the action plugin asks for: apply, confirm, or say what became of a change."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    call = module.params["call"]
    if not call:
        module.fail_json(
            msg="Changing the network: nobody would confirm it. Run host_network as a task, for its action plugin to."
        )
    system = System("/", module_runner(module.run_command))
    try:
        module.exit_json(invocation={}, **_step(module, system, call))
    except HostError as exc:
        module.fail_json(msg=str(exc), invocation={})


def _step(module: AnsibleModule, system: System, call: dict[str, t.Any]) -> dict[str, t.Any]:
    step, token, wanted = call["step"], call["token"], parse(module.params, program())
    with contextlib.nullcontext() if module.check_mode else host_lock(path=system.real(revert.LOCK)):
        if step == "ask":
            return {"changed": False, "outcome": ask(system, token), "cause": failure(system)}
        if step == "confirm":
            parts: list[Part] = [Ruleset(system, wanted)]
            parts.append(Interfaces(system, wanted.links) if wanted.links else Origin(system))
            outcome = confirm(system, token, parts, call["new"])
            return {"changed": True, "outcome": outcome, "cause": failure(system)}
        hold = module.params["hold"] and not module.check_mode
        plan = reconcile(system, wanted, token, module.check_mode or hold)
        if hold and plan.changes:
            return {"changed": False, "changes": [], "notes": [], "held": True}
        if not module.check_mode:
            wishes.keep(system, wish.NAME, wish.of(module.params) if wanted.ruleset else None)
        unconfirmed = seen_session(system, wanted) if plan.needs_confirmation and not module.check_mode else None
    result: dict[str, t.Any] = {
        "changed": bool(plan.changes),
        "changes": [change.public() for change in plan.changes],
        "notes": plan.notes,
    }
    if module._diff:
        result["diff"] = [change.diff() for change in plan.changes]
    if unconfirmed:
        result["unconfirmed"] = unconfirmed
    return result


if __name__ == "__main__":
    main()
