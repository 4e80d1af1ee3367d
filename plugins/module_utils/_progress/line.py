# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A line on the terminal that is redrawn in place while other lines are printed above it."""

from __future__ import annotations

import functools
import os
import threading
import typing as t

PERIOD = 0.1
ERASE = "\r\x1b[K"


class LiveLine:
    """Draws what text() returns whenever it differs, at most once in PERIOD seconds, until stop().

    write prints on the terminal at once. One thread draws; text() is called in it and must only read.
    """

    def __init__(self, text: t.Callable[[], str], write: t.Callable[[str], None]) -> None:
        self._text = text
        self._write = write
        self._lock = threading.RLock()
        self._drawn = ""
        self._hidden = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="progress line", daemon=True)
        self._process = os.getpid()

    def start(self) -> None:
        """Begin to draw."""
        self._thread.start()

    def stop(self) -> None:
        """End for good, with the line erased."""
        self._stop.set()
        self._thread.join()
        self._erase()

    def hide(self, hidden: bool) -> None:
        """Leave the terminal to somebody else, such as a prompt, or draw again."""
        with self._lock:
            self._hidden = hidden
            self._erase()

    def above(self, display: t.Callable[..., None]) -> t.Callable[..., None]:
        """Return display as a function that does not print into the line."""

        @functools.wraps(display)
        def displayed(*args: t.Any, **kwargs: t.Any) -> None:
            # A worker process was forked with our lock in any state, and has no terminal.
            if os.getpid() != self._process:
                display(*args, **kwargs)
                return
            with self._lock:
                self._erase()
                display(*args, **kwargs)

        return displayed

    def _run(self) -> None:
        while not self._stop.wait(PERIOD):
            with self._lock:
                text = "" if self._hidden else self._text()
                if text != self._drawn:
                    self._write(ERASE + text)
                    self._drawn = text

    def _erase(self) -> None:
        with self._lock:
            if self._drawn:
                self._write(ERASE)
                self._drawn = ""
