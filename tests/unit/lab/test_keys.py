# SPDX-License-Identifier: GPL-3.0-or-later
"""Content keys: what changes them, and what they are made of."""

from __future__ import annotations

import dataclasses
import typing as t
from pathlib import Path

import pytest

from lab import components, controller
from lab.machine import Interpreter
from lab.table import Component

ROW = Component("etcd", "go.etcd.io/etcd/server/v3", {"etcd": "go.etcd.io/etcd/server/v3"})
GO_MOD = "module x\n\nrequire (\n\tgo.etcd.io/etcd/server/v3 v3.6.14\n)\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "go.mod").write_text(GO_MOD)
    (tmp_path / "go.sum").write_text("sum\n")
    return tmp_path


def test_component_key_is_stable(folder: Path) -> None:
    assert components.key(ROW, folder, "go1.26.8", "amd64") == components.key(ROW, folder, "go1.26.8", "amd64")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"cgo": True}, id="cgo"),
        pytest.param({"tags": ("seccomp",)}, id="tags"),
        pytest.param({"stamps": ("a.b=c",)}, id="stamps"),
        pytest.param({"outputs": {"etcd": "other"}}, id="outputs"),
        pytest.param({"exchanged": {"example.org/library": {"a.go": "a.go"}}}, id="exchanged"),
    ],
)
def test_component_key_follows_the_recipe(folder: Path, change: dict[str, t.Any]) -> None:
    before = components.key(ROW, folder, "go1.26.8", "amd64")
    assert components.key(dataclasses.replace(ROW, **change), folder, "go1.26.8", "amd64") != before


def test_component_key_follows_folder_compiler_and_processor(folder: Path) -> None:
    keys = {components.key(ROW, folder, *machine) for machine in (("go1.26.8", "amd64"), ("go1.26.9", "amd64"))}
    keys.add(components.key(ROW, folder, "go1.26.8", "arm64"))
    (folder / "go.sum").write_text("other\n")
    keys.add(components.key(ROW, folder, "go1.26.8", "amd64"))
    assert len(keys) == 4


def test_environment_key_follows_requirements_and_python() -> None:
    old, new = Interpreter("/usr/bin/python3.12", (3, 12, 1)), Interpreter("/usr/bin/python3.12", (3, 12, 2))
    keys = {controller.key("a==1", old), controller.key("a==2", old), controller.key("a==1", new)}
    assert len(keys) == 3


@pytest.mark.parametrize(
    "go_mod",
    [
        pytest.param(GO_MOD, id="block"),
        pytest.param("module x\nrequire go.etcd.io/etcd/server/v3 v3.6.14\n", id="line"),
        pytest.param(GO_MOD.replace("v3.6.14", "v3.6.14 // indirect"), id="comment"),
    ],
)
def test_version_comes_from_go_mod(go_mod: str) -> None:
    assert components.version_of(ROW, go_mod) == "v3.6.14"


def test_missing_requirement_is_named() -> None:
    with pytest.raises(components.LabError, match=r"lab/components/etcd/go.mod: it does not require go.etcd.io"):
        components.version_of(ROW, "module x\n")


def test_linker_stamps_the_version_and_links_c_statically() -> None:
    row = dataclasses.replace(ROW, cgo=True, stamps=("p.v={version}", "p.m={major}.{minor}"))
    flags = components.linker_flags(row, "v3.6.14")
    assert flags == "-s -w -X p.v=v3.6.14 -X p.m=3.6 -extldflags=-static"
