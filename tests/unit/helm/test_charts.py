# SPDX-License-Identifier: GPL-3.0-or-later
"""Charts as folders and as archives."""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._helm import charts
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.errors import KubeError


def chart(folder: Path, *files: str) -> Path:
    """Write a chart with such files and return its folder."""
    for name in ("Chart.yaml", *files):
        path = folder / "web" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("name: web\nversion: 1.0.0\n", encoding="utf-8")
    return folder / "web"


@pytest.mark.parametrize(
    ("files", "definitions"),
    [((), False), (("crds/a.yaml",), True), (("charts/db/crds/a.yaml",), True), (("templates/crds.yaml",), False)],
)
def test_folder_and_archive_tell_the_same(tmp_path: Path, files: tuple[str, ...], definitions: bool) -> None:
    folder = chart(tmp_path, *files)
    archive = tmp_path / "web.tgz"
    with tarfile.open(archive, "w:gz") as stream:
        stream.add(folder, "web")
    for found in (charts.read(str(folder)), charts.read(str(archive))):
        assert (found.name, found.version, found.definitions) == ("web", "1.0.0", definitions)
    assert charts.read(str(archive)).digest == hashlib.sha256(archive.read_bytes()).hexdigest()


def test_the_digest_of_a_folder_is_that_of_names_and_contents(tmp_path: Path) -> None:
    one = charts.read(str(chart(tmp_path / "a", "b", "c"))).digest
    assert charts.read(str(chart(tmp_path / "b", "c", "b"))).digest == one
    assert charts.read(str(chart(tmp_path / "c", "b", "d"))).digest != one


def test_what_is_no_chart_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(KubeError, match=r"file: it is no chart \(.*Give a chart's folder or archive"):
        charts.read(str(tmp_path / "file"))
    with pytest.raises(KubeError, match=r"Chart.yaml does not exist. Correct the path"):
        charts.read(str(tmp_path))
