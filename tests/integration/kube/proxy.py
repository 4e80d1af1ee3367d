# SPDX-License-Identifier: GPL-3.0-or-later
"""A reverse proxy in front of the real API server that does wrong what a network and a busy server do wrong."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import json
import re
import socket
import ssl
import threading
import time
import typing as t
from dataclasses import dataclass, field

# How a connection is cut: before the server sees the request, after it has acted but before it is told, in the middle
# of the answer, or silently after the answer, as an idle connection is.
REQUEST, ANSWER, BODY, IDLE = "request", "answer", "body", "idle"
_OF_ONE_CONNECTION = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "host"})


def status(code: int, reason: str, message: str) -> bytes:
    """Return the body of a refusal as the API server writes it."""
    return json.dumps({"kind": "Status", "code": code, "reason": reason, "message": message}).encode()


RACE = status(409, "Conflict", "the object has been modified")
EXPIRED = status(410, "Expired", "too old resource version")
SLIP = status(500, "InternalError", "etcdserver: leader changed")


@dataclass
class Fault:
    """What goes wrong with requests whose "METHOD path" *match* finds, *times* times after *passing* were let pass.

    status answers in the server's place with headers and body; cut cuts the connection; delay, in seconds, comes first.
    """

    match: str
    times: int = 1
    passing: int = 0
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    cut: str = ""
    delay: float = 0.0


class Proxy:
    """Forwards to one TLS server on loopback. seen has every request line, struck those that met a fault."""

    def __init__(self, port: int, context: ssl.SSLContext, own: ssl.SSLContext | None) -> None:
        """Forward to *port*, trusted by *context*; speak TLS with *own*, plain HTTP without."""
        self.seen: list[str] = []
        self.struck: list[str] = []
        self.faults: list[Fault] = []
        self._upstream = (port, context)
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        outer = self

        class Handler(_Handler):
            proxy = outer

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if own:
            self._server.socket = own.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def ask(self) -> http.client.HTTPSConnection:
        """Return a new connection to the server."""
        port, context = self._upstream
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=60)
        connection.connect()
        with self._lock:
            self._open.add(connection.sock)
        return connection

    def close(self) -> None:
        """End the proxy and its connections to the server: a watch that nobody reads holds up the server's own end."""
        with self._lock:
            for upstream in self._open:
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(upstream, socket.SHUT_RDWR)
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def fault_for(self, line: str) -> Fault | None:
        """Return what goes wrong with this request, and count it."""
        with self._lock:
            self.seen.append(line)
            for fault in self.faults:
                if not fault.times or not re.search(fault.match, line):
                    continue
                if fault.passing:
                    fault.passing -= 1
                    continue
                fault.times -= 1
                self.struck.append(line)
                return fault
        return None


class _Handler(http.server.BaseHTTPRequestHandler):
    """One connection of a client, with one of its own to the server."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    proxy: Proxy
    _server: http.client.HTTPSConnection | None = None

    def _forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.proxy.fault_for(f"{self.command} {self.path}") or Fault("")
        time.sleep(fault.delay)
        if fault.cut == REQUEST:
            self.close_connection = True
        elif fault.status:
            self._reply(fault.status, fault.headers, fault.body)
        else:
            self._pass_on(body, fault.cut)

    do_GET = do_PATCH = do_DELETE = do_POST = _forward

    def _pass_on(self, body: bytes, cut: str) -> None:
        answer = self._ask(body)
        headers = {name: value for name, value in answer.getheaders() if name.lower() not in _OF_ONE_CONNECTION}
        if "watch=true" in self.path and answer.status == 200:
            self._stream(answer, headers, cut)
            return
        content = answer.read()
        if cut != ANSWER:
            self._reply(answer.status, headers, content, len(content) // 2 if cut == BODY else len(content))
        if cut:
            self.close_connection = True

    def _ask(self, body: bytes) -> http.client.HTTPResponse:
        if self._server is None:
            self._server = self.proxy.ask()
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _OF_ONE_CONNECTION}
        self._server.request(self.command, self.path, body or None, headers)
        return self._server.getresponse()

    def _reply(self, status: int, headers: dict[str, str], content: bytes, sent: int | None = None) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content[:sent])

    def _stream(self, answer: http.client.HTTPResponse, headers: dict[str, str], cut: str) -> None:
        """Pass each line on as it comes; a cut comes before the first one, or after half of it."""
        self.send_response(answer.status)
        for name, value in {**headers, "Transfer-Encoding": "chunked"}.items():
            self.send_header(name, value)
        self.end_headers()
        self.close_connection = True
        # A watch that goes on has to end with the connection of the client, and the server's end is its own.
        with contextlib.closing(t.cast(http.client.HTTPSConnection, self._server)), contextlib.suppress(OSError):
            if cut == ANSWER:
                return
            for line in answer:
                part = line[: len(line) // 2] if cut == BODY else line
                self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
                if cut == BODY:
                    return
            self.wfile.write(b"0\r\n\r\n")

    def finish(self) -> None:
        """Close both connections."""
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        super().finish()
        if self._server is not None:
            self._server.close()

    def handle(self) -> None:
        """Serve until the client is gone, however it goes."""
        with contextlib.suppress(OSError):
            super().handle()

    def log_message(self, format: str, *args: t.Any) -> None:
        """Say nothing."""
