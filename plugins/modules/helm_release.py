#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: helm_release
short_description: Install, change and remove Helm releases, many in one call
version_added: 0.1.0
author: atarnet (@atarnet)
description:
  - Reads the records of all releases with one request and compares chart, version, digest and values with what is
    wanted. Without a difference Helm is not started at all.
  - Changed releases are planned first, all of them, then made in the order of the list. A check stops after planning;
    its diff shows the manifests object by object, with the values of Secrets hidden. No plugin of Helm is needed.
  - Objects of a release that somebody changed by hand are no difference, as Helm keeps no watch over them either.
  - Helm never changes or removes the definitions in a chart's folder C(crds) after the first installation. A note says
    so with each upgrade of such a chart; apply newer ones with M(atarnet.homelab.kube_apply).
  - A revision that somebody rolled back to by hand is a difference like any other; the next run mends it.
  - While Helm works on a release, it holds a lock on the controller, even when its run was killed; the next run waits
    for its end, at most for the release's timeout. The locks are files in C(~/.local/state/atarnet-homelab/.helm), or
    in that folder below E(XDG_STATE_HOME).
  - A release that a killed run left pending is marked failed, its objects stay, and the upgrade goes over it, at once
    when the run was this user's on this controller. Any other pending record may belong to a Helm that still runs
    elsewhere, and is refused until it is three times as old as the timeout.
  - Objects that only killed or failed revisions made, which Helm would forget, are removed.
  - The start of the chart's SHA-256, 40 digits as a label holds at most 63 characters, is kept in the label
    C(atarnet-homelab-chart) of the record, the run that wrote it in C(atarnet-homelab-run). Helm carries both along
    in rollbacks.
  - Runs on the controller alone; the hosts of the play are not visited. Use C(run_once).
requirements:
  - Helm 4 on the controller, whenever something has to be changed or planned. The collection's C(meta/artifacts.yml)
    names the release it was tested with, its address and its checksum.
extends_documentation_fragment: [atarnet.homelab._attributes]
attributes:
  platform:
    platforms: controller
    support: full
options:
  kubeconfig:
    description: Path of the kubeconfig on the controller; its current context is used.
    type: path
    required: true
  helm:
    description: The Helm program, a path or a name that is looked up on E(PATH).
    type: str
    default: helm
  api_optional:
    description: In check mode, plan for a new cluster when no API server can be reached. A real run always needs it.
    type: bool
    default: false
  releases:
    description: The releases, in the order in which they are changed.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the release.
        type: str
        required: true
      namespace:
        description: Namespace of the release.
        type: str
        required: true
      state:
        description: V(absent) uninstalls the release with its history.
        type: str
        choices: [present, absent]
        default: present
      chart:
        description:
          - Path of a chart's folder or archive on the controller, an C(oci://) reference without tag, or the name of a
            chart in O(releases[].repositories).
          - A registry on a loopback address is asked without TLS.
        type: str
      repositories:
        description: URLs of the chart's repository and its mirrors, asked in this order until one has the chart.
        type: list
        elements: str
        default: []
      version:
        description: Exact version of the chart. A remote chart needs it; ranges and V(latest) are refused.
        type: str
      digest:
        description:
          - SHA-256 of the chart's archive, 64 hexadecimal digits. A fetched chart with another one is refused.
          - A chart whose content changed under the same version is noticed when this is given or the chart is local.
        type: str
      values:
        description: Values, over those of the templates. A null takes a default of the chart away.
        type: dict
        default: {}
      values_templates:
        description: Templates of the role, rendered on the controller, each with one YAML mapping; later ones win.
        type: list
        elements: str
        default: []
      create_namespace:
        description: Create the namespace with the first installation.
        type: bool
        default: false
      wait:
        description: Wait until the release's objects are ready.
        type: bool
        default: true
      timeout:
        description: How many seconds each hook and the wait may last. The error tells the cause that was found.
        type: int
        default: 300
      rollback:
        description:
          - When a change fails, restore the deployed revision, or remove a failed first installation.
          - Implies O(releases[].wait).
        type: bool
        default: true
      skip_schema_validation:
        description: Do not check the values against the chart's schema, which may refer to addresses elsewhere.
        type: bool
        default: false
seealso:
  - module: atarnet.homelab.kube_apply
"""

EXAMPLES = r"""
- name: Install what the platform needs
  atarnet.homelab.helm_release:
    kubeconfig: ~/.kube/lab.conf
    releases:
      - name: metallb
        namespace: metallb-system
        create_namespace: true
        chart: metallb
        repositories: [https://charts.example.test/stable]
        version: 0.15.2
      - name: cert-manager
        namespace: cert-manager
        create_namespace: true
        chart: oci://registry.example.test/charts/cert-manager
        version: v1.19.1
        values_templates: [cert-manager.yaml.j2]
        values:
          crds: {enabled: true}
  run_once: true

- name: Remove a release
  atarnet.homelab.helm_release:
    kubeconfig: ~/.kube/lab.conf
    releases:
      - name: old
        namespace: apps
        state: absent
  run_once: true
"""

RETURN = r"""
changes:
  description: What was (or, in check mode, would be) done, in order; after a failure, what was done until then.
  returned: always
  type: list
  elements: dict
  sample: [{"release": "metallb-system/metallb", "action": "upgrade", "reason": "values changed"}]
notes:
  description: What a plan cannot tell of a change before it is made, objects that Helm keeps, and a Helm at work.
  returned: always
  type: list
  elements: str
  sample: ["release apps/web: rendered without the server"]
recovered:
  description: What another run had left behind or was still at, and what was done about it.
  returned: always
  type: list
  elements: str
  sample: ["release apps/web: revision 3 was pending-upgrade and is now marked failed"]
requests:
  description: Requests sent to the API server beside those of Helm.
  returned: always
  type: dict
  sample: {"read": 1, "dry_run": 0, "write": 0}
helm_runs:
  description: How often Helm was started.
  returned: always
  type: int
  sample: 0
api:
  description: Says that the plan was made without a server.
  returned: in check mode with O(api_optional=true), when no API server was reached
  type: str
  sample: unreachable
"""

ARGUMENT_SPEC = {
    "kubeconfig": {"type": "path", "required": True},
    "helm": {"type": "str", "default": "helm"},
    "api_optional": {"type": "bool", "default": False},
    "releases": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "namespace": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "chart": {"type": "str"},
            "repositories": {"type": "list", "elements": "str", "default": []},
            "version": {"type": "str"},
            "digest": {"type": "str"},
            "values": {"type": "dict", "default": {}},
            "values_templates": {"type": "list", "elements": "str", "default": []},
            "create_namespace": {"type": "bool", "default": False},
            "wait": {"type": "bool", "default": True},
            "timeout": {"type": "int", "default": 300},
            "rollback": {"type": "bool", "default": True},
            "skip_schema_validation": {"type": "bool", "default": False},
        },
    },
}
