# SPDX-License-Identifier: GPL-3.0-or-later
"""A key of a repository that is cheap to derive: of each start of restic deriving it is what takes time."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import typing as t
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.poly1305 import Poly1305

_NONCE, _TAG = 16, 16
# The least that scrypt takes.
_CHEAP = {"N": 2, "r": 1, "p": 1}


def make_cheap(repository: Path, password: str) -> None:
    """Replace the only key of a new repository by one of the same password that takes no time to derive.

    Restic's design.rst has the format: AES-256-CTR, and Poly1305-AES over what that made.
    """
    (old,) = (repository / "keys").iterdir()
    key = json.loads(old.read_text(encoding="ascii"))
    master = _open(_derived(key, password), base64.b64decode(key["data"]))
    key.update(_CHEAP)
    key["data"] = base64.b64encode(_seal(_derived(key, password), master)).decode()
    text = json.dumps(key).encode()
    new = old.with_name(hashlib.sha256(text).hexdigest())
    new.write_bytes(text)
    old.unlink()


def _derived(key: dict[str, t.Any], password: str) -> bytes:
    salt = base64.b64decode(key["salt"])
    return hashlib.scrypt(
        password.encode(), salt=salt, n=key["N"], r=key["r"], p=key["p"], maxmem=1 << 28, dklen=64
    )  # fmt: skip


def _open(user: bytes, data: bytes) -> bytes:
    nonce, content, tag = data[:_NONCE], data[_NONCE:-_TAG], data[-_TAG:]
    Poly1305.verify_tag(_once(user, nonce), content, tag)
    return _crypted(user, nonce, content)


def _seal(user: bytes, plain: bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    content = _crypted(user, nonce, plain)
    return nonce + content + Poly1305.generate_tag(_once(user, nonce), content)


def _crypted(user: bytes, nonce: bytes, data: bytes) -> bytes:
    return Cipher(algorithms.AES(user[:32]), modes.CTR(nonce)).encryptor().update(data)


def _once(user: bytes, nonce: bytes) -> bytes:
    """Return the key of one tag."""
    return user[48:] + Cipher(algorithms.AES(user[32:48]), modes.ECB()).encryptor().update(nonce)
