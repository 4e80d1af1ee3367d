# SPDX-License-Identifier: GPL-3.0-or-later
"""One real API server for all tests of kube_apply."""

from __future__ import annotations

import importlib.util
import itertools
import sys
import typing as t
from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._kube import kubeconfig
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.api import Api
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.http import HttpTransport
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.run import read_task, run

_spec = importlib.util.spec_from_file_location("kube_test_server", Path(__file__).with_name("server.py"))
if _spec is None or _spec.loader is None:
    raise ImportError("tests/integration/kube/server.py is missing")
server_module = importlib.util.module_from_spec(_spec)
sys.modules["kube_test_server"] = server_module
_spec.loader.exec_module(server_module)

_numbers = itertools.count(1)
_DEFAULTS: dict[str, t.Any] = {
    "namespace": None,
    "prune": True,
    "wait": False,
    "wait_timeout": 20,
    "force_conflicts": False,
    "state": "present",
    "api_optional": False,
}


class Lab:
    """One owner with a namespace of its own on the shared server."""

    def __init__(self, server: t.Any) -> None:
        number = next(_numbers)
        self.server = server
        self.owner = f"owner-{number}"
        self.namespace = f"space-{number}"

    def apply(self, objects: list[dict[str, t.Any]], check: bool = False, **arguments: t.Any) -> dict[str, t.Any]:
        """Run the task as the action plugin does and return its result."""
        given = {**_DEFAULTS, "owner": self.owner, "namespace": self.namespace, **arguments}
        task = read_task(given, [(f"objects[{index}]", item) for index, item in enumerate(objects)], check)

        def connect() -> Api:
            transport = HttpTransport(kubeconfig.load(str(self.server.kubeconfig)), task.manager)
            return Api(transport, task.manager, task.force_conflicts)

        return run(task, connect)

    def namespace_object(self) -> dict[str, t.Any]:
        """Return the owner's Namespace."""
        return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}}

    def path(self, plural: str, name: str, base: str = "/api/v1") -> str:
        """Return the URL path of an object in the owner's namespace."""
        return f"{base}/namespaces/{self.namespace}/{plural}/{name}"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[t.Any]:
    """Give the shared API server; fails where the binaries are missing."""
    with server_module.running(tmp_path_factory.mktemp("kube")) as live:
        yield live


@pytest.fixture
def lab(server: t.Any) -> Lab:
    """Give a fresh owner."""
    return Lab(server)
