# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: parallel downloads that resume, that are verified, and that are never half there.

Bytes gather in ``<sha256>.part``, which a killed run leaves for the next one. Only what has the wanted SHA-256
gets the name ``<sha256>``, so whatever bears that name can be used.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import os
import re
import ssl
import typing as t
import urllib.error
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ansible.module_utils.urls import open_url

from .errors import HostError, explained

_PIECE = 1 << 18
_TRIES = 3
_PARALLEL = 4


@dataclass(frozen=True)
class Fetch:
    """One file to have: for whom, from where in which order, and what its bytes must be."""

    name: str
    urls: tuple[str, ...]
    sha256: str


class _Refused(Exception):
    """A URL that did not give the file; the text is the cause."""

    def __init__(self, cause: str, again: bool = False) -> None:
        super().__init__(cause)
        self.again = again


def fetch_all(fetches: t.Sequence[Fetch], folder: str, timeout: float = 30.0) -> dict[str, str]:
    """Bring all files into a folder; returns their paths by SHA-256.

    ``timeout`` is for one silence of a server, in seconds. Raises HostError for the first file that no URL
    gave, after all others were tried, so that they need not be fetched again.
    """
    unique = {fetch.sha256: fetch for fetch in fetches}
    with ThreadPoolExecutor(max_workers=_PARALLEL) as pool:
        futures = [pool.submit(_fetch, fetch, folder, timeout) for fetch in unique.values()]
    paths = [future.result() for future in futures]
    return {sha256: paths[index] for index, sha256 in enumerate(unique)}


def _fetch(fetch: Fetch, folder: str, timeout: float) -> str:
    path = os.path.join(folder, fetch.sha256)
    if os.path.exists(path) and _sha256(path) == fetch.sha256:
        return path
    causes = []
    for url in fetch.urls:
        try:
            with explained(f"Cannot store the download of {fetch.name} in {folder}"):
                _from_url(url, fetch.sha256, path, timeout)
            return path
        except _Refused as exc:
            causes.append(f"{plain(url)}: {exc}")
    raise HostError(f"Cannot download {fetch.name}", "; ".join(causes), _fix(causes))


def _fix(causes: list[str]) -> str:
    if any("sha256" in cause for cause in causes):
        return "Correct the sha256 wanted for this file, or drop the address that serves other bytes"
    return "Check the addresses and that this host reaches them, then run again; what has arrived is kept"


def plain(url: str) -> str:
    """A URL without the user and password it may carry."""
    return re.sub(r"//[^/@]*@", "//", url)


def _from_url(url: str, sha256: str, path: str, timeout: float) -> None:
    """Complete ``path`` from one URL; a part that turns out to be of something else is thrown away once."""
    part = f"{path}.part"
    for attempt in range(_TRIES):
        resumed = os.path.exists(part) and os.path.getsize(part) > 0
        try:
            _append(url, part, timeout)
        except _Refused as exc:
            if exc.again and attempt + 1 < _TRIES:
                continue
            raise
        found = _sha256(part)
        if found == sha256:
            os.rename(part, path)
            return
        os.unlink(part)
        if not resumed:
            raise _Refused(f"the file has sha256 {found}, wanted is {sha256}")
    raise _Refused(f"the file never had the wanted sha256 {sha256}")


def _append(url: str, part: str, timeout: float) -> None:
    """Ask for what is missing of a part and add it; raises _Refused when the answer ends early or is an error."""
    have = os.path.getsize(part) if os.path.exists(part) else 0
    headers = {**_authorization(url), **({"Range": f"bytes={have}-"} if have else {})}
    try:
        # The bytes as they are: some servers call a .tar.gz gzip-encoded, and half of one cannot be decoded.
        with open_url(
            plain(url), headers=headers, http_agent="atarnet-homelab", timeout=timeout, decompress=False
        ) as response:
            resumes = response.status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
            length = response.headers.get("Content-Length")
            received = _copy(response, part, "ab" if resumes else "wb")
    except urllib.error.HTTPError as exc:
        if exc.code == 416 and have:
            return
        raise _Refused(f"HTTP {exc.code} {exc.reason}") from exc
    except urllib.error.URLError as exc:
        raise _Refused(str(getattr(exc.reason, "strerror", None) or exc.reason)) from exc
    except (http.client.HTTPException, TimeoutError, ConnectionError, ssl.SSLError) as exc:
        raise _Refused(f"the connection broke ({exc or type(exc).__name__})", again=True) from exc
    if length is not None and received < int(length):
        raise _Refused(f"the answer ended after {received} of {length} bytes", again=True)


def _authorization(url: str) -> dict[str, str]:
    """The header for user and password in a URL."""
    parts = urllib.parse.urlsplit(url)
    if parts.username is None:
        return {}
    pair = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _copy(response: t.IO[bytes], part: str, how: str) -> int:
    received = 0
    with open(part, how) as stream:
        for piece in iter(lambda: response.read(_PIECE), b""):
            stream.write(piece)
            received += len(piece)
        stream.flush()
        os.fsync(stream.fileno())
    return received


def _sha256(path: str) -> str:
    value = hashlib.sha256()
    with open(path, "rb") as stream:
        for piece in iter(lambda: stream.read(1 << 20), b""):
            value.update(piece)
    return value.hexdigest()
