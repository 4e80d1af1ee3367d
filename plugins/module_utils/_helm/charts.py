# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Charts on this machine: their names, versions and digests."""

from __future__ import annotations

import hashlib
import os
import tarfile
import typing as t
from dataclasses import dataclass

from .._kube import documents
from .._kube.errors import KubeError

LABEL_DIGITS = 40
"""A label holds at most 63 characters, one less than a SHA-256 in hexadecimal."""


@dataclass(frozen=True)
class Chart:
    """A chart's name, version and the SHA-256 of its archive or, for a folder, of its files' names and contents.

    definitions tells whether it has a folder crds, its own or a dependency's.
    """

    path: str
    name: str
    version: str
    digest: str
    definitions: bool = False

    @property
    def label(self) -> str:
        """Return the start of the digest, as release records note it."""
        return self.digest[:LABEL_DIGITS]


def read(path: str) -> Chart:
    """Return the chart at *path*, a folder or an archive. Raises KubeError when it is none."""
    path = os.path.abspath(os.path.expanduser(path))
    try:
        digest, text, names = _folder(path) if os.path.isdir(path) else _archive(path)
        metadata = documents.load(text)
        definitions = any("/crds/" in f"/{name}" for name in names)
        return Chart(path, str(metadata["name"]), str(metadata["version"]), digest, definitions)
    except FileNotFoundError as exc:
        raise KubeError(f"Reading chart {path}: {exc.filename} does not exist. Correct the path.") from None
    except (OSError, KeyError, TypeError, ValueError, tarfile.TarError) as exc:
        told = str(exc).partition("\n")[0].rstrip(":")
        raise KubeError(f"Reading chart {path}: it is no chart ({told}). Give a chart's folder or archive.") from exc


def _folder(path: str) -> tuple[str, str, list[str]]:
    digest = hashlib.sha256()
    files = [
        os.path.join(folder, name) for folder, _folders, names in os.walk(path, followlinks=True) for name in names
    ]
    for file in sorted(files):
        with open(file, "rb") as stream:
            content = hashlib.sha256(stream.read()).hexdigest()
        digest.update(f"{os.path.relpath(file, path)}\0{content}\n".encode())
    with open(os.path.join(path, "Chart.yaml"), encoding="utf-8") as stream:
        return digest.hexdigest(), stream.read(), [os.path.relpath(file, path) for file in files]


def _archive(path: str) -> tuple[str, str, list[str]]:
    with open(path, "rb") as stream:
        digest = hashlib.sha256(stream.read()).hexdigest()
    with tarfile.open(path) as archive:
        for member in archive:
            if member.name.count("/") == 1 and member.name.endswith("/Chart.yaml"):
                content: t.Any = archive.extractfile(member)
                return digest, content.read().decode(), archive.getnames()
    raise ValueError("it has no Chart.yaml")
