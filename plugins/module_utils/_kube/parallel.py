# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same request for many objects, a few at a time."""

from __future__ import annotations

import threading
import typing as t
from concurrent.futures import ThreadPoolExecutor

from .errors import KubeError, Unreachable

CONNECTIONS = 8
START_S = 10.0
TOLD = 5

Item = t.TypeVar("Item")
Result = t.TypeVar("Result")


class Pool:
    """Threads that live as long as one task, so that each keeps its connection from one step to the next."""

    def __init__(self) -> None:
        self._executor: ThreadPoolExecutor | None = None

    def each(
        self, act: t.Callable[[Item], Result], items: t.Iterable[Item]
    ) -> tuple[list[tuple[Item, Result]], list[KubeError]]:
        """Return (item, result) of those that worked, in the order given, and the errors of those that did not.

        Any exception but KubeError is raised after all have ended.
        """
        items = list(items)
        done: list[tuple[Item, Result]] = []
        errors: list[KubeError] = []
        for item, outcome in zip(items, self._outcomes(act, items)):
            try:
                done.append((item, outcome()))
            except KubeError as exc:
                errors.append(exc)
        return done, errors

    def _outcomes(self, act: t.Callable[[Item], Result], items: list[Item]) -> list[t.Callable[[], Result]]:
        if len(items) <= 1:
            return [lambda: act(items[0])] if items else []
        if self._executor is None:
            self._executor = _started()
        return [future.result for future in [self._executor.submit(act, item) for item in items]]

    def close(self) -> None:
        """End the threads."""
        if self._executor is not None:
            self._executor.shutdown()


def _started() -> ThreadPoolExecutor:
    """Return an executor all of whose threads run.

    Started one by one they may be fewer than the work: an executor counts a thread as idle that has just taken
    something, starts none, and leaves the next to wait for whoever ends first, which of watches may be minutes later.
    """
    executor, all_run = ThreadPoolExecutor(CONNECTIONS), threading.Barrier(CONNECTIONS, timeout=START_S)
    for _thread in range(CONNECTIONS):
        executor.submit(all_run.wait)
    return executor


def raise_first(errors: list[KubeError]) -> None:
    """Raise the one error, or one that tells of the first few; nothing when there is none.

    When no server answered any of them, one Unreachable says it all.
    """
    if len(errors) == 1 or (errors and all(isinstance(error, Unreachable) for error in errors)):
        raise errors[0]
    if errors:
        lines = [str(error) for error in errors[:TOLD]]
        if len(errors) > TOLD:
            lines.append(f"... and {len(errors) - TOLD} more")
        raise KubeError("\n".join(lines))
