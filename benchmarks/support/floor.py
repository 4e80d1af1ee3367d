# SPDX-License-Identifier: GPL-3.0-or-later
"""The least that has to be done: ready-made requests over eight kept-alive connections.

Run with the path of a JSON file {host, port, token, authority, requests: [[method, path, body]]}; prints the
seconds from opening the first connection to the last answer.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import sys
import threading
import time
from collections import deque
from pathlib import Path

CONNECTIONS = 8


def main(job_path: str) -> None:
    """Send all requests and print how long that took; ends with an error when one was refused."""
    job = json.loads(Path(job_path).read_text(encoding="utf-8"))
    context = ssl.create_default_context(cafile=job["authority"])
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    headers = {"Authorization": f"Bearer {job['token']}", "Content-Type": "application/apply-patch+yaml"}
    waiting = deque((method, path, body.encode() or None) for method, path, body in job["requests"])
    refused: list[str] = []

    def work() -> None:
        connection = http.client.HTTPSConnection(job["host"], job["port"], context=context)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            try:
                method, path, body = waiting.popleft()
            except IndexError:
                return
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            if answer.status >= 300:
                refused.append(f"{method} {path}: {answer.status} {content[:300]!r}")

    threads = [threading.Thread(target=work) for _number in range(min(CONNECTIONS, len(waiting)))]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - start
    if refused or waiting:
        sys.exit("\n".join(refused[:5]) or f"{len(waiting)} requests were not sent")
    print(took)


if __name__ == "__main__":
    main(sys.argv[1])
