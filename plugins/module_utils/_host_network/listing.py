# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's listing of our table, made comparable. Pure."""

from __future__ import annotations

import json
import typing as t

Json = dict[str, t.Any]


def normalise(listing: t.Mapping[str, t.Any]) -> list[Json]:
    """Return what `nft -j list table` printed without what changes by itself.

    That are handles, counters' values, the elements that packets put into sets, and the order inside sets
    (libnftables-json(5)).
    """
    objects = [entry for entry in listing["nftables"] if "metainfo" not in entry]
    filled = set(_filled_by_packets(objects))
    found = []
    for entry in objects:
        ((kind, content),) = entry.items()
        if kind in ("set", "map") and (content["name"] in filled or _is_dynamic(content)):
            content = {key: value for key, value in content.items() if key != "elem"}
        found.append({kind: _settled(content)})
    return found


_PASSING = ("handle", "packets", "bytes", "used", "expires")


def _settled(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        kept = {key: _settled(inner) for key, inner in value.items() if key not in _PASSING}
        for key in ("elem", "set"):
            if isinstance(kept.get(key), list):
                kept[key] = sorted(kept[key], key=as_line)
        return kept
    return [_settled(inner) for inner in value] if isinstance(value, list) else value


def _is_dynamic(content: Json) -> bool:
    flags = content.get("flags", [])
    return bool({"dynamic", "timeout"} & set([flags] if isinstance(flags, str) else flags))


def _filled_by_packets(value: t.Any) -> t.Iterator[str]:
    """Yield the names of the sets and maps that rules add to: some releases of nft do not list the flag."""
    if isinstance(value, dict):
        if "op" in value:
            yield from (str(value[key])[1:] for key in ("set", "map") if isinstance(value.get(key), str))
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _filled_by_packets(inner)


def as_line(value: t.Any) -> str:
    """Return a part of a listing as one line that is equal for equal parts."""
    return json.dumps(value, sort_keys=True)
