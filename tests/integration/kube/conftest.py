# SPDX-License-Identifier: GPL-3.0-or-later
"""One real API server for all tests of kube_apply."""

from __future__ import annotations

import itertools
import typing as t
from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._kube import kubeconfig
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.api import Api
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.http import HttpTransport
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.run import read_task, run

from tests.integration.kube.proxy import Proxy
from tests.integration.kube.server import Server, running

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

    def __init__(self, server: Server) -> None:
        number = next(_numbers)
        self.server = server
        self.owner = f"owner-{number}"
        self.namespace = f"space-{number}"
        self.kubeconfig = server.kubeconfig

    def apply(self, objects: list[dict[str, t.Any]], check: bool = False, **arguments: t.Any) -> dict[str, t.Any]:
        """Run the task as the action plugin does and return its result."""
        given = {**_DEFAULTS, "owner": self.owner, "namespace": self.namespace, **arguments}
        task = read_task(given, [(f"objects[{index}]", item) for index, item in enumerate(objects)], check)

        def connect() -> Api:
            transport = HttpTransport(kubeconfig.load(str(self.kubeconfig)), task.manager)
            return Api(transport, task.manager, task.force_conflicts)

        return run(task, connect)

    def mutating(self, start: int) -> list[str]:
        """Return what the owner's client sent since audit entry *start* that does not only look."""
        return [
            f"{entry['verb']} {entry['requestURI']}"
            for entry in self.server.audit()[start:]
            if entry["userAgent"] == f"atarnet-homelab/{self.owner}" and entry["verb"] not in ("get", "list", "watch")
        ]

    def assert_rests(self, objects: list[dict[str, t.Any]], **arguments: t.Any) -> None:
        """Assert that the second and the third run change nothing and send nothing but reads."""
        for run_number in (2, 3):
            start = len(self.server.audit())
            again = self.apply(objects, **arguments)
            assert (run_number, again.get("msg"), again["changed"], again["diff"]) == (run_number, None, False, [])
            assert (run_number, self.mutating(start)) == (run_number, [])

    def namespace_object(self) -> dict[str, t.Any]:
        """Return the owner's Namespace."""
        return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}}

    def path(self, plural: str, name: str, base: str = "/api/v1") -> str:
        """Return the URL path of an object in the owner's namespace."""
        return f"{base}/namespaces/{self.namespace}/{plural}/{name}"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Server]:
    """Give the shared API server; fails where the binaries are missing."""
    with running(tmp_path_factory.mktemp("kube")) as live:
        yield live


@pytest.fixture
def lab(server: Server) -> Lab:
    """Give a fresh owner."""
    return Lab(server)


@pytest.fixture(params=["tls"])
def proxy(server: Server, lab: Lab, tmp_path: Path, request: pytest.FixtureRequest) -> t.Iterator[Proxy]:
    """Give a proxy between the owner and the server; by TLS, or by plain HTTP where the parameter says so."""
    live = Proxy(server.port, server.trust(), server.identity() if request.param == "tls" else None)
    lab.kubeconfig = server.write_kubeconfig(tmp_path / "proxy.conf", request.param != "tls", live.port)
    try:
        yield live
    finally:
        live.close()
