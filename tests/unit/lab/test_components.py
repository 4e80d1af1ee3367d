# SPDX-License-Identifier: GPL-3.0-or-later
"""What a component is built from: its own folder, or a copy beside modules that have files exchanged."""

from __future__ import annotations

import os
import subprocess
import threading
import time
import zipfile
from pathlib import Path

import pytest

from lab import components, paths
from lab.errors import LabError
from lab.table import Component

PLAIN = Component("plain", "example.org/plain", {"plain": "."})
CHANGED = Component(
    "changed",
    "example.org/changed",
    {"changed": "."},
    exchanged={"example.org/library": {"inner/words.go": "words/words.go"}},
)


@pytest.fixture(name="builder")
def _builder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> components.Builder:
    """A builder of both; the library lies where Go's cache of modules would be."""
    for name, text in {
        "lab/components/plain/go.mod": "module plain\n",
        "lab/components/changed/go.mod": "module changed\n",
        "lab/components/changed/words/words.go": "package inner // ours\n",
        "library/go.mod": "module example.org/library\n",
        "library/inner/words.go": "package inner // theirs\n",
        "library/inner/others.go": "package inner // untouched\n",
        "cache/components/.keep": "",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(components, "COMPONENTS", (PLAIN, CHANGED))
    monkeypatch.setattr(components.Builder, "_module", lambda *_arguments: tmp_path / "library")
    return components.Builder(paths.Paths("lab", tmp_path, tmp_path / "cache", tmp_path / "states"))


def test_a_component_is_built_where_it_lies(builder: components.Builder, tmp_path: Path) -> None:
    with builder._sources(PLAIN) as folder:
        assert folder == tmp_path / "lab" / "components" / "plain"


def test_an_exchanged_file_is_in_a_copy_of_its_module_alone(builder: components.Builder, tmp_path: Path) -> None:
    with builder._sources(CHANGED) as folder:
        assert "replace example.org/library => ./modules/0" in (folder / "go.mod").read_text()
        assert (folder / "modules/0/inner/words.go").read_text() == "package inner // ours\n"
        assert (folder / "modules/0/inner/others.go").read_text() == "package inner // untouched\n"
    assert (tmp_path / "library/inner/words.go").read_text() == "package inner // theirs\n"
    assert (tmp_path / "lab/components/changed/go.mod").read_text() == "module changed\n"
    assert [path.name for path in (tmp_path / "cache/components").iterdir()] == [".keep"]


def test_what_is_built_beside_a_failure_is_kept_and_nothing_more_is_begun(
    builder: components.Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    three = [Component(name, "", {name: "."}) for name in ("good", "bad", "later")]
    monkeypatch.setattr(builder, "_keys", {one.name: "0" for one in three})
    monkeypatch.setattr(components.Builder, "version", lambda *_arguments: "")
    both = threading.Barrier(2, timeout=30)
    begun = []

    def compile_(_self: components.Builder, component: Component, target: Path) -> None:
        begun.append(component.name)
        both.wait()
        if component.name == "bad":
            raise LabError("Building bad", "it is bad", "Mend it.")
        time.sleep(0.3)
        target.mkdir()

    monkeypatch.setattr(components.Builder, "_compile", compile_)
    with pytest.raises(LabError, match="it is bad"):
        builder.build(three, lambda _text: None)
    assert sorted(begun) == ["bad", "good"]
    assert builder.built("good") and not builder.built("bad")


def test_a_module_is_fetched_where_nothing_was_built_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served = tmp_path / "served/example.org/library/@v"
    served.mkdir(parents=True)
    (served / "v1.0.0.info").write_text('{"Version": "v1.0.0"}')
    (served / "v1.0.0.mod").write_text("module example.org/library\n")
    with zipfile.ZipFile(served / "v1.0.0.zip", "w") as archive:
        archive.writestr("example.org/library@v1.0.0/go.mod", "module example.org/library\n")
        archive.writestr("example.org/library@v1.0.0/inner/words.go", "package inner\n")
    own = tmp_path / "lab/components/changed"
    own.mkdir(parents=True)
    (own / "go.mod").write_text("module changed\n\ngo 1.24\n\nrequire example.org/library v1.0.0\n")
    monkeypatch.setattr(components, "COMPONENTS", (CHANGED,))
    for name, value in {"GOPROXY": f"file://{tmp_path / 'served'}", "GONOSUMDB": "*", "GOPRIVATE": ""}.items():
        monkeypatch.setenv(name, value)
    sums = {**os.environ, "GOFLAGS": "-mod=mod -modcacherw", "GOMODCACHE": str(tmp_path / "elsewhere")}
    subprocess.run(["go", "mod", "download", "example.org/library"], cwd=own, env=sums, check=True)
    builder = components.Builder(paths.Paths("lab", tmp_path, tmp_path / "cache", tmp_path / "states"))
    assert (builder._module(CHANGED, "example.org/library") / "inner/words.go").is_file()
