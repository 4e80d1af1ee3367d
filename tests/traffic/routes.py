# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes that the traffic goes by, one for each promise, and what stands behind them."""

from __future__ import annotations

import typing as t

Json = dict[str, t.Any]

NAMESPACE = "traffic"
SECRET = "traffic-tls"
DOMAIN = "traffic.example.org"
RATE, BURST = 10, 20


def host(name: str) -> str:
    """Return the host name of a route."""
    return f"{name}.{DOMAIN}"


def _route(name: str, **more: t.Any) -> Json:
    paths = [{"path": "/", "service": "web", "port": 80}]
    return {"host": host(name), "namespace": NAMESPACE, "paths": paths, **more}


def routes(management: str, users: t.Mapping[str, str]) -> Json:
    """Return homelab_routes; *management* is the prefix that one of them is only for, *users* may ask another."""
    tree = [
        {"path": "/", "service": "web", "port": 80},
        {"path": "/api", "service": "api", "port": 80},
        {"path": "/api/deep", "service": "deep", "port": 80},
        {"path": "/exactly", "match": "exact", "service": "api", "port": 80},
    ]
    moved = {"to": f"https://{host('tree')}", "code": 301}
    external = {"service": "api", "namespace": NAMESPACE, "port": 80, "path": "/auth"}
    return {
        "tree": _route("tree", paths=tree, tls={"secret": SECRET}),
        "plain": _route("plain", paths=[{"path": "/only", "service": "web", "port": 80}]),
        "limited": _route("limited", rate_limit={"per_second": RATE, "burst": BURST}),
        "inner": _route("inner", sources=[management]),
        "small": _route("small", max_body="1k"),
        "guarded": _route("guarded", auth={"basic": {"realm": "Traffic", "users": dict(users)}}),
        "asked": _route("asked", auth={"external": external}),
        "sockets": _route("sockets", paths=[{"path": "/", "service": "web", "port": 80, "websockets": True}]),
        "headers": _route(
            "headers",
            headers={"request": {"X-Lab": "yes", "X-Gone": ""}, "response": {"X-Content-Type-Options": "nosniff"}},
        ),
        "slow": _route("slow", timeouts={"read": 2}),
        "moved": {"host": host("moved"), "namespace": NAMESPACE, "redirect": moved},
    }


def backends(program: str, image: str) -> list[Json]:
    """Return the Deployments and Services behind the routes; each runs *program*."""
    found: list[Json] = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _named("backend"), "data": {"backend.py": program}}
    ]
    for name in ("web", "api", "deep"):
        container = {
            "name": "backend",
            "image": image,
            "command": ["python3", "/backend/backend.py"],
            "env": [{"name": "NAME", "value": name}],
            "ports": [{"containerPort": 8080}],
            "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1},
            "volumeMounts": [{"name": "backend", "mountPath": "/backend"}],
        }
        pod = {"containers": [container], "volumes": [{"name": "backend", "configMap": {"name": "backend"}}]}
        labels = {"app": name}
        spec = {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        }
        ports = [{"port": 80, "targetPort": 8080}]
        found.append({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": _named(name), "spec": spec})
        service = {"selector": labels, "ports": ports}
        found.append({"apiVersion": "v1", "kind": "Service", "metadata": _named(name), "spec": service})
    return found


def _named(name: str) -> Json:
    return {"name": name, "namespace": NAMESPACE}
