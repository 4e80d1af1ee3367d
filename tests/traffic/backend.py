# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands behind the routes: tells what it was asked, takes WebSockets, and says who may pass. Runs in a pod."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Handler(BaseHTTPRequestHandler):
    """Answers with its own name, the path and the headers that came."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.headers.get("Upgrade", "").lower() == "websocket":
            self._websocket()
        elif self.path.startswith("/auth"):
            allowed = self.headers.get("X-Ticket") == "good"
            self._answer(200 if allowed else 401, {"user": "anna"}, {"X-Auth-User": "anna"} if allowed else {})
        elif self.path.startswith("/slow"):
            time.sleep(5)
            self._answer(200, {})
        else:
            self._answer(
                200, {"path": self.path, "headers": {key.lower(): value for key, value in self.headers.items()}}
            )

    def do_POST(self) -> None:
        size = len(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        self._answer(200, {"size": size})

    def _answer(self, code: int, told: dict[str, object], headers: dict[str, str] | None = None) -> None:
        body = json.dumps({"name": os.environ["NAME"], "pod": os.environ["HOSTNAME"], **told}).encode()
        self.send_response(code)
        for key, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)

    def _websocket(self) -> None:
        """RFC 6455: accept, and give one short text frame back."""
        key = base64.b64encode(hashlib.sha1((self.headers["Sec-WebSocket-Key"] + _GUID).encode()).digest()).decode()
        self.send_response(101)
        for name, value in (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", key)):
            self.send_header(name, value)
        self.end_headers()
        length = self.rfile.read(2)[1] & 0x7F
        mask, data = self.rfile.read(4), self.rfile.read(length)
        text = bytes(byte ^ mask[place % 4] for place, byte in enumerate(data))
        self.wfile.write(bytes((0x81, len(text))) + text)
        self.close_connection = True

    def log_message(self, *_args: object) -> None:
        """Nobody reads it."""


def main() -> None:
    """Serve until told to stop, then the requests that are under way to their end."""
    server = ThreadingHTTPServer(("", 8080), Handler)
    server.daemon_threads = False

    def stop(_number: int, _frame: object) -> None:
        # New requests still come until everybody knows that it goes.
        threading.Timer(3, server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    threading.Thread(target=server.serve_forever).start()


if __name__ == "__main__":
    sys.exit(main())
