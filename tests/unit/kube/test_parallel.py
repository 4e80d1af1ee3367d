# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing waits for a thread while there are fewer things to do than threads."""

from __future__ import annotations

import threading
import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.parallel import CONNECTIONS, Pool


@pytest.fixture
def pool() -> t.Iterator[Pool]:
    made = Pool()
    yield made
    made.close()


def test_all_threads_run_from_the_first_use(pool: Pool) -> None:
    before = set(threading.enumerate())
    pool.each(lambda number: number, range(2))
    assert len(set(threading.enumerate()) - before) == CONNECTIONS


@pytest.mark.parametrize("first", range(1, CONNECTIONS + 1))
def test_as_many_as_there_are_threads_are_done_at_once(pool: Pool, first: int) -> None:
    pool.each(lambda number: number, range(first))
    meet = threading.Barrier(CONNECTIONS, timeout=10)
    done, errors = pool.each(lambda _: meet.wait() >= 0, range(CONNECTIONS))
    assert [met for _, met in done] == [True] * CONNECTIONS and errors == []
