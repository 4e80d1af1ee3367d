# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's events as a callback gets them, and a display that remembers what it was given."""

from __future__ import annotations

import itertools
import typing as t
from types import SimpleNamespace

from ansible_collections.atarnet.homelab.plugins.callback.progress import CallbackModule

OPTIONS: dict[str, t.Any] = {
    "report_file": None,
    "display_failed_stderr": False,
    "display_ok_hosts": True,
    "display_skipped_hosts": True,
    "show_custom_stats": False,
    "result_format": "yaml",
    "pretty_results": None,
    "result_indentation": 4,
    "result_yaml_line_width": "default",
}
_numbers = itertools.count()


class Display:
    """Remembers lines; those for the standard error output are marked."""

    columns = 80

    def __init__(self, verbosity: int = 0) -> None:
        self.verbosity = verbosity
        self.lines: list[str] = []

    def display(self, text: str, color: str | None = None, stderr: bool = False) -> None:
        self.lines += [f"{'stderr: ' if stderr else ''}{line}" for line in text.split("\n")]

    def warning(self, text: str) -> None:
        self.lines.append(f"warning: {text}")


class Task(SimpleNamespace):
    """A task as far as the callback looks at it."""

    def __init__(self, name: str = "Configure", action: str = "ansible.builtin.command", **more: t.Any) -> None:
        defaults: dict[str, t.Any] = {
            "_uuid": str(next(_numbers)), "_parent": None, "loop": None, "check_mode": False, "delegate_to": None,
            "ignore_unreachable": False, "debugger": None,
        }  # fmt: skip
        super().__init__(**{**defaults, "name": name, "action": action, **more})

    def get_name(self, include_role_fqcn: bool = True) -> str:
        return self.name

    def get_path(self) -> str:
        return "/play.yml:3"


def result(data: dict[str, t.Any], task: Task | None = None, host: str = "cp1") -> t.Any:
    """Return one host's result of a task."""
    return SimpleNamespace(host=SimpleNamespace(get_name=lambda: host), task=task or Task(), result=data)


def callback(
    verbosity: int = 0, kind: type[CallbackModule] = CallbackModule, **options: t.Any
) -> tuple[CallbackModule, list[str]]:
    """Return a callback with these options and the lines it displays."""
    made = kind()
    made._display = Display(verbosity)
    made._plugin_options = {**OPTIONS, **options}
    return made, made._display.lines
