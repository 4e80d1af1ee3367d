# SPDX-License-Identifier: GPL-3.0-or-later
"""The line that is redrawn never mixes with what is printed, and ends when it is told to."""

from __future__ import annotations

import os
import signal
import threading
import time
import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._progress.line import ERASE, PERIOD, LiveLine


class Terminal:
    """A terminal that remembers what was written, and when the line was drawn."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.drawn: list[float] = []

    def write(self, text: str) -> None:
        self.written.append(text)
        self.drawn.append(time.monotonic())

    def until(self, what: t.Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10
        while not what():
            assert time.monotonic() < deadline, self.written
            time.sleep(0.01)


def test_drawn_when_it_differs_and_erased_around_what_is_printed() -> None:
    terminal, text = Terminal(), ["one"]
    line = LiveLine(lambda: text[0], terminal.write)
    display = line.above(terminal.written.append)
    line.start()
    terminal.until(lambda: terminal.written == [ERASE + "one"])
    time.sleep(3 * PERIOD)
    display("a warning")
    assert terminal.written[:3] == [ERASE + "one", ERASE, "a warning"]
    terminal.until(lambda: len(terminal.written) == 4)
    text[0] = "two"
    terminal.until(lambda: len(terminal.written) == 5)
    line.stop()
    assert terminal.written[3:] == [ERASE + "one", ERASE + "two", ERASE]
    assert not [thread for thread in threading.enumerate() if thread.name == "progress line"]


def test_ten_times_a_second_at_most() -> None:
    terminal = Terminal()
    line = LiveLine(lambda: str(time.monotonic()), terminal.write)
    line.start()
    terminal.until(lambda: len(terminal.drawn) == 6)
    line.stop()
    assert min(later - sooner for sooner, later in zip(terminal.drawn[:6], terminal.drawn[1:6])) > PERIOD * 0.8


def test_hidden_while_something_is_asked() -> None:
    terminal = Terminal()
    line = LiveLine(lambda: "one", terminal.write)
    line.start()
    terminal.until(lambda: bool(terminal.written))
    line.hide(True)
    time.sleep(3 * PERIOD)
    assert terminal.written == [ERASE + "one", ERASE]
    line.hide(False)
    terminal.until(lambda: len(terminal.written) == 3)
    line.stop()


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_worker_that_was_forked_while_the_line_was_drawn_prints_all_the_same() -> None:
    drawing, go_on = threading.Event(), threading.Event()

    def write(text: str) -> None:
        drawing.set()
        go_on.wait(10)

    printed: list[str] = []
    line = LiveLine(lambda: "one", write)
    display = line.above(printed.append)
    line.start()
    assert drawing.wait(10)
    child = os.fork()
    if child == 0:
        signal.alarm(5)
        display("from a worker")
        os._exit(0 if printed == ["from a worker"] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    go_on.set()
    line.stop()
