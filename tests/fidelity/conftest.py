# SPDX-License-Identifier: GPL-3.0-or-later
"""One tally for the whole session; HOMELAB_FIDELITY names the file it is left in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fidelity.tally import Tally


@pytest.fixture(scope="session")
def tally() -> Iterator[Tally]:
    """What checks predicted against what came, over all tests."""
    counted = Tally()
    yield counted
    if "HOMELAB_FIDELITY" in os.environ:
        counted.save(Path(os.environ["HOMELAB_FIDELITY"]))
