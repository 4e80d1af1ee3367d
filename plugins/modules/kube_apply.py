#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: kube_apply
short_description: Make a set of Kubernetes objects so, under one owner
version_added: 0.1.0
author: atarnet (@atarnet)
description:
  - Applies objects server-side with one field manager per owner, and removes what left the owner's set.
  - Reads live objects with one LIST per kind and namespace and compares only the fields this owner applied. What the
    server defaulted, a controller scaled or a person added is no change. Without a change nothing is written.
  - Runs on the controller alone; the hosts of the play are not visited. Use C(run_once).
  - Order of application is namespaces, definitions, access, configuration, services, workloads, custom resources,
    webhooks; deletion goes backwards. Where the set brings the definitions of its custom resources, its workloads are
    waited for before them, and always before its webhooks, as they answer the admission.
  - What an owner applied is listed in the ConfigMap C(homelab-inventory-<owner>) of the namespace C(kube-system).
  - What passes by itself is tried again for some seconds, also in the middle of a run. This is a cut connection, too
    many requests, a server that starts, a race of writers. Every request may be sent twice without harm.
  - When an API group does not answer, its objects are left out and stay as they are, all others are applied, and the
    task fails with the name of the group and the state of its APIService.
  - Values of Secrets appear in no result, diff or error. An error may quote the last log lines of a crashed container,
    from which only the values of Secrets in this set are taken out.
requirements:
  - Python package kubernetes, for kubeconfigs whose user logs in by a plugin
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
  owner:
    description:
      - Name of the set, a DNS label of at most 40 characters.
      - The field manager is C(atarnet-homelab/<owner>).
    type: str
    required: true
  objects:
    description:
      - Objects to apply.
      - Pass values of Secrets by variables. When a task fails, Ansible itself shows the beginning of its first line
        in the playbook.
    type: list
    elements: dict
    default: []
  manifests:
    description:
      - Files of objects that upstream publishes, each with any number of YAML documents. They are fetched to the
        controller, verified, and kept below C($XDG_CACHE_HOME/atarnet-homelab/manifests), so a later run asks nobody.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: What messages call it.
        type: str
        required: true
      urls:
        description: Where it is, asked in this order until one has it.
        type: list
        elements: str
        required: true
      sha256:
        description: What its bytes must be.
        type: str
        required: true
  templates:
    description: Templates of the role, rendered on the controller, each with any number of YAML documents.
    type: list
    elements: str
    default: []
  namespace:
    description: Namespace of namespaced objects that name none.
    type: str
  prune:
    description:
      - Delete what the inventory lists and the set no longer has. In check mode the deletions are listed first.
      - Never deleted are namespaces, persistent volumes and their claims, definitions of custom resources,
        objects without a field of this owner, and objects that another owner applies too. RV(kept) lists them.
      - To delete one of the first four, name it in O(objects) of a task with O(state=absent).
    type: bool
    default: true
  wait:
    description:
      - Wait until all objects of the set are ready and deleted ones are gone. What is ready costs no request; the
        others are watched with one LIST and one WATCH for each kind and namespace, so the user needs these rights.
      - Deployments, DaemonSets and StatefulSets are ready when all their replicas are of the last change and
        available, Jobs when they completed, Pods when their condition C(Ready) is true,
        CustomResourceDefinitions when they are established, APIServices when they are available.
      - A Service of type C(LoadBalancer) is ready when it has an address, every other Service at once.
      - A PersistentVolumeClaim is ready when it is bound. One whose class binds with the first consumer is also ready
        while no pod that uses it was given a node, because nothing would bind it before.
      - A status of an older generation does not count. A failed Job, a failed Pod, a lost claim and refused names of a
        definition end the task at once.
      - A mapping waits too; its only key C(conditions) maps a kind to the condition that makes such objects ready,
        for example C(Certificate) to C(Ready).
    type: raw
    default: true
  wait_timeout:
    description:
      - How many seconds one wait may last.
      - The error tells the cause that was found. This is what the scheduler said, what an image could not be pulled
        for, the last lines of a container that crashes, a failing probe, an exceeded quota, a webhook that nobody
        answers for, an unbound claim with its class and provisioner, or the last warning about the object.
    type: int
    default: 300
  force_conflicts:
    description: Take over fields that another manager owns with another value, instead of failing.
    type: bool
    default: false
  state:
    description:
      - V(absent) deletes the objects given, whatever their kind, or without any all of the inventory but the kinds
        that O(prune) spares. Only objects that carry this owner's fields, and no other owner's, are deleted.
      - Of an object to be deleted only C(apiVersion), C(kind), name and namespace count.
    type: str
    choices: [present, absent]
    default: present
  api_optional:
    description: In check mode, plan for a new cluster when no API server can be reached. A real run always needs it.
    type: bool
    default: false
seealso:
  - name: Server-side apply
    description: How the API server keeps the fields of several managers apart.
    link: https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

EXAMPLES = r"""
- name: Connect the pods
  atarnet.homelab.kube_apply:
    kubeconfig: ~/.kube/lab.conf
    owner: cni
    templates: [flannel.yaml.j2]
    api_optional: true
  run_once: true

- name: Apply a namespace and its settings
  atarnet.homelab.kube_apply:
    kubeconfig: ~/.kube/lab.conf
    owner: shop
    namespace: shop
    objects:
      - apiVersion: v1
        kind: Namespace
        metadata: {name: shop}
      - apiVersion: v1
        kind: ConfigMap
        metadata: {name: settings}
        data: {colour: green}
  run_once: true

- name: Wait for custom resources too
  atarnet.homelab.kube_apply:
    kubeconfig: ~/.kube/lab.conf
    owner: certificates
    templates: [certificates.yaml.j2]
    wait:
      conditions: {Certificate: Ready}
    wait_timeout: 600
  run_once: true

- name: Remove all of it but the namespace
  atarnet.homelab.kube_apply:
    kubeconfig: ~/.kube/lab.conf
    owner: shop
    state: absent
  run_once: true

- name: Remove the namespace and a claim, which goes only by name, with its data
  atarnet.homelab.kube_apply:
    kubeconfig: ~/.kube/lab.conf
    owner: shop
    state: absent
    objects:
      - apiVersion: v1
        kind: PersistentVolumeClaim
        metadata: {name: orders, namespace: shop}
      - apiVersion: v1
        kind: Namespace
        metadata: {name: shop}
  run_once: true
"""

RETURN = r"""
changes:
  description: What was (or, in check mode, would be) done, in order; after a failure, what was done until then.
  returned: always
  type: list
  elements: dict
  sample: [{"object": "apps/v1 DaemonSet kube-flannel/kube-flannel-ds", "action": "create"}]
diff:
  description: The same changes with contents, in Ansible's diff format; empty unless in diff mode.
  returned: always
  type: list
  elements: dict
notes:
  description: What a plan cannot tell of a change before it is made.
  returned: always
  type: list
  elements: str
  sample: ["v1 ConfigMap shop/settings: defaults known after apply"]
kept:
  description: Objects that left the set but were not deleted, each with the reason.
  returned: always
  type: list
  elements: str
  sample: ["v1 Namespace shop: a Namespace is never pruned"]
requests:
  description:
    - Requests sent, each counted once however often it was tried.
    - C(read) are GET, LIST and WATCH, C(dry_run) are questions to the server that store nothing.
  returned: always
  type: dict
  sample: {"read": 6, "dry_run": 0, "write": 0}
api:
  description: Says that the plan was made without a server.
  returned: in check mode with O(api_optional=true), when no API server was reached
  type: str
  sample: unreachable
"""

ARGUMENT_SPEC = {
    "kubeconfig": {"type": "path", "required": True},
    "owner": {"type": "str", "required": True},
    "objects": {"type": "list", "elements": "dict", "default": []},
    "manifests": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "urls": {"type": "list", "elements": "str", "required": True},
            "sha256": {"type": "str", "required": True},
        },
    },
    "templates": {"type": "list", "elements": "str", "default": []},
    "namespace": {"type": "str"},
    "prune": {"type": "bool", "default": True},
    "wait": {"type": "raw", "default": True},
    "wait_timeout": {"type": "int", "default": 300},
    "force_conflicts": {"type": "bool", "default": False},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "api_optional": {"type": "bool", "default": False},
}
