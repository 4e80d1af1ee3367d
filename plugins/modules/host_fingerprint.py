#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: host_fingerprint
short_description: Compare a host with how it looked before this collection changed it
version_added: 0.1.0
description:
  - Describes what people and packages configure on a host, and compares it with an earlier description.
  - M(atarnet.homelab.host_state) takes the baseline by itself before its first change on a host.
author: atarnet (@atarnet)
extends_documentation_fragment:
  - atarnet.homelab._attributes
attributes:
  diff_mode:
    support: none
    details: It changes nothing; RV(differences) tells what differs.
options:
  compare_to:
    description: A RV(fingerprint) of an earlier run. By default it is the baseline kept on the host.
    type: dict
seealso:
  - module: atarnet.homelab.host_state
"""

EXAMPLES = r"""
- name: Compare the host with its fingerprint from before
  atarnet.homelab.host_fingerprint:
  register: host_fingerprint_now
"""

RETURN = r"""
baseline:
  description: Whether there was something to compare with.
  type: bool
  returned: success
differences:
  description: What differs. Loaded kernel modules are described but not compared.
  type: list
  elements: dict
  returned: success
  sample:
    - section: files
      name: /etc/example.conf
      before: absent
      after: 0644 0:0 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
fingerprint:
  description: >-
    Sections packages, files (below /etc, /usr/local and /opt), units, sysctls, modules, users, groups, mounts, nft
    (tables) and interfaces, each mapping names to short texts.
  type: dict
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.atarnet.homelab.plugins.module_utils._host.commands import module_runner
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError
from ansible_collections.atarnet.homelab.plugins.module_utils._host.fingerprint import baseline, compare, take
from ansible_collections.atarnet.homelab.plugins.module_utils._host.system import System


def main() -> None:
    """Take, compare, return."""
    module = AnsibleModule({"compare_to": {"type": "dict"}}, supports_check_mode=True)
    system = System("/", module_runner(module.run_command))
    try:
        now = take(system)
        before = module.params["compare_to"] or baseline(system)
    except HostError as exc:
        module.fail_json(msg=str(exc), invocation={})
    differences = compare(before, now) if before else []
    module.exit_json(
        changed=False, baseline=before is not None, differences=differences, fingerprint=now, invocation={}
    )


if __name__ == "__main__":
    main()
