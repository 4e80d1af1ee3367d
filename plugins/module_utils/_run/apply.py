# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the record of the run on a host; the only file that a run without changes writes."""

from __future__ import annotations

import time
import typing as t

from .._host.ledger import RUN, LedgerStore
from .._host.lock import host_lock
from .._host.model import STATE_DIR
from .._host.system import TEMPORARY, System
from .model import Run, load
from .plan import decide

LOCK = "/run/lock/atarnet-homelab-run.lock"
PLACES = {"record": RUN, "partial": f"{STATE_DIR}/.{RUN.rpartition('/')[2]}{TEMPORARY}", "lock": LOCK}
"""Where `ending` finds what it needs."""
_PATIENCE_S = 10.0


def begin(system: System, ours: Run, replaces: str, check: bool) -> dict[str, t.Any]:
    """Record that *ours* begins, unless another run is under way or this is only a check.

    Returns {"held": run or None, "age_s": seconds since it was recorded, "note": text}. Raises HostError.
    """
    with host_lock(_PATIENCE_S, system.real(LOCK)):
        stat = system.lstat(RUN)
        found = load(system.read_text(RUN)) if stat else None
        age = time.time() - stat.st_mtime if stat else 0.0
        verdict = decide(found, age, ours, replaces)
        if verdict.free and not check and (found is None or found.ended or found.id != ours.id):
            now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            LedgerStore(system).write_private(RUN, ours.begun(now).dump().encode("utf-8"))
    return {"held": verdict.held.as_dict() if verdict.held else None, "age_s": round(age), "note": verdict.note}
