# SPDX-License-Identifier: GPL-3.0-or-later
"""Foreign clients in a segment of the lab: curl and openssl, and a WebSocket."""

from __future__ import annotations

import base64
import json
import shlex
import subprocess
import typing as t
from dataclasses import dataclass
from pathlib import Path

from tests.support.lab import look_from

Json = dict[str, t.Any]

# No body has these.
_FIELD, _RECORD = "\x1f", "\x1e"
WEBSOCKET = """
import base64, os, socket, sys
address, host, path, text = sys.argv[1:]
with socket.create_connection((address, 80), timeout=5) as connection:
    key = base64.b64encode(os.urandom(16)).decode()
    connection.sendall((f"GET {path} HTTP/1.1\\r\\nHost: {host}\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n"
        f"Sec-WebSocket-Key: {key}\\r\\nSec-WebSocket-Version: 13\\r\\n\\r\\n").encode())
    stream = connection.makefile("rb")
    status = stream.readline().decode().split()[1]
    while stream.readline().strip():
        pass
    if status == "101":
        mask = os.urandom(4)
        data = bytes(byte ^ mask[place % 4] for place, byte in enumerate(text.encode()))
        connection.sendall(bytes((0x81, 0x80 | len(data))) + mask + data)
        print(stream.read(2 + len(text))[2:].decode())
    else:
        print(status)
"""


@dataclass(frozen=True)
class Answer:
    """Status (0: none came), headers in lower case, and the body."""

    status: int
    headers: dict[str, str]
    body: str

    @property
    def told(self) -> Json:
        """What the backend told."""
        return dict(json.loads(self.body))


@dataclass(frozen=True)
class Client:
    """Somebody in *segment* who asks for hosts at *address* and believes the authority in the file *ca*."""

    segment: str
    address: str
    ca: str

    def ask(self, url: str, *options: str) -> Answer:
        """Ask once, as curl does with these options."""
        return self.answers([url], *options)[0]

    def answers(self, urls: t.Sequence[str], *options: str, parallel: int = 1) -> list[Answer]:
        """Ask for all of them with one curl, in turn or side by side."""
        side = ["--parallel", "--parallel-immediate", "--parallel-max", str(parallel)] if parallel > 1 else []
        return self._asked(urls, *options, *side)[0]

    def paced(self, url: str, count: int, per_second: int) -> tuple[list[Answer], float]:
        """Ask *count* times in turn, as often as told; return also how many seconds it took."""
        return self._asked([url] * count, "--rate", f"{per_second}/s")

    def _asked(self, urls: t.Sequence[str], *options: str) -> tuple[list[Answer], float]:
        host = urls[0].split("/")[2]
        ends = f"{_FIELD}%{{http_code}}{_FIELD}%{{header_json}}{_RECORD}"
        command = ["curl", "-sS", "-m", "20", "--cacert", self.ca, "--write-out", ends, *options]
        for port in (80, 443):
            command += ["--resolve", f"{host}:{port}:{self.address}"]
        script = f"date +%s.%N; {shlex.join([*command, *urls])} || true; date +%s.%N"
        began, _newline, told = look_from(self.segment, "sh", "-c", script).partition("\n")
        *records, ended = told.split(_RECORD)
        return [_answer(*text.split(_FIELD)) for text in records], float(ended) - float(began)

    def websocket(self, host: str, path: str, text: str) -> str:
        """Return the text that comes back through a WebSocket, or the status that refused it."""
        return look_from(self.segment, "python3", "-c", WEBSOCKET, self.address, host, path, text).strip()

    def handshake(self, name: str) -> str:
        """Return what openssl says of a handshake that asks for *name*."""
        asked = ["openssl", "s_client", "-connect", f"{self.address}:443", "-servername", name, "-CAfile", self.ca]
        return look_from(
            self.segment, "sh", "-c", f"{shlex.join([*asked, '-verify_return_error'])} < /dev/null 2>&1 || true"
        )


def _answer(body: str, status: str, headers: str) -> Answer:
    found = json.loads(headers or "{}")
    return Answer(int(status), {name.lower(): value[-1] for name, value in found.items()}, body)


def basic(user: str, password: str) -> str:
    """Return the header of RFC 7617."""
    return "Authorization: Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def certificate(folder: Path, *names: str) -> tuple[Path, Path, Path]:
    """Make an authority, and a certificate of it for *names*; return its file, the certificate's and the key's."""
    authority, key, signed, asked = (folder / name for name in ("ca.crt", "tls.key", "tls.crt", "tls.csr"))
    extensions = folder / "extensions"
    extensions.write_text(f"subjectAltName={','.join(f'DNS:{name}' for name in names)}\n")
    new = ["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    _run(*new, "-x509", "-subj", "/CN=Traffic", "-keyout", str(folder / "ca.key"), "-out", str(authority))
    _run(*new[:-2], "-subj", f"/CN={names[0]}", "-keyout", str(key), "-out", str(asked))
    _run(
        "openssl", "x509", "-req", "-days", "2", "-in", str(asked), "-CA", str(authority), "-CAkey",
        str(folder / "ca.key"), "-extfile", str(extensions), "-out", str(signed),
    )  # fmt: skip
    return authority, signed, key


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
