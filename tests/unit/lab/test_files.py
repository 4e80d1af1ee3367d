# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing is left half-written, and failures name their cause."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import files
from lab.errors import LabError
from lab.process import run


def test_a_failed_build_publishes_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), files.published(tmp_path / "target") as folder:
        (folder / "half").write_text("x")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_build_replaces_what_was_there(tmp_path: Path) -> None:
    for text in ("old", "new"):
        with files.published(tmp_path / "target") as folder:
            (folder / text).write_text(text)
    assert [path.name for path in (tmp_path / "target").iterdir()] == ["new"]


def test_what_killed_runs_left_is_swept(tmp_path: Path) -> None:
    (tmp_path / f"{files.PARTIAL}a" / "b").mkdir(parents=True)
    (tmp_path / f"{files.PARTIAL}c").write_text("x")
    (tmp_path / "kept").write_text("x")
    files.sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_write_sets_the_mode_and_replaces(tmp_path: Path) -> None:
    target = tmp_path / "key"
    files.write(target, "old")
    files.write(target, "secret", mode=0o600)
    assert (target.read_text(), target.stat().st_mode & 0o777) == ("secret", 0o600)
    assert list(tmp_path.iterdir()) == [target]


def test_point_moves_a_link(tmp_path: Path) -> None:
    for target in ("one", "two", "two"):
        files.point(tmp_path / "link", target)
    assert (tmp_path / "link").readlink() == Path("two")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        pytest.param(["sh", "-c", "echo the cause >&2; exit 3"], r"Trying: sh ended with 3:\nthe cause", id="failed"),
        pytest.param(["no-such-program-here"], "the program 'no-such-program-here' is not there", id="missing"),
        pytest.param(["sleep", "9"], "sleep did not end within 0 s", id="slow"),
    ],
)
def test_a_failed_program_names_its_cause(argv: list[str], words: str) -> None:
    with pytest.raises(LabError, match=words):
        run(argv, attempted="Trying", timeout=0.2)


def test_a_failed_program_with_a_log_shows_its_end(tmp_path: Path) -> None:
    argv = ["sh", "-c", "echo early; echo late; exit 1"]
    with pytest.raises(LabError, match=r"early\nlate\..*log: .*x\.log"):
        run(argv, attempted="Trying", log=tmp_path / "x.log")
