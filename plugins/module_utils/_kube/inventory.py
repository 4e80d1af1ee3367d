# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory of one owner: a ConfigMap that lists what was applied in its name. Pure."""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass, field

from .model import MANAGED_BY, Json, Ref, Wanted

NAMESPACE = "kube-system"


@dataclass(frozen=True)
class Inventory:
    """What an owner has on the server.

    refs are its objects by identity; settled maps str(ref) to the digest of fields.settled_digest for the objects
    whose values the server writes differently than they were sent.
    """

    refs: dict[tuple[str, str, str, str], Ref] = field(default_factory=dict)
    settled: dict[str, str] = field(default_factory=dict)

    def with_refs(self, refs: t.Iterable[Ref]) -> Inventory:
        """Return the inventory with *refs* added, each in the version given here."""
        return Inventory({**self.refs, **{ref.key: ref for ref in refs}}, self.settled)

    def without(self, refs: t.Iterable[Ref]) -> Inventory:
        """Return the inventory without *refs*."""
        gone = {ref.key for ref in refs}
        return Inventory({key: ref for key, ref in self.refs.items() if key not in gone}, self.settled)

    def with_settled(self, settled: t.Mapping[str, str]) -> Inventory:
        """Return the inventory with the digests *settled* added and those of objects it has not removed."""
        names = {str(ref) for ref in self.refs.values()}
        merged = {**self.settled, **settled}
        return Inventory(self.refs, {name: digest for name, digest in merged.items() if digest and name in names})


def ref(owner: str) -> Ref:
    """Return the name of the inventory of *owner*."""
    return Ref("v1", "ConfigMap", NAMESPACE, f"homelab-inventory-{owner}")


def read(live: Json | None) -> Inventory:
    """Return what the ConfigMap says; None (no ConfigMap) is an empty inventory. Raises KubeError when unreadable."""
    data = (live or {}).get("data") or {}
    refs = [Ref.parse(line) for line in data.get("objects", "").splitlines() if line.strip()]
    return Inventory({item.key: item for item in refs}, dict(json.loads(data.get("settled") or "{}")))


def write(owner: str, content: Inventory) -> Wanted:
    """Return the ConfigMap that says *content*."""
    name = ref(owner)
    data = {"objects": "".join(f"{line}\n" for line in sorted(str(item) for item in content.refs.values()))}
    if content.settled:
        data["settled"] = json.dumps(content.settled, sort_keys=True, indent=0)
    body = {
        "apiVersion": name.api_version,
        "kind": name.kind,
        "metadata": {
            "name": name.name,
            "namespace": name.namespace,
            "labels": dict([MANAGED_BY]),
        },
        "data": data,
    }
    return Wanted(name, body, "the inventory")
