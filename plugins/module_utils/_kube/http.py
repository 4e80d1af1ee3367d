# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP to the API server: one kept-alive connection per thread, and bounded retries."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import threading
import time
import typing as t
from dataclasses import dataclass, field

from .errors import Unreachable, is_field_conflict, judged
from .kubeconfig import Endpoint

ATTEMPTS = 6
ATTEMPTS_500 = 3
CONNECT_TIMEOUT_S = 10.0
# The API server gives up a request after a minute by itself.
ANSWER_TIMEOUT_S = 70.0
LONGEST_PAUSE_S = 10.0
PATIENCE_S = 120.0


@dataclass(frozen=True)
class Answer:
    """What came back: HTTP status, lower-case headers and the body."""

    code: int
    headers: t.Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> dict[str, t.Any]:
        """Return the body as a mapping; {} when it is none."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return {"message": self.body[:500].decode("utf-8", "replace").strip()} if self.body else {}
        return value if isinstance(value, dict) else {}


class Stream:
    """An answer that the server goes on writing, on a connection of its own.

    answer has its head, and the body only when the request was refused.
    """

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        """Read the head of the answer. Raises what http.client raises."""
        self._connection = connection
        # http.client forgets the socket of an answer that ends with its connection.
        self._socket = connection.sock
        self._response = connection.getresponse()
        refused = self._response.status >= 300
        self.answer = _answer(self._response, self._response.read() if refused else b"")

    def lines(self) -> t.Iterator[bytes]:
        """Give every whole line, until the server, the network, silence or end() ends the stream.

        All four are told by the end alone: whoever follows a stream takes it up again where it ended.
        """
        try:
            for line in self._response:
                if line.endswith(b"\n"):
                    yield line
        except (OSError, http.client.HTTPException):
            return

    def end(self) -> None:
        """End the stream for the thread that reads it; for any other thread."""
        with contextlib.suppress(OSError):
            # Not the method of SSLSocket, which would take its state away from the reading thread.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """Give the connection back; for the thread that read it."""
        self._response.close()
        self._connection.close()


class Transport(t.Protocol):
    """What the API client needs of HTTP."""

    address: str

    def request(self, method: str, path: str, body: bytes = b"", content_type: str = "") -> Answer:
        """Return the answer to one request. Raises Unreachable when there is none."""

    def stream(self, path: str, silence: float) -> Stream:
        """Return an answer that goes on; it ends after *silence* seconds without a line. Raises Unreachable."""

    def close(self) -> None:
        """Close what is open."""


class HttpTransport:
    """Requests to one endpoint, from any number of threads."""

    def __init__(
        self, endpoint: Endpoint, agent: str, patient: bool = True, sleep: t.Callable[[float], None] = time.sleep
    ) -> None:
        """Speak to *endpoint* as *agent*; unless *patient*, a server that never answered is believed to be away."""
        self.address = endpoint.address
        self._endpoint = endpoint
        self._agent = agent
        self._sleep = sleep
        self._met = patient
        self._local = threading.local()
        self._lock = threading.Lock()
        self._open: set[http.client.HTTPConnection] = set()

    def request(self, method: str, path: str, body: bytes = b"", content_type: str = "") -> Answer:
        """Return the answer, after retries of what passes by itself: cut connections, 429, 5xx, races of writers.

        Every request kube_apply makes may be sent twice: reads, server-side apply, deletion of a given uid.
        """
        end = time.monotonic() + PATIENCE_S
        for attempt in range(1, ATTEMPTS + 1):
            pause = min(0.1 * 2**attempt, LONGEST_PAUSE_S)
            try:
                answer = self._once(method, path, body, content_type)
            except ssl.SSLCertVerificationError as exc:
                raise Unreachable(self.address, f"its certificate is not trusted ({exc.verify_message})") from exc
            except (OSError, http.client.HTTPException) as exc:
                self._drop()
                if attempt == ATTEMPTS or not self._met or _hopeless(exc) or time.monotonic() > end:
                    raise Unreachable(self.address, _reason(exc)) from exc
            else:
                self._met = True
                if attempt == ATTEMPTS or not _passes(method, answer, attempt) or time.monotonic() > end:
                    return answer
                pause = min(told_pause(answer) or pause, LONGEST_PAUSE_S)
            self._sleep(pause)
        raise Unreachable(self.address, "no attempt was made")

    def _once(self, method: str, path: str, body: bytes, content_type: str) -> Answer:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect(ANSWER_TIMEOUT_S)
            with self._lock:
                self._open.add(connection)
        headers = self._headers()
        if content_type:
            headers["Content-Type"] = content_type
        connection.request(method, self._endpoint.prefix + path, body or None, headers)
        response = connection.getresponse()
        content = response.read()
        if response.will_close:
            self._drop()
        return _answer(response, content)

    def stream(self, path: str, silence: float) -> Stream:
        """Return an answer that goes on, on a connection of its own, after one attempt."""
        try:
            connection = self._connect(silence)
            try:
                connection.request("GET", self._endpoint.prefix + path, None, self._headers())
                return Stream(connection)
            except BaseException:
                connection.close()
                raise
        except (OSError, http.client.HTTPException) as exc:
            raise Unreachable(self.address, _reason(exc)) from exc

    def _headers(self) -> dict[str, str]:
        return {"Accept": "application/json", "User-Agent": self._agent, **self._endpoint.headers}

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        end = self._endpoint
        raw = socket.create_connection((end.host, end.port), CONNECT_TIMEOUT_S)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = http.client.HTTPConnection(end.host, end.port)
        if end.context:
            raw = end.context.wrap_socket(raw, server_hostname=end.server_name or end.host)
        raw.settimeout(timeout)
        connection.sock = raw
        # A socket of our own must never be replaced by a plain one behind our back.
        connection.auto_open = 0
        return connection

    def _drop(self) -> None:
        connection = getattr(self._local, "connection", None)
        self._local.connection = None
        if connection is not None:
            connection.close()
            with self._lock:
                self._open.discard(connection)

    def close(self) -> None:
        """Close the connections of all threads, none of which may be using its own any more."""
        with self._lock:
            for connection in self._open:
                connection.close()
            self._open.clear()


def _hopeless(exc: BaseException) -> bool:
    return isinstance(exc, socket.gaierror) and exc.errno != socket.EAI_AGAIN


def _reason(exc: BaseException) -> str:
    if isinstance(exc, socket.gaierror):
        return f"the name cannot be resolved ({exc.strerror})"
    if isinstance(exc, TimeoutError):
        return "no answer in time"
    if isinstance(exc, OSError) and exc.strerror:
        return exc.strerror.lower()
    told = str(exc) or type(exc).__name__
    return told[0].lower() + told[1:]


def _answer(response: http.client.HTTPResponse, content: bytes) -> Answer:
    return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, content)


def _passes(method: str, answer: Answer, attempt: int) -> bool:
    """Return whether the same request may well succeed later."""
    if answer.code in (429, 502, 503, 504):
        return True
    if answer.code == 409:
        return method == "PATCH" and not is_field_conflict(409, answer.json())
    if answer.code != 500:
        return False
    # Most of these are the server's last word, so only those that it calls temporary are worth long patience.
    status = answer.json()
    return "retryAfterSeconds" in (status.get("details") or {}) or (attempt < ATTEMPTS_500 and not judged(status))


def told_pause(answer: Answer) -> float:
    """Return the seconds the server asks to wait before the next attempt, 0 when it does not."""
    told = answer.headers.get("retry-after", "")
    return float(told) if told.isdigit() else 0.0
