# SPDX-License-Identifier: GPL-3.0-or-later
"""A real API server and a real Helm; the charts are written by the tests."""

from __future__ import annotations

import importlib.util
import itertools
import json
import shutil
import sys
import typing as t
from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.action.helm_release import start
from ansible_collections.atarnet.homelab.plugins.module_utils._helm.command import Helm
from ansible_collections.atarnet.homelab.plugins.module_utils._helm.locks import Locks
from ansible_collections.atarnet.homelab.plugins.module_utils._helm.model import read_releases
from ansible_collections.atarnet.homelab.plugins.module_utils._helm.run import MANAGER, Task, run
from ansible_collections.atarnet.homelab.plugins.module_utils._kube import kubeconfig
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.api import Api
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.http import HttpTransport

_spec = importlib.util.spec_from_file_location("kube_test_server", Path(__file__).parent.parent / "kube" / "server.py")
if _spec is None or _spec.loader is None:
    raise ImportError("tests/integration/kube/server.py is missing")
server_module = importlib.util.module_from_spec(_spec)
sys.modules["kube_test_server"] = server_module
_spec.loader.exec_module(server_module)

_numbers = itertools.count(1)
DEFAULTS: dict[str, t.Any] = {
    "state": "present",
    "create_namespace": True,
    "wait": False,
    "timeout": 30,
    "rollback": False,
    "skip_schema_validation": False,
}
TEMPLATE = """
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-settings}
data: {colour: {{ .Values.colour | quote }}}
---
apiVersion: v1
kind: Secret
metadata: {name: {{ .Release.Name }}-token}
stringData: {key: {{ .Values.password | quote }}}
"""


class Site:
    """A namespace of its own on the shared server, and a chart."""

    def __init__(self, server: t.Any, folder: Path) -> None:
        self.server = server
        self.namespace = f"helm-{next(_numbers)}"
        self.chart = folder / "web"
        self.state = folder / "state"
        self.said: list[str] = []
        self.helm = shutil.which("helm") or "helm"
        self.write("Chart.yaml", json.dumps({"apiVersion": "v2", "name": "web", "version": "1.0.0"}))
        self.write("values.yaml", "colour: red\npassword: none\n")
        self.write("templates/all.yaml", TEMPLATE)

    def write(self, name: str, text: str) -> None:
        """Write a file of the chart."""
        path = self.chart / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def release(self, name: str = "web", values: dict[str, t.Any] | None = None, **given: t.Any) -> dict[str, t.Any]:
        """Return one item of releases."""
        base = {**DEFAULTS, "name": name, "namespace": self.namespace, "chart": str(self.chart)}
        return {**base, "values": values or {}, **given}

    def locks(self, address: str = "") -> Locks:
        """Return the locks of this user on the server."""
        folder = self.state / "atarnet-homelab" / ".helm"
        return Locks(str(folder), address or f"https://127.0.0.1:{self.server.port}", self.said.append)

    def run(
        self, *releases: dict[str, t.Any], check: bool = False, kubeconfig_path: str = "", **options: t.Any
    ) -> dict[str, t.Any]:
        """Run the task as the action plugin does and return its result."""
        path = kubeconfig_path or str(self.server.kubeconfig)

        def connect() -> Api:
            return Api(HttpTransport(kubeconfig.load(path), MANAGER), MANAGER)

        wanted = read_releases(releases, [item["values"] for item in releases])
        return run(
            Task(wanted, api_optional=bool(kubeconfig_path), check=check),
            connect,
            Helm(self.helm, path, start),
            self.locks,
            **options,
        )


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[t.Any]:
    """Give the shared API server; fails where the binaries are missing."""
    with server_module.running(tmp_path_factory.mktemp("kube")) as live:
        yield live


@pytest.fixture
def site(server: t.Any, tmp_path: Path) -> Site:
    """Give a fresh namespace and chart."""
    return Site(server, tmp_path)
