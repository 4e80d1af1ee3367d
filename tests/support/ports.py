# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports for what tests start."""

from __future__ import annotations

import contextlib
import random
import socket


def free_ports(count: int) -> list[int]:
    """Return TCP ports of loopback that nobody uses now, and that the kernel gives to nobody who asks for any.

    Raises RuntimeError where there are not enough.
    """
    found: list[int] = []
    with contextlib.ExitStack() as held:
        for port in random.sample(range(10_000, 32_768), 100):
            listener = held.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                listener.bind(("127.0.0.1", port))
                found.append(port)
            if len(found) == count:
                return found
    raise RuntimeError(f"Looking for {count} free ports: of 100 that were tried, {len(found)} are")
