# SPDX-License-Identifier: GPL-3.0-or-later
"""Which process a worker names as the one that drives the run."""

from __future__ import annotations

import multiprocessing
import os
import time
import typing as t

from ansible_collections.atarnet.homelab.plugins.action.lab_run import this_run
from ansible_collections.atarnet.homelab.plugins.module_utils._run import controller, model

FORK = multiprocessing.get_context("fork")


def _worker(results: t.Any, playbook: int) -> None:
    while os.getppid() == playbook:
        time.sleep(0.01)
    results.put(this_run().as_dict())


def _playbook(results: t.Any) -> None:
    FORK.Process(target=_worker, args=(results, os.getpid())).start()
    os._exit(9)


def test_a_worker_that_outlives_its_killed_playbook_records_a_dead_run() -> None:
    results = FORK.Queue()
    playbook = FORK.Process(target=_playbook, args=(results,))
    playbook.start()
    playbook.join()
    run = model.from_dict(results.get(timeout=10))
    assert run.process.split(" ")[0] == str(playbook.pid)
    assert controller.is_dead(run)
