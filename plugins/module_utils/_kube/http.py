# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP to the API server: one kept-alive connection per thread, and bounded retries."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import time
import typing as t
from dataclasses import dataclass, field

from .errors import Unreachable, is_field_conflict
from .kubeconfig import Endpoint

ATTEMPTS = 6
CONNECT_TIMEOUT_S = 10.0
ANSWER_TIMEOUT_S = 90.0
LONGEST_PAUSE_S = 10.0


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


class Transport(t.Protocol):
    """What the API client needs of HTTP."""

    address: str

    def request(self, method: str, path: str, body: bytes = b"", content_type: str = "") -> Answer:
        """Return the answer to one request. Raises Unreachable when there is none."""


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

    def request(self, method: str, path: str, body: bytes = b"", content_type: str = "") -> Answer:
        """Return the answer, after retries of what passes by itself: cut connections, 429, 5xx, races of writers.

        Every request kube_apply makes may be sent twice: reads, server-side apply, deletion of a given uid.
        """
        for attempt in range(1, ATTEMPTS + 1):
            pause = min(0.1 * 2**attempt, LONGEST_PAUSE_S)
            try:
                answer = self._once(method, path, body, content_type)
            except ssl.SSLCertVerificationError as exc:
                raise Unreachable(self.address, f"its certificate is not trusted ({exc.verify_message})") from exc
            except (OSError, http.client.HTTPException) as exc:
                self._drop()
                if attempt == ATTEMPTS or not self._met or _hopeless(exc):
                    raise Unreachable(self.address, _reason(exc)) from exc
            else:
                self._met = True
                if attempt == ATTEMPTS or not _passes(method, answer):
                    return answer
                pause = _told_pause(answer, pause)
            self._sleep(pause)
        raise Unreachable(self.address, "no attempt was made")

    def _once(self, method: str, path: str, body: bytes, content_type: str) -> Answer:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect()
        headers = {"Accept": "application/json", "User-Agent": self._agent, **self._endpoint.headers}
        if content_type:
            headers["Content-Type"] = content_type
        connection.request(method, self._endpoint.prefix + path, body or None, headers)
        response = connection.getresponse()
        content = response.read()
        if response.will_close:
            self._drop()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, content)

    def _connect(self) -> http.client.HTTPConnection:
        end = self._endpoint
        raw = socket.create_connection((end.host, end.port), CONNECT_TIMEOUT_S)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = http.client.HTTPConnection(end.host, end.port)
        if end.context:
            raw = end.context.wrap_socket(raw, server_hostname=end.server_name or end.host)
        raw.settimeout(ANSWER_TIMEOUT_S)
        connection.sock = raw
        # A socket of our own must never be replaced by a plain one behind our back.
        connection.auto_open = 0
        return connection

    def _drop(self) -> None:
        connection = getattr(self._local, "connection", None)
        self._local.connection = None
        if connection is not None:
            connection.close()


def _hopeless(exc: BaseException) -> bool:
    return isinstance(exc, socket.gaierror) and exc.errno != socket.EAI_AGAIN


def _reason(exc: BaseException) -> str:
    if isinstance(exc, socket.gaierror):
        return f"the name cannot be resolved ({exc.strerror})"
    if isinstance(exc, TimeoutError):
        return "no answer in time"
    if isinstance(exc, OSError) and exc.strerror:
        return exc.strerror.lower()
    return str(exc) or type(exc).__name__


def _passes(method: str, answer: Answer) -> bool:
    """Return whether the same request may well succeed later."""
    if answer.code in (429, 502, 503, 504):
        return True
    if answer.code == 409:
        return method == "PATCH" and not is_field_conflict(409, answer.json())
    return answer.code == 500 and "retryAfterSeconds" in (answer.json().get("details") or {})


def _told_pause(answer: Answer, pause: float) -> float:
    told = answer.headers.get("retry-after", "")
    return min(float(told), LONGEST_PAUSE_S) if told.isdigit() else pause
