# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP as the lab uses it: probes of its own servers, and verified downloads."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from lab import files
from lab.errors import LabError

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def answers(url: str, timeout: float = 2) -> bool:
    """Tell whether a server of this machine answers ``url`` with 200, or at all with tcp://; no proxy is asked."""
    parts = urlsplit(url)
    try:
        if parts.scheme == "tcp":
            socket.create_connection((parts.hostname, parts.port), timeout=timeout).close()
            return True
        with _DIRECT.open(url, timeout=timeout) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def reachable(url: str, timeout: float) -> bool:
    """Tell whether a HEAD request gets any answer of a server within ``timeout`` seconds."""
    request = urllib.request.Request(url, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=timeout):
            return True
    except urllib.error.HTTPError as error:
        # A registry asks for a token; a proxy in between that refuses is no server of upstream's.
        return error.code == 401
    except OSError:
        return False


def download(url: str, target: Path, sha256: str) -> None:
    """Fetch ``url`` to ``target``, which appears only when its content has this sha256."""
    target.parent.mkdir(parents=True, exist_ok=True)
    attempted = f"Downloading {url}"
    handle, name = tempfile.mkstemp(prefix=files.PARTIAL, dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as stream, urllib.request.urlopen(url, timeout=60) as response:
            shutil.copyfileobj(response, stream, 1 << 20)
        with open(name, "rb") as content:
            found = hashlib.file_digest(content, "sha256").hexdigest()
        if found != sha256:
            cause = f"its sha256 is {found}, pinned is {sha256}"
            raise LabError(attempted, cause, "Find out why the file differs; do not change the pin to make it fit.")
        os.replace(name, target)
    except OSError as error:
        raise LabError(attempted, str(error), "Check the network, or use SUPPLY=build.") from error
    finally:
        Path(name).unlink(missing_ok=True)
