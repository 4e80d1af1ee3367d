# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a command and write what it took into a JSON file.

Run with the path of the file and the command. It says {seconds, cpu, memory}, memory being the peak of the largest
process in MiB. A process of its own, because the system counts to a child what its parent had when it was started.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path


def main(report: str, command: list[str]) -> int:
    """Return the exit code of the command."""
    start = time.monotonic()
    code = subprocess.run(command, check=False).returncode
    took = time.monotonic() - start
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    content = {"seconds": took, "cpu": usage.ru_utime + usage.ru_stime, "memory": usage.ru_maxrss / 1024}
    Path(report).write_text(json.dumps(content), encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
