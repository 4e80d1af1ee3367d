# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the fidelity suite on the lab and end with one line of figures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fidelity.tally import Tally


def main(arguments: list[str]) -> int:
    """Run pytest on this folder, then print the tally; return pytest's exit code."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tally.json"
        command = [sys.executable, "-m", "pytest", str(Path(__file__).parent), "--durations=10", *arguments]
        code = subprocess.run(command, env={**os.environ, "HOMELAB_FIDELITY": str(path)}, check=False).returncode
        if not path.exists():
            print("fidelity: no run was compared")
            return code or 1
        print(Tally(**json.loads(path.read_text(encoding="utf-8"))).line())
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
