# SPDX-License-Identifier: GPL-3.0-or-later
"""What passes by itself is tried again, what does not is told at once: against a server that misbehaves."""

from __future__ import annotations

import http.server
import json
import socket
import threading
import time
import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._kube import http as kube_http
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.api import Api
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.errors import ApiError, Unreachable
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.kubeconfig import Endpoint
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.model import Ref

CUT = (0, {}, {})
FINE = (200, {}, {"metadata": {"name": "a"}, "items": []})
Script = list[tuple[int, dict[str, str], dict[str, t.Any]]]


class Misbehaving:
    """An HTTP server that gives scripted answers in turn, and notes the requests."""

    def __init__(self, script: Script) -> None:
        self.seen: list[str] = []
        outer, left = self, list(script)

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                outer.seen.append(f"{self.command} {self.path}")
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                code, headers, body = left.pop(0) if left else FINE
                if not code:
                    self.close_connection = True
                    return
                content = json.dumps(body).encode()
                self.send_response(code)
                for name, value in {**headers, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_PATCH = do_DELETE = answer

            def log_message(self, format: str, *args: t.Any) -> None:
                """Say nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """End the server."""
        self.server.shutdown()
        self.server.server_close()


REF = Ref("v1", "ConfigMap", "n", "a")
CONFLICT = {"reason": "Conflict", "message": "the object has been modified"}
FIELD_CONFLICT = {
    "reason": "Conflict",
    "details": {
        "causes": [
            {"reason": "FieldManagerConflict", "field": ".data.k", "message": 'conflict with "kubectl" using v1'}
        ]
    },
}
TOO_LARGE = {"message": "etcdserver: request is too large"}
WEBHOOK = {"message": 'failed calling webhook "x.test": connection refused'}

# what: (answers, what is done, requests made, seconds slept before the last one, code of the error)
CASES: dict[str, tuple[Script, str, int, float, int]] = {
    "a cut connection": ([CUT], "get", 2, 0.2, 0),
    "two cut connections while writing": ([CUT, CUT], "apply", 3, 0.4, 0),
    "throttled": ([(429, {"Retry-After": "3"}, {})], "apply", 2, 3.0, 0),
    "throttled for too long": ([(429, {"Retry-After": "900"}, {})], "get", 2, 10.0, 0),
    "a slip of the server": ([(500, {}, {"message": "etcdserver: leader changed"})], "apply", 2, 0.2, 0),
    "a slip of the server for good": ([(500, {}, {})] * 9, "get", kube_http.ATTEMPTS_500, 0.4, 500),
    "a judgement of the server": ([(500, {}, TOO_LARGE)], "apply", 1, 0.0, 500),
    "unavailable": ([(503, {}, {})], "get", 2, 0.2, 0),
    "a race of writers": ([(409, {}, CONFLICT)], "apply", 2, 0.2, 0),
    "a conflict of owners": ([(409, {}, FIELD_CONFLICT)], "apply", 1, 0.0, 409),
    "a deletion that was overtaken": ([(409, {}, CONFLICT)], "delete", 1, 0.0, 409),
    "already deleted": ([(404, {}, {})], "delete", 1, 0.0, 0),
    "a webhook that starts": ([(500, {}, WEBHOOK)], "apply", 2, 1.0, 0),
    "a webhook that a check meets": ([(500, {}, WEBHOOK)], "ask", 1, 0.0, 500),
    "a list that expired": (
        [(200, {}, {"metadata": {"continue": "x"}, "items": [{}]}), (410, {}, {})],
        "list",
        3,
        0.0,
        0,
    ),
    "unavailable for good": ([(503, {}, {})] * 9, "get", kube_http.ATTEMPTS, 3.2, 503),
}


@pytest.mark.parametrize("case", CASES)
def test_retries(case: str) -> None:
    script, what, requests, slept, code = CASES[case]
    server, pauses = Misbehaving(script), []
    try:
        transport = kube_http.HttpTransport(
            Endpoint("127.0.0.1", server.server.server_port), "test", sleep=pauses.append
        )
        api = Api(transport, "m", sleep=pauses.append)
        act = {
            "get": lambda: api.get(REF),
            "list": lambda: api.list_all(REF),
            "apply": lambda: api.apply(REF, {}),
            "ask": lambda: api.apply(REF, {}, dry_run=True),
            "delete": lambda: api.delete(REF, "uid"),
        }[what]
        if code:
            with pytest.raises(ApiError) as caught:
                act()
            assert caught.value.code == code
        else:
            act()
    finally:
        server.close()
    assert (len(server.seen), round(pauses[-1], 3) if pauses else 0.0) == (requests, slept)


def test_nobody_answers() -> None:
    server = Misbehaving([])
    port = server.server.server_port
    server.close()
    for patient, naps in ((True, kube_http.ATTEMPTS - 1), (False, 0)):
        pauses: list[float] = []
        transport = kube_http.HttpTransport(Endpoint("127.0.0.1", port), "test", patient, pauses.append)
        with pytest.raises(Unreachable) as caught:
            transport.request("GET", "/api")
        assert len(pauses) == naps
        assert str(caught.value) == (
            f"Connecting to the Kubernetes API http://127.0.0.1:{port}: connection refused. "
            "Check that the API server runs and that the kubeconfig names its address."
        )


def test_one_connection_serves_many_requests() -> None:
    server, made = Misbehaving([]), []
    try:
        transport = kube_http.HttpTransport(Endpoint("127.0.0.1", server.server.server_port), "test")
        connect = transport._connect
        transport._connect = lambda timeout: made.append(1) or connect(timeout)  # type: ignore[method-assign,func-returns-value]
        for _request in range(5):
            transport.request("GET", "/api")
        connection = transport._local.connection
        assert connection.sock is not None
        transport.close()
        assert connection.sock is None
    finally:
        server.close()
    assert (len(made), len(server.seen)) == (1, 5)


def test_a_stream_ends_for_its_reader_when_another_thread_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        endpoint = Endpoint("127.0.0.1", listener.getsockname()[1])
        transport = kube_http.HttpTransport(endpoint, "test")

        def serve() -> None:
            connection, _address = listener.accept()
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\none\ntw\r\n")
            connection.recv(4096)
            connection.close()

        server = threading.Thread(target=serve)
        server.start()
        stream = transport.stream("/watch", 30.0)
        threading.Timer(0.2, stream.end).start()
        started = time.monotonic()
        assert list(stream.lines()) == [b"one\n"]
        assert time.monotonic() - started < 5
        stream.close()
        # The server's side of the connection ends too: nothing is leaked.
        server.join(5)
        assert not server.is_alive()


def test_a_silent_stream_ends_by_itself() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        transport = kube_http.HttpTransport(Endpoint("127.0.0.1", listener.getsockname()[1]), "test")

        def serve() -> None:
            connection, _address = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                connection.recv(4096)

        server = threading.Thread(target=serve)
        server.start()
        stream = transport.stream("/watch", 0.2)
        assert list(stream.lines()) == []
        stream.close()
        server.join(5)


def test_a_stream_that_is_refused_has_its_reason() -> None:
    server = Misbehaving([(410, {}, {"message": "too old"})])
    try:
        stream = kube_http.HttpTransport(Endpoint("127.0.0.1", server.server.server_port), "test").stream("/w", 5.0)
    finally:
        server.close()
    assert (stream.answer.code, stream.answer.json()) == (410, {"message": "too old"})
    stream.close()
