#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: lab_run
short_description: Begin and end a run, so that there is one at a time and the last one is known
version_added: 0.1.0
author: atarnet (@atarnet)
description:
  - Keeps the record of the last run in C(/var/lib/atarnet-homelab/run.json) of the control planes - who drove it from
    where, when it began and ended, how it ended and what it changed.
  - A run that has begun and not ended keeps others away. A run whose process on this controller has ended is dead and
    its record is replaced; one of another controller is taken for dead after two hours, or when its id is given.
  - The record tells of runs, not of the lab's state, so it never counts as a change. A check writes none.
  - M(atarnet.homelab.host_probe) begins a run in the same round in which it looks at the host.
extends_documentation_fragment: [atarnet.homelab._attributes]
attributes:
  diff_mode:
    support: N/A
    details: Nothing of the lab is ever changed.
options:
  lab:
    description: Name of the lab, for messages.
    type: str
    required: true
  state:
    description: Whether the run begins or ends.
    type: str
    choices: [begun, ended]
    required: true
  take_over_run:
    description: Id of a run known to be dead, which does not stand in the way of this one.
    type: str
    default: ""
  run:
    description: The run. Set by the action plugin.
    type: dict
seealso:
  - module: atarnet.homelab.host_probe
"""

EXAMPLES = r"""
- name: Take the lab
  atarnet.homelab.lab_run:
    lab: home
    state: begun

- name: Give the lab back
  atarnet.homelab.lab_run:
    lab: home
    state: ended
"""

RETURN = r"""
held:
  description: The run that is under way instead of this one; null when there is none.
  returned: with O(state=begun)
  type: dict
  sample: null
age_s:
  description: How many seconds ago the record was written that was found.
  returned: with O(state=begun)
  type: int
  sample: 0
note:
  description: What became of an earlier run that did not end, or who took the lab over from this one.
  returned: success
  type: str
  sample: ""
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.atarnet.homelab.plugins.module_utils._host.commands import module_runner
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError
from ansible_collections.atarnet.homelab.plugins.module_utils._host.system import System
from ansible_collections.atarnet.homelab.plugins.module_utils._run.apply import begin
from ansible_collections.atarnet.homelab.plugins.module_utils._run.model import from_dict

ARGUMENT_SPEC = {
    "lab": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["begun", "ended"], "required": True},
    "take_over_run": {"type": "str", "default": ""},
    "run": {"type": "dict"},
}


def main() -> None:
    """Begin the run that the action plugin sent; the end of one is recorded by a program of its own."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    params = module.params
    if not params["run"]:
        module.fail_json(
            msg="Recording a run: none was sent. Run lab_run as a task, so that its action plugin sends it."
        )
    system, run = System("/", module_runner(module.run_command)), from_dict(params["run"])
    try:
        module.exit_json(changed=False, **begin(system, run, params["take_over_run"], module.check_mode))
    except HostError as exc:
        module.fail_json(msg=str(exc))


if __name__ == "__main__":
    main()
