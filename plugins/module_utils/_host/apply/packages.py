# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: packages are installed and removed, all that is possible in one call of apt-get."""

from __future__ import annotations

import time

from ..builder import Change
from ..errors import HostError
from ..system import RunResult
from .context import Context

_OPTIONS = (
    "-y",
    "-qq",
    "-o=DPkg::Lock::Timeout=300",
    "-o=Acquire::Retries=3",
    "-o=Dpkg::Options::=--force-confdef",
    "-o=Dpkg::Options::=--force-confold",
)
_STALE = ("404 ", "Hash Sum mismatch", "Unable to fetch", "has no installation candidate", "Unable to locate")
_LOCKED = ("Could not get lock", "Unable to lock")
_LOCK_WAIT = 300.0


def apply(ctx: Context, change: Change) -> None:
    """With the first package of a kind all of that kind are done."""
    wanted = change.resource is not None
    changes = list(ctx.of_kind("package", wanted))
    if changes[0] is not change:
        return
    _repair(ctx)
    names = [item.name for item in changes]
    if wanted:
        _install(ctx, names)
    else:
        _remove(ctx, changes)


def _repair(ctx: Context) -> None:
    """Finish what a killed dpkg left half done, or nothing can be installed."""
    if ctx.system.run("dpkg", "--audit").stdout.strip():
        fix = "Repair the packages it names by hand, then run again"
        ctx.system.demand("Cannot repair the package state", fix, "dpkg", "--force-confold", "--configure", "-a")


def _install(ctx: Context, names: list[str]) -> None:
    if _without_candidate(ctx, names):
        _update(ctx)
        missing = _without_candidate(ctx, names)
        if missing:
            shown = ", ".join(missing)
            fix = "Correct the name, or add the repository that has it"
            raise HostError(f"Cannot install {shown}", "no configured package source offers it", fix)
    _remember_brought(ctx, names)
    result = _apt(ctx, "install", *names)
    if result.rc != 0 and any(word in result.stderr for word in _STALE):
        _update(ctx)
        result = _apt(ctx, "install", *names)
    _check(result, f"Cannot install {', '.join(names)}")


def _apt(ctx: Context, verb: str, *names: str) -> RunResult:
    lean = ("--no-install-recommends",) if verb == "install" else ()
    return ctx.system.run("apt-get", *_OPTIONS, verb, *lean, *names)


def _without_candidate(ctx: Context, names: list[str]) -> list[str]:
    """The packages for which the package lists offer no version."""
    found: set[str] = set()
    name = ""
    for line in ctx.system.run("apt-cache", "policy", *names).stdout.splitlines():
        if not line.startswith(" "):
            name = line.rstrip(":")
        elif line.strip().startswith("Candidate:") and "(none)" not in line:
            found.add(name)
    return [name for name in names if name not in found]


def _update(ctx: Context) -> None:
    """Fetch the package lists; their lock, unlike dpkg's, has to be waited for by hand."""
    end = time.monotonic() + _LOCK_WAIT
    result = _apt(ctx, "update")
    while result.rc != 0 and any(word in result.stderr for word in _LOCKED) and time.monotonic() < end:
        time.sleep(2)
        result = _apt(ctx, "update")
    _check(result, "Cannot refresh the package lists")


def _remember_brought(ctx: Context, names: list[str]) -> None:
    """Write down, before it happens, which other packages come along: they are ours to remove as well."""
    listing = _apt(ctx, "install", "-s", *names).stdout
    rows = [line.split() for line in listing.splitlines() if line.startswith("Inst ")]
    coming = {row[1] for row in rows if not row[2].startswith("[")}  # [1.0] is the version an upgrade starts from
    for name in names:
        entry = ctx.entry(f"package:{name}")
        brought = {*entry.get("brought", []), *coming} - set(names)
        ctx.save(f"package:{name}", {**entry, "brought": sorted(brought)})


def _remove(ctx: Context, changes: list[Change]) -> None:
    """Purge our packages, then of those they had brought along the ones apt says nobody needs any more."""
    names = [change.name for change in changes]
    _check(_apt(ctx, "purge", *names), f"Cannot remove {', '.join(names)}")
    brought = {name for change in changes for name in change.entry.get("brought", [])}
    listing = _apt(ctx, "autoremove", "-s").stdout if brought else ""
    unneeded = {line.split()[1] for line in listing.splitlines() if line.startswith(("Remv ", "Purg "))}
    if brought & unneeded:
        _check(_apt(ctx, "purge", *sorted(brought & unneeded)), "Cannot remove packages that came along")


def _check(result: RunResult, attempted: str) -> None:
    if result.rc != 0:
        said = f"{result.stdout}\n{result.stderr}".strip().splitlines()
        cause = "; ".join([line for line in said if line.startswith(("E:", "dpkg:"))][-4:] or said[-3:])
        fix = "Check the package sources and the network of the host, then run again"
        raise HostError(attempted, f"apt-get ended with {result.rc}: {cause or 'it said nothing'}", fix)
