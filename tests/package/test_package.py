# SPDX-License-Identifier: GPL-3.0-or-later
"""The built tarball, installed elsewhere, does what the checkout does."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.lab import CHECKOUT, INVENTORY


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of collections that holds only what the tarball brought."""
    folder = tmp_path_factory.mktemp("package")
    build = ["ansible-galaxy", "collection", "build", "--output-path", str(folder)]
    subprocess.run(build, cwd=CHECKOUT, check=True, capture_output=True)
    (tarball,) = folder.glob("atarnet-homelab-*.tar.gz")
    target = folder / "collections"
    install = ["ansible-galaxy", "collection", "install", "--offline", "--collections-path", str(target), str(tarball)]
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(target)}
    subprocess.run(install, cwd=folder, check=True, capture_output=True, env=environment)
    return target


@pytest.mark.parametrize("name", ["validate", "cluster", "verify", "status", "site"])
def test_playbook_runs_by_its_name_and_changes_nothing_on_a_live_lab(installed: Path, name: str) -> None:
    done = subprocess.run(
        ["ansible-playbook", "-i", str(INVENTORY), f"atarnet.homelab.{name}"],
        cwd=installed, check=False, capture_output=True, text=True,
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(installed)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    assert "changed=1" not in done.stdout
    assert "failed=1" not in done.stdout


@pytest.mark.parametrize("name", ["cluster", "verify", "status"])
def test_playbook_runs_alone_from_the_checkout(name: str) -> None:
    command = ["ansible-playbook", "-i", "inventories/lab", f"playbooks/{name}.yml"]
    done = subprocess.run(command, cwd=CHECKOUT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]


def test_tarball_holds_no_lab_fact(installed: Path) -> None:
    root = installed / "ansible_collections" / "atarnet" / "homelab"
    names = {path.name for path in root.iterdir()}
    assert names.isdisjoint({"lab", "inventories", "tests", "molecule", "benchmarks", "Makefile"})
    assert {"plugins", "roles", "playbooks", "meta"} <= names
