#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: host_network
short_description: Change a host's firewall so that it cannot lock you out
version_added: 0.1.0
author: atarnet (@atarnet)
description:
  - Puts one nftables table, C(inet homelab), into force on a host, now and at every boot. No other table is named or
    touched, and the whole table is replaced in one step, so that no packet ever meets half of it.
  - A change has to be confirmed over a B(new) connection, which the action plugin opens at once. If none comes through
    within O(confirm_within) seconds the host puts everything back by itself, whatever has become of the controller.
    A reboot in between returns to what was confirmed last.
  - What is in force is compared with what was confirmed, as the kernel lists it. Rules that were added or removed by
    hand, a table that somebody flushed, a changed file and a disabled unit are found, named and mended the same way.
  - A change that a killed run left unconfirmed is put back before anything else.
  - One remote round when nothing changes, two when something does.
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
    type: str
    choices: [present, absent]
    default: present
  call:
    description: What is to be done in this round; the action plugin fills this in.
    type: dict
notes:
  - The host needs systemd and Debian's C(/usr/bin/python3). The package C(nftables) is installed where it is missing;
    the ledger of M(atarnet.homelab.host_state) then has it under the owner C(firewall).
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
diff:
  description: The same changes with the ruleset's text, in Ansible's diff format.
  type: list
  elements: dict
  returned: in diff mode
"""

import contextlib
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.atarnet.homelab.plugins.module_utils._host.commands import module_runner
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError
from ansible_collections.atarnet.homelab.plugins.module_utils._host.lock import host_lock
from ansible_collections.atarnet.homelab.plugins.module_utils._host.system import System
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network import revert
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network.apply import (
    ask,
    confirm,
    reconcile,
    seen_session,
)
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network.model import parse
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network.ruleset import Ruleset

ARGUMENT_SPEC: dict[str, t.Any] = {
    "ruleset": {"type": "str", "default": ""},
    "confirm_within": {"type": "int", "default": 30},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
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
    step, token, wanted = call["step"], call["token"], parse(module.params, _program())
    with contextlib.nullcontext() if module.check_mode else host_lock(path=system.real(revert.LOCK)):
        if step == "ask":
            return {"changed": False, "outcome": ask(system, token)}
        if step == "confirm":
            return {"changed": True, "outcome": confirm(system, token, [Ruleset(system, wanted)], call["new"])}
        plan = reconcile(system, wanted, token, module.check_mode)
    result: dict[str, t.Any] = {
        "changed": bool(plan.changes),
        "changes": [change.public() for change in plan.changes],
        "notes": plan.notes,
    }
    if module._diff:
        result["diff"] = [change.diff() for change in plan.changes]
    if plan.needs_confirmation and not module.check_mode:
        result["unconfirmed"] = seen_session(system)
    return result


def _program() -> str:
    """Return the source of the program that reverts: the module brings it along, as it uses it too."""
    loader = t.cast(t.Any, revert).__spec__.loader
    return str(loader.get_source(revert.__name__))


if __name__ == "__main__":
    main()
