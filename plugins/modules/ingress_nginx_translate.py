# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of atarnet.homelab.ingress_nginx_translate; the work is done on the controller by the action plugin."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ingress_nginx_translate
short_description: Translate Ingress objects of ingress-nginx into routes
version_added: 0.1.0
description:
  - Turns the Ingress objects that ingress-nginx serves into routes as C(homelab_routes) has them, and tells of every
    annotation what became of it. Each of the 130 names that the last ingress-nginx documents, and 8 more of its
    source, has a verdict.
  - What a route cannot say fails the translation when it protects something or decides what is answered, and so does an
    annotation that ingress-nginx does not know, or a route that O(provider) refuses. All failures are told at once,
    each with object, annotation, value, reason and fix. What only tunes is reported as lost.
  - Several objects of one host become one route, merged as ingress-nginx merged them. The oldest has a path. Where they
    say differently what a route says once for all paths, the translation fails.
  - An object for the folder of C(auth-signin) alone, as oauth2-proxy has one beside the object of the app, becomes
    C(auth.external.sign_in) of the app's route.
  - Every path of http or https has C(websockets=true), because ingress-nginx passed WebSockets by itself and a route
    has to say it.
  - Hashes of passwords are taken from the Secrets that C(auth-secret) names. They are written to O(file) and appear in
    no result, diff or error.
  - Runs on the controller only. The cluster is read, nothing in it is changed.
extends_documentation_fragment:
  - atarnet.homelab._attributes
attributes:
  check_mode:
    details: The translation and its report are the same; O(file) is not written.
  diff_mode:
    details: Shows what changes in O(file), without hashes of passwords.
  platform:
    platforms: controller
    details: Runs on the controller; the hosts are not contacted.
author:
  - atarnet (@atarnet)
seealso:
  - module: atarnet.homelab.kube_apply
  - name: Annotations of ingress-nginx
    description: What the annotations meant.
    link: https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/annotations/
options:
  kubeconfig:
    description:
      - Path of the kubeconfig on the controller; its current context is used. All Ingress objects are read, and the
        Secrets, ConfigMaps and Services that those of O(ingress_class) name.
      - Exactly one of O(kubeconfig) and O(objects) is given.
    type: path
  objects:
    description:
      - Ingress objects of C(networking.k8s.io/v1) as a server has them, and the Secrets (for C(auth-secret)),
        ConfigMaps (for C(custom-headers)) and Services (for ports by name) that they name. Lists are taken apart.
      - Without C(metadata.creationTimestamp) an object counts as the oldest.
    type: list
    elements: dict
  ingress_class:
    description:
      - Class of the objects to translate, as C(spec.ingressClassName) or the annotation C(kubernetes.io/ingress.class)
        has it. Other objects are left alone.
    type: str
    default: nginx
  issuer:
    description:
      - Who is to certify the hosts whose certificate is lost with ingress-nginx. Those whose objects ask for TLS and
        name no Secret were served with its default certificate; without an issuer they fail.
      - The certificates that cert-manager makes for the object itself, by an annotation that names another issuer, go
        with the object; without an issuer their Secrets are used and reported as lost.
    type: str
    choices: [internal, letsencrypt, letsencrypt-staging]
  provider:
    description:
      - The controller that is to serve the routes. What it cannot do fails the translation. Without it only what no
        controller can do fails, and the rest is told in the notes.
    type: str
    choices: [nginx, traefik]
  file:
    description:
      - Path on the controller to write the routes to as YAML, readable by its owner only; its folder is there already.
      - Nothing is written when the translation fails, and a file that is no earlier translation is not replaced.
    type: path
"""

EXAMPLES = r"""
- name: See what a migration would be
  atarnet.homelab.ingress_nginx_translate:
    kubeconfig: ~/.kube/home.conf
  register: translated

- name: Show what becomes of every annotation
  ansible.builtin.debug:
    msg: "{{ translated.msg.splitlines() }}"

- name: Write the routes beside the inventory
  atarnet.homelab.ingress_nginx_translate:
    kubeconfig: ~/.kube/home.conf
    issuer: internal
    provider: traefik
    file: inventories/home/group_vars/all/routes.yml

- name: Translate objects from a file that kubectl wrote
  atarnet.homelab.ingress_nginx_translate:
    objects: "{{ lookup('ansible.builtin.file', 'ingresses.yml') | from_yaml_all | list }}"
"""

RETURN = r"""
msg:
  description: The report as a person reads it; after a failure all that stops the translation.
  returned: always
  type: str
routes:
  description: The routes by name, as C(homelab_routes) has them, with C((hidden)) for hashes of passwords.
  returned: success
  type: dict
  sample:
    shop-example-org:
      host: shop.example.org
      namespace: shop
      paths: [{"path": "/", "port": 80, "service": "web", "websockets": true}]
      tls: {"redirect": true, "secret": "shop-tls"}
report:
  description: The report as a program reads it.
  returned: always
  type: dict
  contains:
    lines:
      description:
        - One entry for each annotation of the objects, and one for each part of their specs that is not in the routes.
        - C(outcome) is C(translated), C(dropped) (it had no effect), C(lost) (it only tuned),
          C(failed), or C(foreign) (it is not of ingress-nginx).
        - C(key) is the annotation, the part of the spec, or the key of the route.
        - C(verdict) tells where the NGINX Ingress Controller has the same. It is C(direct), C(policy),
          C(needs_object), C(config), C(snippet), C(none) or C(unknown).
      type: list
      elements: dict
      sample:
        - object: shop/web
          key: nginx.ingress.kubernetes.io/proxy-body-size
          value: 8m
          verdict: direct
          protects: true
          outcome: translated
          text: max_body
          fix: ""
    hosts:
      description: For each host its route, and the objects that it was merged from, oldest first.
      type: list
      elements: dict
      sample: [{"host": "shop.example.org", "route": "shop-example-org", "objects": ["shop/web"]}]
    notes:
      description: What all routes do differently than ingress-nginx.
      type: list
      elements: str
      sample: []
"""

ARGUMENT_SPEC = {
    "kubeconfig": {"type": "path"},
    "objects": {"type": "list", "elements": "dict"},
    "ingress_class": {"type": "str", "default": "nginx"},
    "issuer": {"type": "str", "choices": ["internal", "letsencrypt", "letsencrypt-staging"]},
    "provider": {"type": "str", "choices": ["nginx", "traefik"]},
    "file": {"type": "path"},
}
ONE_OF = [["kubeconfig", "objects"]]
