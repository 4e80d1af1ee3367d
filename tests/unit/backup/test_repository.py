# SPDX-License-Identifier: GPL-3.0-or-later
"""The repository is made once, by one node, and never where one was or none can be seen."""

from __future__ import annotations

import http.server
import json
import shutil
import ssl
import subprocess
import threading
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._backup import model, repository
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError

from tests.unit.backup.node import Node


def asking(node: Node, url: str, **changes: t.Any) -> model.Wanted:
    """Return what a node is asked for whose repository is there."""
    return node.wanted(repository={"url": url, "password_file": str(node.password)}, **changes)


def test_it_is_made_once_and_then_known(node: Node, share: Path) -> None:
    asked = asking(node, str(share), makes_repository=True)
    made = repository.ready(asked, node.places)
    assert made["state"] == repository.MADE and len(made["id"]) == 64
    assert repository.ready(asked, node.places) == {"id": made["id"], "state": repository.KNOWN}
    node.password.write_text("correct horse", encoding="ascii")
    assert repository.ready(asked, node.places)["state"] == repository.FOUND


def test_other_nodes_wait_for_the_one_that_makes_it(node: Node, share: Path, tmp_path: Path) -> None:
    others = [model.Places(str(tmp_path / name), str(tmp_path / f"{name}.lock")) for name in ("a", "b")]
    with ThreadPoolExecutor() as pool:
        waiting = [pool.submit(repository.ready, asking(node, str(share)), places) for places in others]
        made = repository.ready(asking(node, str(share), makes_repository=True), node.places)
        found = [one.result() for one in waiting]
    assert made["state"] == repository.MADE
    assert found == [{"id": made["id"], "state": repository.FOUND}] * 2


def test_several_on_one_node_make_one(node: Node, share: Path) -> None:
    asked = asking(node, str(share), makes_repository=True)
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(lambda _number: repository.ready(asked, node.places), range(3)))
    assert sorted(one["state"] for one in found) == [repository.KNOWN, repository.KNOWN, repository.MADE]
    assert len({one["id"] for one in found}) == 1


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("password", "opens none of its keys"),
        ("gone", "there is none at .*, where [0-9a-f]{8} was. Is the right disk mounted there?"),
        ("folder", "there is no such folder. Mount the disk"),
        ("nobody", "no other node made it within"),
        ("refused", "the target cannot be reached: 127.0.0.1 port 9: Connection refused"),
    ],
)
def test_refused(node: Node, share: Path, damage: str, said: str) -> None:
    asked = asking(node, str(share), makes_repository=True)
    if damage == "nobody":
        asked = asking(node, str(share))
    elif damage == "refused":
        asked = asking(node, "rest:http://127.0.0.1:9/lab", makes_repository=True)
    elif damage == "folder":
        asked = asking(node, f"{share}/none", makes_repository=True)
    else:
        repository.ready(asked, node.places)
        if damage == "gone":
            shutil.rmtree(share)
            share.mkdir()
        node.password.write_text("wrong" if damage == "password" else "correct horse", encoding="ascii")
    with pytest.raises(HostError, match=said):
        repository.ready(asked, node.places, wait=0.5)
    if damage in ("gone", "nobody"):
        assert list(share.iterdir()) == []


def test_whom_nobody_vouches_for_is_told_in_time(node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "_ANSWER_S", 3.0)
    pem = tmp_path / "server.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", pem, "-out",
         tmp_path / "certificate"], check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate", pem)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        asked = asking(node, f"rest:https://127.0.0.1:{server.server_port}/lab", makes_repository=True)
        with pytest.raises(
            HostError, match=r"what the target shows is not believed: .*x509.*homelab_backup\.repository\.ca"
        ):
            repository.ready(asked, node.places)
    finally:
        server.shutdown()
        server.server_close()


def test_the_disks_of_the_node_are_no_place_for_it(node: Node, share: Path, tmp_path: Path) -> None:
    with pytest.raises(HostError, match="lies in the root file system of the node"):
        repository.ready(asking(node, str(tmp_path), makes_repository=True), node.places)
    tier = {"name": "ssd", "folder": str(share.parent), "marker": ".homelab-tier"}
    with pytest.raises(HostError, match="lies on the disk of tier ssd"):
        repository.ready(asking(node, str(share), makes_repository=True, tiers=[tier]), node.places)


def test_a_proof_survives_what_cannot_be_read(node: Node, share: Path) -> None:
    asked = asking(node, str(share), makes_repository=True)
    made = repository.ready(asked, node.places)
    Path(node.places.repository).write_text("{", encoding="ascii")
    assert repository.ready(asked, node.places) == {"id": made["id"], "state": repository.FOUND}
    assert json.loads(Path(node.places.repository).read_text())["id"] == made["id"]
