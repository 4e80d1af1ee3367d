# SPDX-License-Identifier: GPL-3.0-or-later
"""Charts from a repository and from a registry, and a lab that is not there yet."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import http.server
import json
import shutil
import subprocess
import threading
import time
import typing as t
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.support.ports import free_ports


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: t.Any) -> None:
        """Say nothing."""


@pytest.fixture
def packaged(site: t.Any, tmp_path: Path) -> Path:
    """Give the chart's archive in a folder of its own."""
    folder = tmp_path / "repository"
    subprocess.run([site.helm, "package", str(site.chart), "-d", str(folder)], check=True, capture_output=True)
    return folder / "web-1.0.0.tgz"


@contextlib.contextmanager
def repository(site: t.Any, folder: Path) -> t.Iterator[str]:
    """Give the URL of a chart repository of the archives in *folder*."""
    subprocess.run([site.helm, "repo", "index", str(folder)], check=True, capture_output=True)
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@contextlib.contextmanager
def registry(folder: Path, port: int) -> t.Iterator[str]:
    """Give the address of an empty registry that speaks plain HTTP."""
    program = shutil.which("registry")
    assert program, "the lab's registry is not on PATH"
    config = {
        "version": "0.1",
        "storage": {"filesystem": {"rootdirectory": str(folder / "blobs")}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    (folder / "registry.yml").write_text(json.dumps(config), encoding="utf-8")
    with (
        open(folder / "registry.log", "wb") as log,
        subprocess.Popen([program, "serve", str(folder / "registry.yml")], stdout=log, stderr=log) as process,
    ):
        deadline = time.monotonic() + 30
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=5).close()
                break
            except (OSError, urllib.error.URLError):
                assert time.monotonic() < deadline and process.poll() is None
                time.sleep(0.1)
        yield f"127.0.0.1:{port}"
        process.terminate()


def test_a_repository_s_chart_is_verified(site: t.Any, packaged: Path) -> None:
    digest = hashlib.sha256(packaged.read_bytes()).hexdigest()
    with repository(site, packaged.parent) as url:
        remote = {"chart": "web", "repositories": [url], "version": "1.0.0"}
        wrong = site.run(site.release(**remote, digest="0" * 64))
        assert f"its SHA-256 is {digest}" in wrong["msg"]
        assert not site.server.exists(f"/api/v1/namespaces/{site.namespace}")
        assert "failed" not in site.run(site.release(**remote, digest=digest))
    # The repository is gone: a run without a change does not need it.
    assert site.run(site.release(**remote, digest=digest))["helm_runs"] == 0
    assert site.run(site.release(chart=str(packaged)))["helm_runs"] == 0


def test_mirrors_are_asked_in_their_order(site: t.Any, packaged: Path) -> None:
    with repository(site, packaged.parent) as url:
        places = {"chart": "web", "repositories": ["http://127.0.0.1:9/charts", url]}
        told = site.run(site.release(**places, version="9.9.9"))["msg"]
        assert "127.0.0.1:9" in told and url.partition("//")[2] in told, "each place says why not"
        assert "failed" not in site.run(site.release(**places, version="1.0.0"))


def test_a_registry_s_chart(site: t.Any, packaged: Path, tmp_path: Path) -> None:
    with registry(tmp_path, *free_ports(1)) as address:
        push = [site.helm, "push", str(packaged), f"oci://{address}/charts", "--plain-http"]
        subprocess.run(push, check=True, capture_output=True)
        digest = hashlib.sha256(packaged.read_bytes()).hexdigest()
        remote = {"chart": f"oci://{address}/charts/web", "version": "1.0.0", "digest": f"sha256:{digest}"}
        wrong = site.run(site.release(**{**remote, "digest": "0" * 64}))
        assert f"its SHA-256 is {digest}, not the digest {'0' * 64}" in wrong["msg"]
        missing = site.run(site.release(**{**remote, "version": "1.0.1"}))
        assert "Fetching the chart of" in missing["msg"] and "1.0.1" in missing["msg"]
        assert "failed" not in site.run(site.release(**remote))
    assert site.run(site.release(**remote))["helm_runs"] == 0


def test_a_blank_lab_can_be_checked_but_not_run(site: t.Any, tmp_path: Path) -> None:
    missing = str(tmp_path / "none.conf")
    checked = site.run(site.release(), check=True, kubeconfig_path=missing)
    assert (checked["api"], checked["changes"][0]["action"], len(checked["diff"])) == ("unreachable", "install", 4)
    assert checked["diff"] == site.run(site.release(), check=True)["diff"]
    assert "it does not exist" in site.run(site.release(), kubeconfig_path=missing)["msg"]
