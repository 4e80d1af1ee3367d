# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: the options that the modules of backups share."""

from __future__ import annotations

import os
import typing as t

from .model import ETCD, HOOKS, Wanted, parse

REPOSITORY_SPEC: dict[str, t.Any] = {
    "type": "dict",
    "required": True,
    "options": {
        "url": {"type": "str", "required": True},
        "password_file": {"type": "path", "required": True, "no_log": False},
        "environment_file": {"type": "path", "default": ""},
        "ca_file": {"type": "path", "default": ""},
        "is_copy": {"type": "bool", "default": False},
    },
}
_HOOK: dict[str, t.Any] = {
    "type": {"type": "str", "required": True, "choices": [*HOOKS, ETCD]},
    "labels": {"type": "dict", "default": {}},
    "container": {"type": "str", "default": ""},
    "database": {"type": "str", "default": ""},
    "user": {"type": "str", "default": ""},
}
_VOLUMES: dict[str, dict[str, t.Any]] = {
    "volumes": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "path": {"type": "path", "required": True},
            "hook": {"type": "dict", "options": _HOOK},
        },
    },
    "tiers": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "folder": {"type": "path", "required": True},
            "marker": {"type": "str", "required": True},
        },
    },
    "hooks": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {"claim": {"type": "str", "required": True}, **_HOOK},
    },
    "leave_out": {"type": "list", "elements": "str", "default": []},
}
# What the modules take that look for the volumes of a node.
NODE_SPEC: dict[str, dict[str, t.Any]] = {
    "lab": {"type": "str", "required": True},
    "node": {"type": "str", "default": ""},
    "repository": REPOSITORY_SPEC,
    **_VOLUMES,
    "metrics_file": {"type": "str", "default": ""},
}


def read(params: t.Mapping[str, t.Any]) -> Wanted:
    """Return what a module's options ask for. Raises HostError with all problems."""
    return parse({**params, "node": params["node"] or os.uname().nodename})
