# SPDX-License-Identifier: GPL-3.0-or-later
"""Where backups go, and where they are copied to: restic's REST servers outside of the nodes.

They let nodes add and read, and nothing be removed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import typing as t
from pathlib import Path

from lab import files
from lab.state import BACKUP_OFFSET, COPY_OFFSET, Lab, address

PORT = 8000
USER = "lab"
DATA = "/data"
BACKUP, COPY = "backup", "copy"
OFFSETS = {BACKUP: BACKUP_OFFSET, COPY: COPY_OFFSET}
"""The servers, and their places in the lab's prefix."""


def folder(lab: Lab, server: str) -> Path:
    """Return the folder of this machine that has the repositories of a server."""
    return Path(lab.folder) / ("backups" if server == BACKUP else "copies")


def configure(lab: Lab) -> None:
    """Write who may do what; the passwords are made once."""
    for server in OFFSETS:
        folder(lab, server).mkdir(mode=0o700, exist_ok=True)
        place = _secrets(lab, server)
        if not place.exists():
            made = {"password": secrets.token_urlsafe(24), "login": secrets.token_urlsafe(24)}
            files.write(place, json.dumps(made), 0o600)
        # RFC 3112 calls it {SHA}; a password of 24 random bytes needs no slower one.
        digest = base64.b64encode(hashlib.sha1(_read(lab, server)["login"].encode()).digest()).decode()
        files.write(place.with_name("users"), f"{USER}:{{SHA}}{digest}\n", 0o600)


def command(server: str) -> tuple[str, ...]:
    """Return what runs a server, with the certificate of what else is outside."""
    certificate = ("--tls", "--tls-cert", "/lab/authority/cert.pem", "--tls-key", "/lab/authority/key.pem")
    rights = ("--append-only", "--private-repos", "--htpasswd-file", f"/lab/{server}/users")
    return ("rest-server", "--listen", f":{PORT}", "--path", DATA, *rights, *certificate)


def repository(lab: Lab, server: str) -> dict[str, t.Any]:
    """Return where the lab's repository on a server is, and what opens it, as `homelab_backup` has it."""
    made = _read(lab, server)
    return {
        "url": f"rest:https://{address(lab.prefix, OFFSETS[server])}:{PORT}/{USER}/",
        "password": made["password"],
        "environment": {"RESTIC_REST_USERNAME": USER, "RESTIC_REST_PASSWORD": made["login"]},
        "ca": (Path(lab.folder) / "services" / "authority" / "ca.pem").read_text(),
        "append_only": True,
    }


def backup(lab: Lab) -> dict[str, t.Any]:
    """Return `homelab_backup`, when the lab has the servers."""
    if not _secrets(lab, COPY).exists():
        return {}
    return {
        "repository": repository(lab, BACKUP),
        "copy": repository(lab, COPY),
        # Of claims that the tests make.
        "hooks": [
            {"claim": "saved/app", "type": "sqlite", "database": "app.db"},
            *(
                {"claim": f"databases/{kind}", "type": kind, "labels": {"app": kind}, "database": "shop"}
                for kind in ("postgres", "mysql")
            ),
        ],
        "leave_out": ["saved/cache"],
    }


def _secrets(lab: Lab, server: str) -> Path:
    place = Path(lab.folder) / "services" / server / "secrets.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


def _read(lab: Lab, server: str) -> dict[str, str]:
    return t.cast("dict[str, str]", json.loads(_secrets(lab, server).read_text()))
