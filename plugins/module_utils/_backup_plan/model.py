# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups as typed values: where to, when, what is done to volumes before, and what is left out. No secret is in it."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

KEY = "homelab_backup"
# On the nodes. What node-exporter reads is gone after a boot, and written anew by then.
PASSWORD_FILE = "/etc/homelab-backup/password"
ENVIRONMENT_FILE = "/etc/homelab-backup/environment"
CA_FILE = "/etc/homelab-backup/ca.pem"
METRICS_FILE = "/run/homelab-backup/homelab_backup.prom"
COPY_PASSWORD_FILE = "/etc/homelab-backup/copy.password"
COPY_ENVIRONMENT_FILE = "/etc/homelab-backup/copy.environment"
COPY_CA_FILE = "/etc/homelab-backup/copy.ca.pem"
COPY_METRICS_FILE = "/run/homelab-backup/homelab_backup_copy.prom"


@dataclass(frozen=True)
class Hook:
    """What is done to the volume of *claim* (NAMESPACE/CLAIM) so that its copy is worth something."""

    claim: str
    type: str
    labels: t.Mapping[str, str] = field(default_factory=dict)
    container: str = ""
    database: str = ""
    user: str = ""


@dataclass(frozen=True)
class Probe:
    """An app's own look at the volume of *claim* (NAMESPACE/CLAIM): *command* in *image*, which has it at *path*.

    *user* is the uid it runs as, None for the one that the image names; *timeout* is in seconds.
    """

    claim: str
    image: str
    command: tuple[str, ...]
    path: str = "/data"
    user: int | None = None
    timeout: int = 300

    @classmethod
    def of(cls, data: t.Mapping[str, t.Any]) -> Probe:
        """Return the probe that the plan has as *data*."""
        return cls(**{**data, "command": tuple(data["command"])})


@dataclass(frozen=True)
class Copy:
    """A second repository, to be elsewhere; *doubts* are why it may not be."""

    url: str
    ca: str
    append_only: bool
    has_environment: bool
    schedule: str
    keep: t.Mapping[str, int]
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Backup:
    """What homelab_backup asks for; claims are NAMESPACE/CLAIM.

    *leave_out_tiers* are tiers of which nothing is backed up, *also* read-only libraries, which are not else. Where
    nodes can only add (*append_only*), *keep* (period to number) is for whoever else forgets.
    """

    url: str
    ca: str
    append_only: bool
    has_environment: bool
    schedule: str
    rehearsal: str
    keep: t.Mapping[str, int]
    hooks: tuple[Hook, ...] = ()
    leave_out: tuple[str, ...] = ()
    leave_out_tiers: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    copy: Copy | None = None
    probes: tuple[Probe, ...] = ()
