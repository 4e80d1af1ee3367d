#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run one benchmark by name, or all: every benchmarks/NAME.py except this file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
CHECKOUT = FOLDER.parent


def main(names: list[str]) -> int:
    """Run each named benchmark with the project's tools on PATH and return the worst exit code."""
    known = sorted(path.stem for path in FOLDER.glob("[a-z]*.py") if path.stem != "run")
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"no benchmark is called {', '.join(unknown)}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    settings = subprocess.run(
        [sys.executable, "-m", "lab", "env"], cwd=CHECKOUT, check=True, capture_output=True, text=True
    ).stdout
    return max(
        subprocess.run(
            ["bash", "-c", f"{settings}\nexec python -m benchmarks.{name}"], cwd=CHECKOUT, check=False
        ).returncode
        for name in names or known
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
