# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of the controller in which Secrets are kept: one file each, read by its owner alone."""

from __future__ import annotations

import os
import stat
import tempfile
import typing as t

from .._kube.errors import KubeError
from .model import Kept, Wanted, read, write
from .plan import Filed

FOLDER_MODE = 0o700
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Cipher(t.Protocol):
    """What guards the files further than their mode does, where there is a password for it."""

    @property
    def usable(self) -> bool:
        """Tell whether there is a password."""

    def encrypt(self, text: str) -> str:
        """Return *text* encrypted."""

    def is_encrypted(self, text: str) -> bool:
        """Tell whether *text* was encrypted."""

    def decrypt(self, text: str, origin: str) -> str:
        """Return what was encrypted. Raises KubeError naming *origin* where no password fits."""


class Store:
    """One folder of files NAMESPACE.NAME.json."""

    def __init__(self, folder: str, cipher: Cipher) -> None:
        self._folder = folder
        self._cipher = cipher

    def path(self, wanted: Wanted) -> str:
        """Return the file of a Secret."""
        return os.path.join(self._folder, f"{wanted.namespace}.{wanted.name}.json")

    def read(self, wanted: Wanted) -> Filed | None:
        """Return what is kept of a Secret, None when it is nothing. Raises KubeError for what cannot be read."""
        path = self.path(wanted)
        try:
            with open(path, encoding="utf-8") as stream:
                text = stream.read()
                open_to_others = bool(os.fstat(stream.fileno()).st_mode & _OTHERS)
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as exc:
            raise KubeError(f"Reading {path}: {exc}. Let the user who runs Ansible read it.") from exc
        encrypted = self._cipher.is_encrypted(text)
        plain = self._cipher.decrypt(text, path) if encrypted else text
        guarded = not open_to_others and (encrypted or not self._cipher.usable)
        return Filed(read(plain, wanted, path), path, guarded)

    def write(self, wanted: Wanted, kept: Kept) -> None:
        """Keep a Secret, in one step. Raises KubeError when the folder cannot be written to."""
        text = write(kept, wanted)
        try:
            os.makedirs(self._folder, mode=FOLDER_MODE, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=".partial-", dir=self._folder)
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as stream:
                    stream.write(self._cipher.encrypt(text) if self._cipher.usable else text)
                    stream.flush()
                    os.fsync(stream.fileno())
                os.replace(name, self.path(wanted))
            except BaseException:
                os.unlink(name)
                raise
        except OSError as exc:
            raise KubeError(f"Writing {self.path(wanted)}: {exc}. Let the user who runs Ansible write there.") from exc
