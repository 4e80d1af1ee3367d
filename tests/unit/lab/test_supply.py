# SPDX-License-Identifier: GPL-3.0-or-later
"""Choosing where artifacts come from, and taking them from a server of upstream's layout."""

from __future__ import annotations

import functools
import hashlib
import http.server
import threading
import typing as t
from pathlib import Path

import pytest

from lab import archive, lockfile, supply, web
from lab.artifacts import mirrored
from lab.errors import LabError

URLS = {
    "kubectl": "https://dl.k8s.io/release/v1.36.4/bin/linux/amd64/kubectl",
    "crictl": "https://github.com/kubernetes-sigs/cri-tools/releases/download/v1.36.0/crictl-v1.36.0-linux-amd64.tar.gz",
    "helm": "https://get.helm.sh/helm-v4.2.4-linux-amd64.tar.gz",
}


@pytest.mark.parametrize(
    ("environ", "recorded", "answering", "kind"),
    [
        pytest.param({"SUPPLY": "build"}, None, True, "build", id="forced-build"),
        pytest.param({"SUPPLY": "upstream"}, "build", False, "upstream", id="forced-upstream"),
        pytest.param({"SUPPLY_URL": "http://m"}, None, False, "upstream", id="other-server"),
        pytest.param({}, None, True, "upstream", id="answers"),
        pytest.param({}, None, False, "build", id="silent"),
        pytest.param({}, "build", True, "build", id="as-the-lab-was-made"),
    ],
)
def test_choice(environ: dict[str, str], recorded: str | None, answering: bool, kind: str) -> None:
    assert supply.choose(environ, recorded, lambda url, seconds: answering).kind == kind


def test_a_lab_that_exists_asks_nobody() -> None:
    def ask(url: str, seconds: float) -> bool:
        raise AssertionError(url)

    assert supply.choose({}, "build", ask).kind == "build"


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        pytest.param({"SUPPLY": "biuld"}, "SUPPLY='biuld': it is neither build nor upstream", id="typo"),
        pytest.param({"SUPPLY": "build", "SUPPLY_URL": "http://m"}, "is of no use to SUPPLY=build", id="both"),
    ],
)
def test_contradictions_are_refused(environ: dict[str, str], words: str) -> None:
    with pytest.raises(LabError, match=words):
        supply.choose(environ, None, lambda url, seconds: True)


@pytest.fixture(name="tree")
def _tree(tmp_path: Path) -> Path:
    """Lay out upstream's files as HOST/PATH."""
    tree = tmp_path / "tree"
    for name in ("crictl", "helm"):
        (tmp_path / name).write_bytes(f"the {name}".encode())
    for url in URLS.values():
        (tree / mirrored(url)).parent.mkdir(parents=True)
    (tree / mirrored(URLS["kubectl"])).write_bytes(b"the kubectl")
    archive.write_gzip(tree / mirrored(URLS["crictl"]), [archive.Entry("crictl", tmp_path / "crictl")])
    archive.write_gzip(tree / mirrored(URLS["helm"]), [archive.Entry("linux-amd64/helm", tmp_path / "helm")])
    return tree


@pytest.fixture(name="base")
def _base(tree: Path) -> t.Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *arguments: t.Any) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(tree)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def lock_of(tree: Path) -> lockfile.Lock:
    rows = {
        name: {"version": "1.0.0", "amd64": {"url": url, "sha256": sha256(tree / mirrored(url))}}
        for name, url in URLS.items()
    }
    return lockfile.Lock(rows, {}, {}, {})


def test_tools_come_from_a_server_of_upstreams_layout(base: str, tree: Path, tmp_path: Path) -> None:
    tools = supply.fetch_tools(lock_of(tree), "amd64", base, tmp_path / "tools")
    assert {name: path.read_bytes() for name, path in tools.items()} == {
        "kubectl": b"the kubectl",
        "crictl": b"the crictl",
        "helm": b"the helm",
    }
    assert all(path.stat().st_mode & 0o777 == 0o755 for path in tools.values())


def test_fetched_tools_are_kept(base: str, tree: Path, tmp_path: Path) -> None:
    lock = lock_of(tree)
    first = supply.fetch_tools(lock, "amd64", base, tmp_path / "tools")
    assert supply.fetch_tools(lock, "amd64", "http://127.0.0.1:1", tmp_path / "tools") == first


def test_another_content_is_refused_and_not_left(base: str, tree: Path, tmp_path: Path) -> None:
    lock = lock_of(tree)
    (tree / mirrored(URLS["kubectl"])).write_bytes(b"tampered")
    with pytest.raises(LabError, match=rf"Downloading {base}/dl\.k8s\.io/.*kubectl: its sha256 is .*, pinned is"):
        supply.fetch_tools(lock, "amd64", base, tmp_path / "tools")
    assert not [path for path in (tmp_path / "tools").rglob("*") if path.name == "kubectl"]


def test_a_silent_server_is_named(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"Downloading http://127\.0\.0\.1:1/x: .*refused"):
        web.download("http://127.0.0.1:1/x", tmp_path / "x", "0" * 64)


def test_without_a_base_upstream_itself_is_asked() -> None:
    assert supply.address(URLS["kubectl"], "") == URLS["kubectl"]
