# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes are rolled out once, by the playbook that everybody uses, and taken back at the end."""

from __future__ import annotations

import json
import os
import subprocess
import time
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.lab import TOOLBOX, kubectl, lab_record, run_playbook
from tests.traffic.client import Client, certificate
from tests.traffic.routes import NAMESPACE, SECRET, backends, host, routes

PASSWORD = "secret"
# The controller looks for new routes every two seconds.
TAKEN_UP_WITHIN_S = 20.0
PROVIDER = os.environ.get("PROVIDER", "traefik")
NGINX_CONFIG = json.loads(os.environ.get("NGINX_CONFIG", "{}"))


class Site(t.NamedTuple):
    """Where the routes are served, and whom clients believe."""

    address: str
    ca: str

    def client(self, segment: str = "users") -> Client:
        """Return somebody in a segment."""
        return Client(segment, self.address, self.ca)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The routes with what stands behind them."""
    if PROVIDER in lab_record().stand_ins:
        pytest.fail(f"the lab has a stand-in for {PROVIDER}, which serves no routes. Give NGINX_TOOLBOX to `make lab`.")
    folder = tmp_path_factory.mktemp("traffic")
    authority, signed, key = certificate(folder, host("tree"))
    hashed = subprocess.run(["openssl", "passwd", "-apr1", PASSWORD], check=True, capture_output=True, text=True).stdout
    given = folder / "routes.json"
    wanted = routes(lab_record().segments["management"], {"anna": hashed.strip()})
    ingress = {"provider": PROVIDER, "nginx_config": NGINX_CONFIG}
    given.write_text(json.dumps({"homelab_ingress": ingress, "homelab_routes": wanted}))
    kubectl("create", "namespace", NAMESPACE)
    try:
        kubectl("--namespace", NAMESPACE, "create", "secret", "tls", SECRET, f"--cert={signed}", f"--key={key}")
        program = Path(__file__).with_name("backend.py").read_text(encoding="utf-8")
        items = {"apiVersion": "v1", "kind": "List", "items": backends(program, TOOLBOX)}
        kubectl("apply", "--filename", "-", document=json.dumps(items))
        for name in ("web", "api", "deep"):
            kubectl("--namespace", NAMESPACE, "rollout", "status", f"deployment/{name}", "--timeout=120s")
        run = run_playbook("-e", f"@{given}", "-vvvv", "--diff", playbook="playbooks/platform.yml")
        assert run.code == 0, run.output[-3000:]
        assert hashed.strip() not in run.output, "the hash of a password is in the output"
        again = run_playbook("-e", f"@{given}", playbook="playbooks/platform.yml")
        assert again.changed_tasks() == [], again.changed_tasks()
        found = Site(lab_record().ingress, str(authority))
        end = time.monotonic() + TAKEN_UP_WITHIN_S
        while found.client().ask(f"https://{host('tree')}/").status != 200 and time.monotonic() < end:
            time.sleep(0.5)
        yield found
    finally:
        back = run_playbook(playbook="playbooks/platform.yml")
        kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=120s")
        assert back.code == 0, back.output[-3000:]
