# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are either whole or not there, content keys and locks."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import typing as t
from pathlib import Path

PARTIAL = ".partial-"


def write(path: Path, content: str | bytes, mode: int = 0o644) -> None:
    """Replace ``path`` in one step by a file with this content and mode."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=PARTIAL, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content.encode() if isinstance(content, str) else content)
        os.chmod(name, mode)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def point(link: Path, target: Path | str) -> None:
    """Make ``link`` a symbolic link to ``target`` in one step."""
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.is_symlink() and os.readlink(link) == str(target):
        return
    fresh = link.with_name(f"{PARTIAL}{os.getpid()}-{link.name}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    os.replace(fresh, link)


@contextlib.contextmanager
def published(target: Path) -> t.Iterator[Path]:
    """Give a folder to fill that becomes ``target`` in one step when the block ends well."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=target.parent))
    try:
        yield partial
        partial.chmod(0o755)
        if target.exists():
            shutil.rmtree(target)
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Remove what killed runs left half-written directly in ``folder`` (the caller holds its lock)."""
    for left in folder.glob(f"{PARTIAL}*"):
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def key_of(*parts: t.Any) -> str:
    """Return a short content key (16 hexadecimal digits) of JSON-able parts."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def digests_below(folder: Path) -> dict[str, str]:
    """Map the relative path of every file below ``folder`` to its sha256."""
    return {
        str(path.relative_to(folder)): sha256_of(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(PARTIAL)
    }


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file as 64 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_of_bytes(content: bytes) -> str:
    """Return the sha256 of bytes as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


@contextlib.contextmanager
def locked(path: Path, waiting_for: str) -> t.Iterator[None]:
    """Hold an exclusive lock on ``path``; say once what is waited for when another process has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"waiting for {waiting_for}", flush=True)
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield
