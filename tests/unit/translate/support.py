# SPDX-License-Identifier: GPL-3.0-or-later
"""Ingress objects as a server has them, and their translation."""

from __future__ import annotations

import typing as t

from ansible_collections.atarnet.homelab.plugins.module_utils._translate import apply, plan
from ansible_collections.atarnet.homelab.plugins.module_utils._translate.model import FAILED, PREFIX, Line

Json = dict[str, t.Any]
HOST = "shop.example.org"
HASH = "$2y$05$" + "c" * 53
HTPASSWD: Json = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "htpasswd", "namespace": "shop"},
    "stringData": {"auth": f"# who may\nanna:{HASH}\n\nbob:$apr1$abcdefgh$abcdefghijklmnopqrstuv:comment\n"},
}


def an_ingress(*paths: str, name: str = "web", namespace: str = "shop", host: str = HOST, **more: t.Any) -> Json:
    """Return an Ingress that sends *paths* (by default /) of one host to the Service of its own name.

    *more* are annotations of ingress-nginx (names with underscores), day (of its creation), tls and other parts of
    the spec.
    """
    day, annotations = more.pop("day", 1), more.pop("annotations", {})
    spec = {key: more.pop(key) for key in ("tls", "rules", "defaultBackend", "ingressClassName") if key in more}
    backend = {"service": {"name": name, "port": {"number": 80}}}
    rules = [
        {
            "host": host,
            "http": {"paths": [{"path": path, "pathType": "Prefix", "backend": backend} for path in paths or ["/"]]},
        }
    ]
    named = {f"{PREFIX}{key.replace('_', '-')}": value for key, value in more.items()}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "creationTimestamp": f"2024-01-{day:02}T00:00:00Z",
            "annotations": {**named, **annotations},
        },
        "spec": {"ingressClassName": "nginx", "rules": rules, **spec},
    }


def translated(*objects: Json, issuer: str = "", provider: str = "") -> plan.Translation:
    """Return the translation of the Ingress objects among *objects*."""
    ingresses, named = apply.of_task(objects)
    return plan.translate(ingresses, named, "nginx", issuer, provider)


def route(*objects: Json, issuer: str = "") -> Json:
    """Return the only route of *objects*, which nothing stops."""
    found = translated(*objects, issuer=issuer)
    assert [str(line) for line in found.failures] == []
    assert len(found.routes) == 1
    return next(iter(found.routes.values()))


def line(found: plan.Translation, key: str, name: str = "shop/web") -> Line:
    """Return the only line of an annotation (by its short name) or part of the spec."""
    lines = [item for item in found.lines if item.object == name and item.key in (key, PREFIX + key)]
    assert len(lines) == 1
    return lines[0]


def failures(*objects: Json, issuer: str = "") -> list[str]:
    """Return what stops the translation of *objects*, without reasons and fixes."""
    return [f"{item.object} {item.key.replace(PREFIX, '')}" for item in translated(*objects, issuer=issuer).lines
            if item.outcome == FAILED]  # fmt: skip
