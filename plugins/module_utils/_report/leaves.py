# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the two sides of a diff differ, leaf by leaf. Pure."""

from __future__ import annotations

import typing as t

from .._kube import documents

Json = dict[str, t.Any]
PRESENT, ABSENT = "present", "absent"


def between(entry: t.Mapping[str, t.Any], prefix: str = "") -> list[Json]:
    """Return {"path", "old", "new"} for each leaf in which before and after, YAML of one object, differ.

    A side that is empty is an object that is not there: then one line says so. A path is like .spec.ports[0].port.
    """
    before, after = (documents.load(str(entry.get(side) or "")) for side in ("before", "after"))
    if before is None or after is None:
        sides = [ABSENT if side is None else PRESENT for side in (before, after)]
        return [{"path": prefix, "old": sides[0], "new": sides[1]}]
    return list(_leaves(before, after, prefix))


def _leaves(old: t.Any, new: t.Any, path: str) -> t.Iterator[Json]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from _leaves(old.get(key), new.get(key), f"{path}.{key}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (one, other) in enumerate(zip(old, new)):
            yield from _leaves(one, other, f"{path}[{index}]")
    elif old != new:
        yield {"path": path, "old": old, "new": new}
