# SPDX-License-Identifier: GPL-3.0-or-later
"""What takes how long, said as it happens."""

from __future__ import annotations

import contextlib
import time
import typing as t


class Stages:
    """Prints a line per stage with its seconds."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self._noted = ""

    @contextlib.contextmanager
    def stage(self, name: str) -> t.Iterator[None]:
        """Time a stage; ``note`` inside of it tells what was done."""
        began, self._noted = time.monotonic(), ""
        yield
        print(f"{name:<12} {time.monotonic() - began:6.1f} s  {self._noted}".rstrip(), flush=True)

    def note(self, text: str) -> None:
        """Say in a few words what the stage did."""
        self._noted = text

    @property
    def total(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.began
