# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects as a homelab has them: of every twenty, eight are small settings and one is large."""

from __future__ import annotations

import base64
import typing as t
from pathlib import Path

import yaml

Json = dict[str, t.Any]
GROUP = "bench.example.test"
LARGE_BYTES = 256 * 1024
PER_NAMESPACE = 200
CUSTOM_KINDS = ("Alarm", "Backup", "Certificate", "Database", "Exporter")
# 40 % ConfigMap and Secret, 20 % workloads, 15 % Service and Ingress, 10 % access, 10 % custom, 5 % large.
MIX = (
    *("ConfigMap", "Secret", "Deployment", "Service", "ConfigMap", "Secret", "Role", "custom", "StatefulSet", "large"),
    *("ConfigMap", "Secret", "Deployment", "Ingress", "ConfigMap", "Secret", "RoleBinding", "custom", "StatefulSet"),
    "Service",
)
_BASES = {
    "v1": "ConfigMap Secret Service",
    "apps/v1": "Deployment StatefulSet",
    "networking.k8s.io/v1": "Ingress",
    "rbac.authorization.k8s.io/v1": "Role RoleBinding",
    f"{GROUP}/v1": " ".join(CUSTOM_KINDS),
}
API_VERSION = {kind: version for version, kinds in _BASES.items() for kind in kinds.split()}


def collection(kind: str, namespace: str) -> str:
    """Return the URL path of all objects of a kind in a namespace."""
    version = API_VERSION[kind]
    plural = f"{kind.lower()}{'es' if kind.endswith('s') else 's'}"
    return f"/{'apis' if '/' in version else 'api'}/{version}/namespaces/{namespace}/{plural}"


def path(item: Json) -> str:
    """Return the URL path of an object."""
    return f"{collection(item['kind'], item['metadata']['namespace'])}/{item['metadata']['name']}"


def shelves(items: list[Json]) -> list[tuple[str, str]]:
    """Return every (kind, namespace) that has objects."""
    return list(dict.fromkeys((item["kind"], item["metadata"]["namespace"]) for item in items))


def definitions() -> list[Json]:
    """Return the CustomResourceDefinitions of the custom kinds."""
    text = {"type": "string"}
    target = {"type": "object", "properties": {"name": text, "mode": {**text, "default": "fast"}}, "required": ["name"]}
    targets = {
        "type": "array",
        "items": target,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
    }
    spec = {"type": "object", "properties": {"schedule": text, "targets": targets}}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    return [
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{kind.lower()}s.{GROUP}"},
            "spec": {
                "group": GROUP,
                "scope": "Namespaced",
                "names": {"kind": kind, "plural": f"{kind.lower()}s", "singular": kind.lower()},
                "versions": [version],
            },
        }
        for kind in CUSTOM_KINDS
    ]


def mixed(space: str, count: int) -> list[Json]:
    """Return *count* objects, in as many namespaces named after *space* as they need."""
    return [_one(f"{space}-{index // PER_NAMESPACE}", index) for index in range(count)]


class _Dumper(yaml.CSafeDumper):
    """Writes texts of several lines as people do."""


def _write_text(dumper: t.Any, text: str) -> t.Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _write_text)


def write(items: list[Json], path: Path) -> None:
    """Write the objects as YAML documents."""
    with open(path, "w", encoding="utf-8") as stream:
        yaml.dump_all(items, stream, Dumper=_Dumper, sort_keys=False)


def changing(items: list[Json]) -> int:
    """Return which of the objects changes: the small ConfigMap next to their middle."""
    small = [index for index, item in enumerate(items) if "LEVEL" in item.get("data", {})]
    return small[len(small) // 2]


def with_one_change(items: list[Json]) -> list[Json]:
    """Return the objects with another value in one of them."""
    changed = list(items)
    index = changing(items)
    changed[index] = {**items[index], "data": {**items[index]["data"], "LEVEL": "debug"}}
    return changed


def _one(namespace: str, index: int) -> Json:
    sort = MIX[index % len(MIX)]
    kind = {"large": "ConfigMap", "custom": CUSTOM_KINDS[index // 10 % len(CUSTOM_KINDS)]}.get(sort, sort)
    name = f"{sort.lower()}-{index}"
    labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "homelab"}
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": API_VERSION[kind], "kind": kind, "metadata": metadata, **_content(sort, index, namespace)}


def _content(sort: str, index: int, namespace: str) -> Json:
    name = f"app-{index}"
    if sort == "ConfigMap":
        return {"data": {"LEVEL": "info", "URL": f"http://{name}.{namespace}.svc:8080/", "conf.ini": "[main]\na = 1\n"}}
    if sort == "large":
        line = f"panel {index}: sum by (instance) (rate(requests_total[5m]))\n"
        return {"data": {"dashboard.txt": line * (LARGE_BYTES // len(line))}}
    if sort == "Secret":
        encoded = base64.b64encode(f"password-{index}".encode()).decode()
        return {"type": "Opaque", "data": {"password": encoded, "user": base64.b64encode(b"admin").decode()}}
    if sort in ("Deployment", "StatefulSet"):
        return {"spec": _workload(name, sort == "StatefulSet")}
    if sort == "Service":
        # Without an address of its own: the server's range has not enough of them.
        ports = [{"name": "http", "port": 80, "targetPort": "http"}]
        return {"spec": {"clusterIP": "None", "selector": {"app": name}, "ports": ports}}
    if sort == "Ingress":
        backend = {"service": {"name": name, "port": {"name": "http"}}}
        paths = [{"path": "/", "pathType": "Prefix", "backend": backend}]
        return {"spec": {"ingressClassName": "nginx", "rules": [{"host": f"{name}.test", "http": {"paths": paths}}]}}
    if sort == "Role":
        return {"rules": [{"apiGroups": [""], "resources": ["configmaps", "pods"], "verbs": ["get", "list", "watch"]}]}
    if sort == "RoleBinding":
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": f"role-{index}"}
        return {"roleRef": role, "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": namespace}]}
    return {"spec": {"schedule": "0 3 * * *", "targets": [{"name": name}, {"name": "other", "mode": "safe"}]}}


def _workload(name: str, stateful: bool) -> Json:
    container = {
        "name": "app",
        "image": "registry.example.test/app:1.2.3",
        "ports": [{"name": "http", "containerPort": 8080}],
        "env": [{"name": "LEVEL", "value": "info"}, {"name": "ZONE", "value": "home"}],
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 5},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": "settings", "mountPath": "/etc/app"}],
    }
    pod = {
        "containers": [container],
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "volumes": [{"name": "settings", "configMap": {"name": name}}],
    }
    template = {"metadata": {"labels": {"app": name}}, "spec": pod}
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {**spec, "serviceName": name} if stateful else spec
