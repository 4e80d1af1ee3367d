# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that nodes get: one file, the same for the same sources, which needs nothing else of the collection."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.plugin_utils.backup_program import program, read

CHECKOUT = Path(__file__).resolve().parents[3]


def test_it_runs_alone(tmp_path: Path) -> None:
    text = program(read(CHECKOUT / "plugins" / "module_utils"))
    place = tmp_path / "homelab-backup"
    place.write_text(text, encoding="utf-8")
    config = tmp_path / "backup.json"
    volume = tmp_path / "volume"
    volume.mkdir()
    data = {"lab": "home", "node": "n", "repository": {"url": "/r", "password_file": "/p"}}
    config.write_text(json.dumps({**data, "volumes": [{"name": "a/one", "path": str(volume)}]}), encoding="ascii")

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", str(place), f"--config={config}", *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, env={}, cwd="/")

    done = call("plan")
    assert done.returncode == 0, done.stderr
    assert [step["volume"] for step in json.loads(done.stdout)["steps"]] == ["a/one"]
    config.unlink()
    done = call("plan")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: Cannot read {config}: No such file or directory")
    assert call("nonsense").returncode == 2


def test_the_same_sources_give_the_same_text() -> None:
    sources = {"_backup.cli": "x = 1\n", "_backup": "", "_host": ""}
    assert program(sources) == program(dict(reversed(sources.items())))


@pytest.mark.parametrize("text", ["a = '''b'''\n", "a = 'b'"], ids=["quotes", "ends in a quote"])
def test_what_cannot_be_quoted_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"_backup\.cli holds"):
        program({"_backup": "", "_backup.cli": text})
