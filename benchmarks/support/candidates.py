# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways to apply one set of objects that are compared: kube_apply, kubernetes.core, kubectl and a floor."""

from __future__ import annotations

import json
import sys
import typing as t
from dataclasses import dataclass
from pathlib import Path

from benchmarks.support import objects
from benchmarks.support.kube import play
from tests.integration.kube.server import Server

FIRST, NOOP, ONE = SITUATIONS = ("first", "noop", "one")
FLOOR, EMPTY, OURS, KUBECTL, CORE, EACH = CANDIDATES = ("floor", "empty", "ours", "kubectl", "core", "core_each")


@dataclass
class Place:
    """A candidate's own copy of the objects, and the folder with the files its command reads."""

    server: Server
    folder: Path
    name: str
    items: list[objects.Json]

    @property
    def namespaces(self) -> list[str]:
        """Return the namespaces of the objects."""
        return list(dict.fromkeys(item["metadata"]["namespace"] for item in self.items))

    def command(self, situation: str) -> list[str]:
        """Write what the candidate's command reads and return the command."""
        if situation == ONE:
            self.items = objects.with_one_change(self.items)
        objects.write(self.items, self.folder / "objects.yaml")
        return _COMMANDS[self.name](self, situation)


def _floor(place: Place, situation: str) -> list[str]:
    """Apply every object, list every kind and namespace, or apply the changed object."""
    query = "?fieldManager=floor&fieldValidation=Strict"
    patches = [("PATCH", f"{objects.path(item)}{query}", json.dumps(item)) for item in place.items]
    requests = {
        FIRST: patches,
        NOOP: [("GET", objects.collection(*shelf), "") for shelf in objects.shelves(place.items)],
        ONE: [patches[objects.changing(place.items)]],
    }[situation]
    job = {
        "host": "127.0.0.1",
        "port": place.server.port,
        "token": place.server.token,
        "authority": str(place.server.folder / "certs" / "apiserver.crt"),
        "requests": requests,
    }
    (place.folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    return [sys.executable, str(Path(__file__).with_name("floor.py")), "job.json"]


def _empty(place: Place, _situation: str) -> list[str]:
    """Do nothing, in one task on the controller."""
    return play(place.folder, EMPTY, {"ansible.builtin.debug": {"msg": ""}})


def _ours(place: Place, _situation: str) -> list[str]:
    arguments = {
        "kubeconfig": str(place.server.kubeconfig),
        "owner": place.namespaces[0],
        "templates": [str(place.folder / "objects.yaml")],
        "wait": False,
    }
    return play(place.folder, OURS, {"atarnet.homelab.kube_apply": arguments})


def _kubectl(place: Place, _situation: str) -> list[str]:
    flags = ["--kubeconfig", str(place.server.kubeconfig), "--cache-dir", str(place.server.folder / "discovery")]
    return ["kubectl", *flags, "apply", "--server-side", "-f", "objects.yaml"]


def _core(place: Place, _situation: str) -> list[str]:
    """Apply the file in one task."""
    return play(place.folder, CORE, _core_task(place, src=str(place.folder / "objects.yaml")))


def _core_each(place: Place, _situation: str) -> list[str]:
    """Apply each object in a task of its own."""
    return play(place.folder, EACH, *[_core_task(place, definition=item) for item in place.items])


def _core_task(place: Place, **what: t.Any) -> dict[str, t.Any]:
    how = {"apply": True, "server_side_apply": {"field_manager": "kubernetes-core"}}
    return {"kubernetes.core.k8s": {"kubeconfig": str(place.server.kubeconfig), **how, **what}}


_COMMANDS: dict[str, t.Callable[[Place, str], list[str]]] = {
    FLOOR: _floor,
    EMPTY: _empty,
    OURS: _ours,
    KUBECTL: _kubectl,
    CORE: _core,
    EACH: _core_each,
}
