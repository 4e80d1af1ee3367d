# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The compiler: from the checked input to plan["backup"], which the role backup and the playbooks apply. Pure."""

from __future__ import annotations

import dataclasses
import typing as t

from .._backup.model import CONTROL_PLANE, ETCD, KUBERNETES, TAG
from .._storage.model import MARKER, Library, Storage, Tier
from .elsewhere import compile_elsewhere
from .model import CA_FILE, ENVIRONMENT_FILE, METRICS_FILE, PASSWORD_FILE, Backup, Copy

Json = dict[str, t.Any]

LEFT_OUT = "homelab_backup.leave_out names it"
TIER_LEFT_OUT = "homelab_backup.leave_out_tiers names its tier"
_ETCD_ENDPOINT = "127.0.0.1:2379"
READ_ONLY = "it is a read-only library, and homelab_backup.also does not name it"


def compile_backup(backup: Backup, storage: Storage, control_planes: t.Sequence[str]) -> Json:
    """Return plan["backup"]: JSON-able, the same for the same input, without secrets.
    elsewhere is the copy, None where there is to be none.

    repository names the files of the nodes that have what is secret; hosts are, for each node that may have volumes
    and each control plane, what its engine reads besides (see _backup.model.parse); not_saved is by claim, and
    not_saved_tiers by tier, why it is not backed up; forget, where nodes may not remove anything, is the command for
    whoever may; probes are what drill.yml has apps look at.
    """
    saved = [library for library in storage.libraries if _is_saved(library, backup)]
    tiers = [tier for tier in storage.tiers if tier.name not in backup.leave_out_tiers]
    nodes = [node for tier in tiers for node in tier.nodes] + [library.node for library in saved]
    nodes += control_planes
    # Whoever comes first makes the repository and forgets old backups: two at a time would be in each other's way.
    first = next(iter(nodes), "")
    return {
        "repository": {
            "url": backup.url,
            "password_file": PASSWORD_FILE,
            "environment_file": ENVIRONMENT_FILE if backup.has_environment else "",
            "ca_file": CA_FILE if backup.ca else "",
        },
        "metrics_file": METRICS_FILE,
        "elsewhere": compile_elsewhere(backup.copy, first, _forget(backup.copy)) if backup.copy else None,
        "ca": backup.ca,
        "append_only": backup.append_only,
        "schedule": backup.schedule,
        "rehearsal": backup.rehearsal,
        "keep": dict(backup.keep),
        "forget": _forget(backup) if backup.append_only else "",
        "hosts": {
            node: _host(node, node == first, _named(node, saved, control_planes), backup, tiers)
            for node in dict.fromkeys(nodes)
        },
        "not_saved": {
            **{_claim(library): READ_ONLY for library in storage.libraries if not _is_saved(library, backup)},
            **dict.fromkeys(backup.leave_out, LEFT_OUT),
        },
        "not_saved_tiers": dict.fromkeys(backup.leave_out_tiers, TIER_LEFT_OUT),
        "probes": [{**dataclasses.asdict(probe), "command": list(probe.command)} for probe in backup.probes],
    }


def _is_saved(library: Library, backup: Backup) -> bool:
    return _claim(library) not in backup.leave_out and (library.writable or _claim(library) in backup.also)


def _claim(library: Library) -> str:
    return f"{library.namespace}/{library.name}"


def _named(node: str, saved: t.Sequence[Library], control_planes: t.Sequence[str]) -> list[Json]:
    """Return what of a node is backed up by its name: libraries, and what a control plane knows."""
    found: list[Json] = [{"name": _claim(one), "path": one.folder} for one in saved if one.node == node]
    if node in control_planes:
        hook = {"type": ETCD, "database": _ETCD_ENDPOINT}
        found.append({"name": f"{CONTROL_PLANE}/{node}", "path": KUBERNETES, "hook": hook})
    return found


def _host(node: str, first: bool, volumes: t.Sequence[Json], backup: Backup, tiers: t.Sequence[Tier]) -> Json:
    return {
        "tiers": [
            {"name": tier.name, "folder": tier.volumes, "marker": MARKER} for tier in tiers if node in tier.nodes
        ],
        "volumes": list(volumes),
        # Which node a claim is on is known to the node.
        "hooks": [dataclasses.asdict(hook) for hook in backup.hooks],
        "leave_out": list(backup.leave_out),
        "makes_repository": first,
        "keep": dict(backup.keep) if first and not backup.append_only else {},
    }


def _forget(backup: Backup | Copy) -> str:
    counts = " ".join(f"--keep-{name} {count}" for name, count in backup.keep.items())
    return f"restic forget --prune --group-by host --tag {TAG} {counts}"
