# SPDX-License-Identifier: GPL-3.0-or-later
"""Telling a run that lives from one that was killed, on the controller that drove it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

from ansible_collections.atarnet.homelab.plugins.module_utils._run import controller


def test_the_same_process_is_the_same_run() -> None:
    one, other = (controller.current("site.yml", os.getpid()) for _time in range(2))
    assert one == other
    assert one.id != controller.current("site.yml", os.getppid()).id
    assert not controller.is_dead(one)


def test_a_process_that_has_ended_is_dead() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        run = controller.current("site.yml", process.pid)
        assert not controller.is_dead(run)
        process.kill()
    assert controller.is_dead(run)


def test_a_number_that_another_process_has_now_is_dead() -> None:
    run = controller.current("site.yml", os.getpid())
    pid, start, boot = run.process.split(" ")
    assert controller.is_dead(replace(run, process=f"{pid} {int(start) + 1} {boot}"))
    assert controller.is_dead(replace(run, process=f"{pid} {start} another-boot"))


def test_nothing_is_said_of_another_controller() -> None:
    run = controller.current("site.yml", 4194304)
    assert controller.is_dead(run)
    assert not controller.is_dead(replace(run, controller="elsewhere"))


def test_a_controller_without_proc() -> None:
    run = controller.current("site.yml", os.getpid(), read=lambda _path: "")
    assert not controller.is_dead(run, read=lambda _path: "")
    gone = controller.current("site.yml", 4194304, read=lambda _path: "")
    assert controller.is_dead(gone, read=lambda _path: "")
