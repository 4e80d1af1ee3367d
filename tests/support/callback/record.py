# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write every task result as one JSON line, so that tests compare runs as data."""

from __future__ import annotations

DOCUMENTATION = r"""
name: record
type: aggregate
short_description: Record task results as JSON lines
description: Writes one line for each result to the file named by the environment variable HOMELAB_RECORD.
"""

import json
import os
import time
import typing as t

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    """Append results to a file."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "record"
    CALLBACK_NEEDS_ENABLED = False

    def _write(self, outcome: str, result: t.Any) -> None:
        data = result.result
        line = {
            "time": time.time(),
            "outcome": outcome,
            "host": result.host.get_name(),
            "task": result.task.get_name(),
            "action": result.task.action,
            "changed": bool(data.get("changed")),
            "changes": data.get("changes", []),
            "diff": data.get("diff", []),
            "requests": data.get("requests", {}),
            "msg": data.get("msg", ""),
        }
        with open(os.environ["HOMELAB_RECORD"], "a", encoding="utf-8") as stream:
            stream.write(json.dumps(line, default=str) + "\n")

    def v2_runner_on_ok(self, result: t.Any) -> None:
        self._write("ok", result)

    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:
        self._write("failed", result)

    def v2_runner_on_unreachable(self, result: t.Any) -> None:
        self._write("unreachable", result)
