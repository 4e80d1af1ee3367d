# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nodes answered that were asked for their volumes, and why others did not. Pure."""

from __future__ import annotations

import typing as t

Json = dict[str, t.Any]


def given(hosts: t.Iterable[str], seen: t.Mapping[str, Json]) -> dict[str, Json]:
    """Return by node the results that tell of volumes, in the order of *hosts*; *seen* has {} of one not asked."""
    return {node: seen[node] for node in hosts if "volumes" in seen.get(node, {})}


def silent(hosts: t.Iterable[str], seen: t.Mapping[str, Json]) -> dict[str, str]:
    """Return by node why it gave none."""
    return {
        node: str(seen.get(node, {}).get("msg") or "it was not asked; is it reachable?")
        for node in hosts
        if "volumes" not in seen.get(node, {})
    }


def failed(hosts: t.Collection[str], seen: t.Mapping[str, Json]) -> dict[str, str]:
    """Return by name why something failed: volumes, tiers of nodes (no volume has a blank in its name), whole nodes."""
    found, unheard = {}, silent(hosts, seen)
    for node in hosts:
        if node in unheard:
            found[f"node {node}"] = unheard[node]
            continue
        for name, why in seen[node]["failed_volumes"].items():
            found[f"{name} of {node}" if " " in name else name] = why
    return found
