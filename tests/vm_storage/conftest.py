# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in the network of the one machine that `make test-vm SCENARIO=storage` starts."""

from __future__ import annotations

import pytest

from lab import paths
from lab.table import STORAGE
from lab.vm.runner import Machines
from tests.support.vm import Network


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    """The running machine; this process enters its network."""
    machines = Machines(paths.of_environment(), STORAGE)
    machines.enter()
    return Network(machines, tmp_path_factory.mktemp("vm"))
