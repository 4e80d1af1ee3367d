# SPDX-License-Identifier: GPL-3.0-or-later
"""The place for backups: secrets are made once, and only the lab's own user may come in, to add."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from lab import state, target


def lab(folder: Path) -> state.Lab:
    """Return a lab whose state is in *folder*, with a certificate of what is outside."""
    authority = folder / "services" / "authority" / "ca.pem"
    authority.parent.mkdir(parents=True)
    authority.write_text("PEM")
    prefix = "10.77.0.0/24"
    return state.Lab(
        "lab", "/checkout", prefix, {state.CLUSTER: prefix}, state.nodes_of(prefix), str(folder), 2, True, "build",
        [], {}, {},
    )  # fmt: skip


def test_secrets_are_made_once_and_are_the_inventorys(tmp_path: Path) -> None:
    one = lab(tmp_path)
    assert target.backup(one) == {}
    target.configure(one)
    given = target.backup(one)
    target.configure(one)
    assert target.backup(one) == given
    secrets = set()
    for key, server, place in (("repository", "backup", "10.77.0.8"), ("copy", "copy", "10.77.0.9")):
        repository = given[key]
        assert repository["url"] == f"rest:https://{place}:8000/lab/" and repository["append_only"]
        login = repository["environment"]["RESTIC_REST_PASSWORD"]
        secrets |= {login, repository["password"]}
        users = tmp_path / "services" / server / "users"
        digest = base64.b64encode(hashlib.sha1(login.encode()).digest()).decode()
        assert users.read_text() == f"lab:{{SHA}}{digest}\n"
        for path in (users, users.with_name("secrets.json")):
            assert path.stat().st_mode & 0o077 == 0
    assert len(secrets) == 4 and min(map(len, secrets)) >= 32


def test_the_servers_let_nothing_be_removed() -> None:
    for server in target.OFFSETS:
        assert {"--append-only", "--private-repos", "--tls", f"/lab/{server}/users"} <= set(target.command(server))
