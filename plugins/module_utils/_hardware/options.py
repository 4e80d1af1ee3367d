# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that the modules of the hardware have in common."""

from __future__ import annotations

import typing as t

DISK_SPEC: dict[str, t.Any] = {
    "serial": {"type": "str", "default": ""},
    "path": {"type": "str", "default": ""},
    "tier": {"type": "str", "required": True, "choices": ["ssd", "hdd"]},
    "wipe_serial": {"type": "str", "default": ""},
}
