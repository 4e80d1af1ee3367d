# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: the options that the modules of backups share."""

from __future__ import annotations

import typing as t

from .model import HOOKS

REPOSITORY_SPEC: dict[str, t.Any] = {
    "type": "dict",
    "required": True,
    "options": {
        "url": {"type": "str", "required": True},
        "password_file": {"type": "path", "required": True, "no_log": False},
        "environment_file": {"type": "path", "default": ""},
    },
}
HOOK_SPEC: dict[str, t.Any] = {
    "type": "dict",
    "options": {
        "type": {"type": "str", "required": True, "choices": list(HOOKS)},
        "labels": {"type": "dict", "default": {}},
        "container": {"type": "str", "default": ""},
        "database": {"type": "str", "default": ""},
        "user": {"type": "str", "default": ""},
    },
}
VOLUMES_SPEC: dict[str, t.Any] = {
    "type": "list",
    "elements": "dict",
    "required": True,
    "options": {
        "name": {"type": "str", "required": True},
        "path": {"type": "path", "required": True},
        "hook": HOOK_SPEC,
    },
}
