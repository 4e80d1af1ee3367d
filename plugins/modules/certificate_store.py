#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_store
short_description: Keep what was issued on the controller, and put it back into a cluster that lacks it
version_added: 0.1.0
author: atarnet (@atarnet)
description:
  - Authorities count how many certificates they issue for a name. What they issued for a cluster serves the next one as
    well, with the key of the account, and the authority of the lab itself, whose certificate people trust.
  - Each Secret is a file C(NAMESPACE.NAME.json) of the folder, as C(kubectl apply) takes it. Only its owner may read
    it, and where the run has a password for Ansible Vault it is encrypted with it; C(ansible-vault view) shows it then.
  - With the annotations that are put back cert-manager takes a certificate for its own. It asks for a new one when this
    one is due, and when issuer or names are others by now.
  - Runs on the controller alone; the hosts of the play are not visited. Use C(run_once).
  - Values of Secrets appear in no result, diff or error.
requirements:
  - Python package cryptography, which Ansible itself needs
extends_documentation_fragment: [atarnet.homelab._attributes]
attributes:
  platform:
    platforms: controller
    support: full
  diff_mode:
    support: none
    details: All of it would be secret.
options:
  kubeconfig:
    description: Path of the kubeconfig on the controller; its current context is used.
    type: path
    required: true
  folder:
    description: The folder; it is made where it is missing.
    type: path
    required: true
  secrets:
    description: The Secrets that outlive the cluster.
    type: list
    elements: dict
    required: true
    suboptions:
      namespace:
        description: Namespace of the Secret.
        type: str
        required: true
      name:
        description: Name of the Secret, and of the Certificate that fills it.
        type: str
        required: true
      issuer:
        description:
          - Name of the issuer, where it has a certificate; one of another issuer is neither kept nor put back.
          - Empty for any other Secret, such as the key of an account.
        type: str
        default: ""
  state:
    description:
      - V(restored) puts back what the cluster lacks, before anybody asks for it. What is there is never changed. What
        is expired, or has no namespace yet, is not put back.
      - V(kept) keeps what is new in the cluster. Of two certificates the one that was issued later stays.
    type: str
    choices: [restored, kept]
    default: kept
  wait:
    description:
      - With O(state=kept), how many seconds after its beginning an issuance is waited for. What is not issued by then
        is a warning with the cause, and kept by a later run.
    type: int
    default: 0
  api_optional:
    description:
      - When no API server can be reached, keep nothing instead of failing, and in check mode plan for a new cluster.
        A real run with O(state=restored) always needs it.
    type: bool
    default: false
seealso:
  - module: atarnet.homelab.kube_apply
"""

EXAMPLES = r"""
- name: Put back what was issued
  atarnet.homelab.certificate_store:
    kubeconfig: ~/.kube/lab.conf
    folder: ~/.kube/lab.certificates
    secrets:
      - {namespace: cert-manager, name: letsencrypt-account}
      - {namespace: shop, name: shop-tls, issuer: letsencrypt}
    state: restored
  run_once: true

- name: Keep what was issued
  atarnet.homelab.certificate_store:
    kubeconfig: ~/.kube/lab.conf
    folder: ~/.kube/lab.certificates
    secrets:
      - {namespace: cert-manager, name: letsencrypt-account}
      - {namespace: shop, name: shop-tls, issuer: letsencrypt}
    wait: 120
  run_once: true
"""

RETURN = r"""
changes:
  description: What was (or, in check mode, would be) done, in order; after a failure, what was done until then.
  returned: always
  type: list
  elements: dict
  sample: [{"object": "v1 Secret shop/shop-tls", "action": "put back"}]
notes:
  description: Until when certificates are valid, and what was left as it is.
  returned: always
  type: list
  elements: str
  sample: ["v1 Secret shop/shop-tls: valid until 2026-12-24 12:00 UTC"]
requests:
  description: Requests sent, each counted once however often it was tried.
  returned: always
  type: dict
  sample: {"read": 3, "dry_run": 0, "write": 1}
api:
  description: Says that no API server was reached.
  returned: with O(api_optional=true), when no API server was reached
  type: str
  sample: unreachable
"""

ARGUMENT_SPEC = {
    "kubeconfig": {"type": "path", "required": True},
    "folder": {"type": "path", "required": True},
    "secrets": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "namespace": {"type": "str", "required": True},
            "name": {"type": "str", "required": True},
            "issuer": {"type": "str", "default": ""},
        },
    },
    "state": {"type": "str", "choices": ["restored", "kept"], "default": "kept"},
    "wait": {"type": "int", "default": 0},
    "api_optional": {"type": "bool", "default": False},
}
