# SPDX-License-Identifier: GPL-3.0-or-later
"""Which process a worker names as the one that drives the run."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from ansible_collections.atarnet.homelab.plugins.module_utils._run import controller, model

# A playbook that is killed right after it has forked a worker; the worker speaks when it is an orphan.
SCRIPT = """
import json, multiprocessing, os, time
from ansible_collections.atarnet.homelab.plugins.action.lab_run import this_run

def work(playbook):
    while os.getppid() == playbook:
        time.sleep(0.01)
    print(json.dumps(this_run().as_dict()), flush=True)

multiprocessing.get_context("fork").Process(target=work, args=(os.getpid(),)).start()
os._exit(9)
"""


def test_a_worker_that_outlives_its_killed_playbook_records_a_dead_run() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", SCRIPT], env=environment, stdout=subprocess.PIPE) as playbook:
        told = playbook.communicate(timeout=30)[0]
    run = model.from_dict(json.loads(told))
    assert run.process.split(" ")[0] == str(playbook.pid)
    assert controller.is_dead(run)
