# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in a folder of a node, so that it can be compared, and backups as its timer makes them."""

from __future__ import annotations

import json
import typing as t

from lab import target
from tests.support.lab import SiteRun, lab_record, on_node, run_playbook

# Type, mode, size, links and target of everything in the current folder, then the checksum of every file.
LISTING = "find . -printf '%P %y %m %s %n %l\\n' | sort; find . -type f -print0 | sort -z | xargs -0 sha256sum"


def back_up(node: str) -> dict[str, t.Any]:
    """Start what the timer starts, and return what the program printed."""
    on_node(node, "systemctl start homelab-backup.service")
    script = (
        "journalctl -o cat --no-pager _SYSTEMD_INVOCATION_ID=$(systemctl show -P InvocationID homelab-backup.service)"
    )
    said = on_node(node, script)
    return dict(json.loads(said[said.index("{\n") : said.rindex("}") + 1]))


def back_up_all() -> SiteRun:
    """Run backup.yml without hooks: what was restored of earlier tests has nobody who runs its databases."""
    given = {"homelab_backup": {**target.backup(lab_record()), "hooks": []}}
    return run_playbook("-e", json.dumps(given), playbook="playbooks/backup.yml")
