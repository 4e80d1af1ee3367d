# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: desired x observed x ledger -> plan, without side effects."""

from __future__ import annotations

import typing as t

from .builder import Builder, Plan
from .errors import HostError
from .ledger import Ledger
from .model import Desired, Resource
from .rules import accounts, archives, files, kernel, mounts, packages, units
from .state import Observed

Wanted = t.Callable[[Builder, t.Any], None]
Leaving = t.Callable[[Builder, str, str], None]

RULES: dict[str, tuple[Wanted, Leaving]] = {
    "package": (packages.want, packages.leave),
    "file": (files.want_file, files.leave_file),
    "directory": (files.want_directory, files.leave_directory),
    "link": (files.want_link, files.leave_link),
    "archive": (archives.want, archives.leave),
    "kernel_module": (kernel.want_module, kernel.leave_module),
    "sysctl": (kernel.want_sysctl, kernel.leave_sysctl),
    "kernel_parameter": (kernel.want_parameter, kernel.leave_parameter),
    "group": (accounts.want_group, accounts.leave_group),
    "user": (accounts.want_user, accounts.leave_user),
    "mount": (mounts.want_mount, mounts.leave_mount),
    "mountpoint": (mounts.want_mountpoint, mounts.leave_mountpoint),
    "swap": (mounts.want_swap, mounts.leave_swap),
    "unit": (units.want, units.leave),
}


def make_plan(desired: Desired, observed: Observed, ledger: Ledger) -> Plan:
    """Plan what makes the host as desired: first what leaves, newest first, then what is wanted, in its order.

    ``desired`` is expanded. Raises HostError for what cannot be planned, such as a resource of another owner.
    """
    entries = ledger.entries(desired.owner)
    builder = Builder(observed, entries, desired.contents)
    builder.shared = {identity for identity in entries if ledger.other_owner(desired.owner, identity)}
    builder.owed = set(ledger.restarts(desired.owner))
    builder.modules_coming = any(
        resource.kind == "kernel_module" and resource.name not in observed.modules for resource in desired.resources
    )
    mount_points = {resource.name for resource in desired.resources if resource.kind == "mount"}
    builder.mounted = mount_points & set(observed.mounts)
    for resource in desired.resources:
        _check_owner(resource, desired.owner, ledger)
    wanted = {resource.identity for resource in desired.resources}
    for identity in _leaving_order(builder, [identity for identity in entries if identity not in wanted]):
        kind, name = identity.split(":", 1)
        RULES[kind][1](builder, identity, name)
    for resource in desired.resources:
        RULES[resource.kind][0](builder, resource)
    return builder.plan


def _leaving_order(builder: Builder, identities: list[str]) -> list[str]:
    """Newest first; units that stay up because they ran before us go last, as they may need a restart."""
    newest = identities[::-1]
    return sorted(newest, key=lambda identity: units.ran_before(builder.entry(identity)))


def _check_owner(resource: Resource, owner: str, ledger: Ledger) -> None:
    """Refuse what another owner has. A package has no settings to quarrel about: several may need it."""
    other = ledger.other_owner(owner, resource.identity)
    if other and resource.kind != "package":
        raise HostError(
            f"Cannot take {resource.identity} for owner {owner}",
            f"owner {other} already has it on this host",
            f"Leave it to one of the two, or run host_state for owner {other} without it first",
        )
