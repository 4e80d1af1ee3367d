#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory of the embedded lab that the environment variable LAB names (default: lab)."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from lab import inventory, paths, state  # noqa: E402
from lab.errors import LabError  # noqa: E402


def main(arguments: list[str]) -> int:
    """Print the inventory (``--list``, the default) or a host's variables (``--host NAME``)."""
    try:
        place = paths.of_environment()
        data = inventory.inventory(state.require(place.record, place.lab))
    except LabError as error:
        print(error, file=sys.stderr)
        return 1
    if arguments[:1] == ["--host"]:
        data = data["_meta"]["hostvars"].get(arguments[1], {}) if len(arguments) > 1 else {}
    print(json.dumps(data, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
