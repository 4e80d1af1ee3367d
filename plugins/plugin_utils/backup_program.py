# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine as one file: hosts get it as a program, where nothing else of the collection is at hand."""

from __future__ import annotations

import typing as t
from pathlib import Path

# Packages of module_utils with those of their modules that the program has; none named: all.
PARTS: t.Mapping[str, tuple[str, ...]] = {"_host": ("__init__", "errors", "lock"), "_backup": ()}
MAIN = "_backup.cli"
_ROOT = "homelab"
_QUOTES = "'''"
_BEGIN = '''#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules of the Ansible collection atarnet.homelab, in one file; the last lines start them."""

import importlib.abc
import importlib.util
import sys

SOURCES = {}
'''
_END = '''

class Sources(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Imports what this file holds."""

    def find_spec(self, name, path=None, target=None):
        if name not in SOURCES:
            return None
        return importlib.util.spec_from_loader(name, self, is_package=self.is_package(name))

    def is_package(self, name):
        return any(other.startswith(f"{name}.") for other in SOURCES)

    def get_source(self, name):
        return SOURCES[name]

    def get_code(self, name):
        return compile(SOURCES[name], f"<{name}>", "exec", dont_inherit=True)


if __name__ == "__main__":
    sys.meta_path.insert(0, Sources())
    sys.exit(importlib.import_module("{main}").main())
'''


def read(module_utils: Path) -> dict[str, str]:
    """Return the sources of the program's modules as ``program`` takes them."""
    found: dict[str, str] = {}
    for package, names in PARTS.items():
        folder = module_utils / package
        for path in [folder / f"{name}.py" for name in names] or folder.glob("*.py"):
            found[package if path.stem == "__init__" else f"{package}.{path.stem}"] = path.read_text(encoding="utf-8")
    return found


def program(sources: t.Mapping[str, str]) -> str:
    """Return the program of the *sources*, which are texts by module (``_backup.cli``, a package by its own name).

    The same sources give the same text. Raises ValueError for one that cannot be quoted.
    """
    named = {_ROOT: "", **{f"{_ROOT}.{name}": text for name, text in sources.items()}}
    texts = [f"SOURCES[{name!r}] = {_quoted(name, named[name])}\n" for name in sorted(named)]
    return _BEGIN + "".join(texts) + _END.replace("{main}", f"{_ROOT}.{MAIN}")


def _quoted(name: str, text: str) -> str:
    if _QUOTES in text or text.endswith(("'", "\\")):
        raise ValueError(f"{name} holds {_QUOTES}, or ends in a character that cannot be quoted")
    return f"r{_QUOTES}{text}{_QUOTES}"
