# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: carries out a plan so that it can be killed at any moment and done again."""

from __future__ import annotations

import typing as t

from ..builder import Change
from . import accounts, archives, files, kernel, mounts, packages, units
from .context import Context


def apply_plan(ctx: Context, arch: str, done: list[Change]) -> None:
    """Write the intent into the ledger, download, change, then let the ledger forget what has gone.

    ``done`` receives every change that was completed, so that a failure can tell how far it came.
    """
    appliers: dict[str, t.Callable[[Context, Change], None]] = {
        "package": packages.apply,
        "file": files.apply_file,
        "directory": files.apply_directory,
        "link": files.apply_link,
        "archive": lambda context, change: archives.apply(context, change, arch),
        "kernel_module": kernel.apply_module,
        "sysctl": kernel.apply_sysctl,
        "kernel_parameter": kernel.apply_parameter,
        "group": accounts.apply_group,
        "user": accounts.apply_user,
        "mount": mounts.apply_mount,
        "swap": mounts.apply_swap,
        "unit": units.apply,
    }
    archives.download(ctx, arch)
    _write_intent(ctx)
    for change in ctx.plan.changes:
        if change.kind in appliers:
            appliers[change.kind](ctx, change)
            done.append(change)
    ctx.reload_units()
    _write_outcome(ctx)
    archives.clean(ctx)


def _write_intent(ctx: Context) -> None:
    """Everything the ledger must know, in case this run is killed: originals first, then one write."""
    records = dict(ctx.plan.records)
    for identity, path in ctx.plan.originals:
        original = ctx.store.keep_original(path)
        entry = records.get(identity) or ctx.entry(identity)
        if "members" in entry:
            member = {**entry["members"][path], "original": original}
            entry = {**entry, "members": {**entry["members"], path: member}}
        else:
            entry = {**entry, "original": original}
        records[identity] = entry
    for identity, entry in records.items():
        ctx.ledger.record(ctx.owner, identity, entry)
    ctx.ledger.owe_restarts(ctx.owner, ctx.plan.restarts)
    ctx.store.save(ctx.ledger)


def _write_outcome(ctx: Context) -> None:
    """Forget what has gone, and only then the originals that came back."""
    entries = [ctx.entry(identity) for identity in ctx.plan.forgotten]
    for identity in ctx.plan.forgotten:
        ctx.ledger.forget(ctx.owner, identity)
    ctx.ledger.owe_restarts(ctx.owner, [])
    ctx.store.save(ctx.ledger)
    for entry in entries:
        for holder in [entry, *entry.get("members", {}).values()]:
            if "file" in (holder.get("original") or {}):
                ctx.store.drop_original(holder["original"])
