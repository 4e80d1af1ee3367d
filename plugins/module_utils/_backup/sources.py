# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make volumes readable as they were at one moment, each by its method, and take that back."""

from __future__ import annotations

import contextlib
import os
import typing as t

from .._host.errors import HostError
from . import btrfs, freezer
from .journal import SUBVOLUME, THAW, Journal, undo
from .model import AS_IS, BTRFS, FREEZE, Json
from .plan import Step
from .pods import Pods


class Source(t.Protocol):
    """One way to have volumes of one moment. Another method is another class, and a line in ``_SOURCES``."""

    def open(self, steps: t.Sequence[Step], failed: dict[str, str]) -> dict[str, str]:
        """Return the folders to read by volume; those that have none are told in *failed* with the reason."""

    def close(self) -> None:
        """Take back what was done, in any state of it. Raises HostError."""


class AsItIs:
    """Nothing is done: what changes meanwhile is told afterwards."""

    def open(self, steps: t.Sequence[Step], failed: dict[str, str]) -> dict[str, str]:
        return {step.volume.name: step.real for step in steps}

    def close(self) -> None:
        return


class Snapshots:
    """One snapshot for all volumes of a subvolume."""

    def __init__(self, journal: Journal, pods: Pods) -> None:
        self._journal = journal
        self._made: list[Json] = []

    def open(self, steps: t.Sequence[Step], failed: dict[str, str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for number, subvolume in enumerate(sorted({step.subvolume for step in steps})):
            own = [step for step in steps if step.subvolume == subvolume]
            target = os.path.join(own[0].beside, btrfs.FOLDER, f"{os.getpid()}-{number}")
            try:
                self._made.append(self._journal.add(SUBVOLUME, path=target))
                btrfs.snapshot(subvolume, target)
            except HostError as exc:
                failed.update({step.volume.name: str(exc) for step in own})
                continue
            for step in own:
                inner = os.path.relpath(step.real, subvolume)
                found[step.volume.name] = target if inner == "." else f"{target}/{inner}"
        return found

    def close(self) -> None:
        _undo(self._journal, self._made)


class Frozen:
    """Pods stand still while they are read."""

    def __init__(self, journal: Journal, pods: Pods) -> None:
        self._journal, self._pods = journal, pods
        self._made: list[Json] = []

    def open(self, steps: t.Sequence[Step], failed: dict[str, str]) -> dict[str, str]:
        found = {}
        for step, hook in ((one, one.volume.hook) for one in steps if one.volume.hook):
            try:
                cgroup = self._pods.cgroup(step.volume.namespace, hook)
                self._made.append(self._journal.add(THAW, cgroup=cgroup))
                freezer.freeze(cgroup)
                found[step.volume.name] = step.real
            except HostError as exc:
                failed[step.volume.name] = str(exc)
        return found

    def close(self) -> None:
        _undo(self._journal, self._made)


_SOURCES: dict[str, t.Callable[[Journal, Pods], Source]] = {
    BTRFS: Snapshots,
    AS_IS: lambda _journal, _pods: AsItIs(),
    # Last: nothing waits for others while its pod stands still.
    FREEZE: Frozen,
}


@contextlib.contextmanager
def opened(steps: t.Sequence[Step], journal: Journal, pods: Pods, failed: dict[str, str]) -> t.Iterator[dict[str, str]]:
    """Give the folders to read by volume, and take everything back. Raises HostError when that cannot be done."""
    found: dict[str, str] = {}
    with contextlib.ExitStack() as stack:
        for method, make in _SOURCES.items():
            own = [step for step in steps if step.method == method]
            if own:
                source = make(journal, pods)
                stack.callback(source.close)
                found.update(source.open(own, failed))
        yield found


def _undo(journal: Journal, entries: list[Json]) -> None:
    while entries:
        undo(entries[-1])
        journal.remove(entries.pop())
