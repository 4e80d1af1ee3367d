# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in the network of the virtual machines, which `make test-vm` starts; each module begins with them newly born."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab import paths
from lab.vm.runner import Machines
from tests.support.vm import Network


@pytest.fixture(scope="session")
def machines() -> Machines:
    """The running machines; this process enters their network."""
    found = Machines(paths.of_environment())
    found.enter()
    return found


@pytest.fixture(scope="module")
def network(machines: Machines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """The machines as they were born."""
    machines.restore()
    yield Network(machines, tmp_path_factory.mktemp("vm"))
    machines.restore()
