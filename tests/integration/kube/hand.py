# SPDX-License-Identifier: GPL-3.0-or-later
"""Workloads, claims, services and gadgets, and what controllers, scheduler and kubelet would write of them, by hand."""

from __future__ import annotations

import typing as t

APPS, BATCH = "/apis/apps/v1", "/apis/batch/v1"


def labelled(kind: str, name: str = "web", api_version: str = "apps/v1", **spec: t.Any) -> dict[str, t.Any]:
    """Return a workload whose pods carry app=web."""
    pod_spec = {"containers": [{"name": "app", "image": "example.test/app:1"}], **spec.pop("pod", {})}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": pod_spec}
    selector = {} if kind == "Job" else {"selector": {"matchLabels": {"app": "web"}}}
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name},
        "spec": {**selector, "template": template, **spec},
    }


def claim(name: str, storage_class: str = "") -> dict[str, t.Any]:
    """Return a claim; without a class it gets no default one either, which another test may have made."""
    resources = {"requests": {"storage": "1Gi"}}
    spec = {"accessModes": ["ReadWriteOnce"], "resources": resources, "storageClassName": storage_class}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}


def storage_class(name: str, mode: str) -> dict[str, t.Any]:
    """Return a class whose claims bind in that mode."""
    head = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name}}
    return {**head, "provisioner": "disks.example.test", "volumeBindingMode": mode}


def service(**spec: t.Any) -> dict[str, t.Any]:
    """Return a Service."""
    ports = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {**ports, **spec}}


def gadgets(group: str, spec: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
    """Return a CustomResourceDefinition whose objects have a spec of the given schema, or a free one."""
    free = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec or free, "status": free}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"gadgets.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": "gadgets", "singular": "gadget", "kind": "Gadget", "listKind": "GadgetList"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }


def gadget(group: str, name: str, size: int) -> dict[str, t.Any]:
    """Return an object of that definition."""
    return {"apiVersion": f"{group}/v1", "kind": "Gadget", "metadata": {"name": name}, "spec": {"size": size}}


def web() -> dict[str, t.Any]:
    """Return a Deployment."""
    return labelled("Deployment")


class Hand:
    """Writes what controllers, the scheduler and the kubelet would write."""

    def __init__(self, lab: t.Any) -> None:
        self.lab = lab

    def status(self, plural: str, name: str, base: str = "/api/v1", **told: t.Any) -> None:
        """Set the status of an object."""
        self.lab.server.patch(self.lab.path(plural, f"{name}/status", base), {"status": told})

    def pod(self, name: str = "web-1", **status: t.Any) -> None:
        """Make a pod of the workload, in that state."""
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": {"app": "web"}},
            "spec": {
                "containers": [{"name": "app", "image": "example.test/app:1"}],
                "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
            },
        }
        self.lab.server.call("POST", self.lab.path("pods", "")[:-1], pod)
        self.status("pods", name, phase="Pending", **status)

    def event(self, path: str, message: str, sort: str = "Warning") -> None:
        """Say something about the object at *path*."""
        about = self.lab.server.call("GET", path)
        reference = {key: about[key] for key in ("apiVersion", "kind")}
        reference.update({key: about["metadata"][key] for key in ("name", "namespace", "uid")})
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"generateName": "told-"},
            "involvedObject": reference,
            "type": sort,
            "reason": "Told",
            "message": message,
            "lastTimestamp": "2026-01-01T00:00:00Z",
        }
        self.lab.server.call("POST", self.lab.path("events", "")[:-1], event)


def container(ready: bool = False, **state: t.Any) -> list[dict[str, t.Any]]:
    """Return the status of the one container."""
    return [{"name": "app", "ready": ready, "restartCount": 1, "image": "", "imageID": "", **state}]
