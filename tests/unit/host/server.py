# SPDX-License-Identifier: GPL-3.0-or-later
"""A small web server with the faults that real ones have."""

from __future__ import annotations

import threading
import typing as t
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Mirror:
    """Serves ``files`` by path; ``cut`` ends the first answers early, ``ranges`` tells whether it can resume."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cut: dict[str, list[int]] = {}
        self.ranges = True
        self.encoding = ""
        self.requests: list[tuple[str, str | None]] = []
        self.barrier: threading.Barrier | None = None
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mirror._answer(self)

            def log_message(self, *_args: t.Any) -> None:
                """Keep the output of the tests clean."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def url(self, path: str) -> str:
        """The address of a file."""
        return f"http://127.0.0.1:{self._server.server_port}{path}"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range")
        self.requests.append((request.path, wanted))
        if self.barrier:
            self.barrier.wait(timeout=5)
        data = self.files.get(request.path)
        if data is None:
            request.send_error(404)
            return
        start = int(wanted.split("=")[1].rstrip("-")) if wanted and self.ranges else 0
        if start and start >= len(data):
            request.send_error(416)
            return
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        body = data[start:]
        if self.encoding:
            request.send_header("Content-Encoding", self.encoding)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        cuts = self.cut.get(request.path, [])
        request.wfile.write(body[: cuts.pop(0)] if cuts else body)
