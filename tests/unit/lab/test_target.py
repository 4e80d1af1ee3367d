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
    repository = given["repository"]
    assert repository["url"] == "rest:https://10.77.0.8:8000/lab/" and repository["append_only"]
    login = repository["environment"]["RESTIC_REST_PASSWORD"]
    assert len({login, repository["password"]}) == 2 and min(map(len, (login, repository["password"]))) >= 32
    users = tmp_path / "services" / "backup" / "users"
    digest = base64.b64encode(hashlib.sha1(login.encode()).digest()).decode()
    assert users.read_text() == f"lab:{{SHA}}{digest}\n"
    for path in (users, users.with_name("secrets.json")):
        assert path.stat().st_mode & 0o077 == 0


def test_the_server_lets_nothing_be_removed() -> None:
    assert {"--append-only", "--private-repos", "--tls"} <= set(target.command())
