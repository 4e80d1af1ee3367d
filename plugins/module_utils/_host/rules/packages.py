# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: planning of packages."""

from __future__ import annotations

from ..builder import Builder
from ..model import Package


def want(b: Builder, package: Package) -> None:
    """A package in any version; which version an installation brings is known after apply."""
    version = b.observed.packages.get(package.name)
    b.record(package.identity, b.entry(package.identity) or {"how": "adopted" if version else "created"})
    if version is None:
        b.packages_coming = True
        b.change(package, "create", "absent", "installed, version known after apply")


def leave(b: Builder, identity: str, name: str) -> None:
    """A package goes if we installed it, no other owner needs it and nothing that is not ours would go with it."""
    if identity in b.shared:
        b.forget(identity)
        return
    version, blockers = b.observed.packages.get(name), b.observed.needed_by.get(name)
    entry = b.entry(identity)
    left = [brought for brought in entry.get("brought", []) if brought in b.observed.packages]
    if entry["how"] == "created" and blockers:
        b.plan.warnings.append(f"Package {name} is kept: without it {', '.join(blockers)} would be removed too")
    elif entry["how"] == "created" and (version or left):
        b.leave(identity, "remove", version or f"absent, but not what came with it ({', '.join(left)})", "absent")
    b.forget(identity)
