# SPDX-License-Identifier: GPL-3.0-or-later
"""Where backups go: restic's REST server outside of the nodes, which lets them add and read, and nothing be removed."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import typing as t
from pathlib import Path

from lab import files
from lab.state import BACKUP_OFFSET, Lab, address

PORT = 8000
USER = "lab"
DATA = "/data"
_PLACE = "/lab/backup"


def folder(lab: Lab) -> Path:
    """Return the folder of this machine that has the repositories."""
    return Path(lab.folder) / "backups"


def configure(lab: Lab) -> None:
    """Write who may do what; the passwords are made once."""
    folder(lab).mkdir(mode=0o700, exist_ok=True)
    place = _secrets(lab)
    if not place.exists():
        made = {"password": secrets.token_urlsafe(24), "login": secrets.token_urlsafe(24)}
        files.write(place, json.dumps(made), 0o600)
    # RFC 3112 calls it {SHA}; a password of 24 random bytes needs no slower one.
    digest = base64.b64encode(hashlib.sha1(_read(lab)["login"].encode()).digest()).decode()
    files.write(place.with_name("users"), f"{USER}:{{SHA}}{digest}\n", 0o600)


def command() -> tuple[str, ...]:
    """Return what runs the server, with the certificate of what else is outside."""
    certificate = ("--tls", "--tls-cert", "/lab/authority/cert.pem", "--tls-key", "/lab/authority/key.pem")
    rights = ("--append-only", "--private-repos", "--htpasswd-file", f"{_PLACE}/users")
    return ("rest-server", "--listen", f":{PORT}", "--path", DATA, *rights, *certificate)


def url(lab: Lab) -> str:
    """Return the address of the lab's repository as restic has it."""
    return f"rest:https://{address(lab.prefix, BACKUP_OFFSET)}:{PORT}/{USER}/"


def backup(lab: Lab) -> dict[str, t.Any]:
    """Return `homelab_backup`, when the lab has the server."""
    if not _secrets(lab).exists():
        return {}
    made = _read(lab)
    return {
        "repository": {
            "url": url(lab),
            "password": made["password"],
            "environment": {"RESTIC_REST_USERNAME": USER, "RESTIC_REST_PASSWORD": made["login"]},
            "ca": (Path(lab.folder) / "services" / "authority" / "ca.pem").read_text(),
            "append_only": True,
        },
        # Of claims that the tests make.
        "hooks": [{"claim": "saved/app", "type": "sqlite", "database": "app.db"}],
        "leave_out": ["saved/cache"],
    }


def _secrets(lab: Lab) -> Path:
    place = Path(lab.folder) / "services" / "backup" / "secrets.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


def _read(lab: Lab) -> dict[str, str]:
    return t.cast("dict[str, str]", json.loads(_secrets(lab).read_text()))
