# SPDX-License-Identifier: GPL-3.0-or-later
"""All roles are alike: the same files, and defaults that are what their specs say."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
ROLES = sorted(path for path in (CHECKOUT / "roles").iterdir() if path.is_dir())
FILES = ("README.md", "meta/main.yml", "meta/argument_specs.yml", "defaults/main.yml", "tasks/main.yml")
# The collection's input is defined in one role; all others have variables of their own name only.
INPUT_ROLE, INPUT_PREFIX = "validate", "homelab_"
# What can change a lab.
CHANGING = ("host_state", "host_network", "kube_apply", "helm_release", "kubeadm_node")

for_each_role = pytest.mark.parametrize("role", ROLES, ids=lambda path: path.name)


def load(path: Path) -> t.Any:
    """Return the content of a YAML file."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def main_spec(role: Path) -> dict[str, t.Any]:
    """Return the spec of a role's main entry point."""
    spec: dict[str, t.Any] = load(role / "meta" / "argument_specs.yml")["argument_specs"]["main"]
    return spec


def test_there_are_roles() -> None:
    assert ROLES


@for_each_role
def test_has_every_file(role: Path) -> None:
    assert [name for name in FILES if not (role / name).is_file()] == []


@for_each_role
def test_defaults_equal_specs(role: Path) -> None:
    options = main_spec(role).get("options", {})
    specified = {name: option["default"] for name, option in options.items() if "default" in option}
    assert (load(role / "defaults" / "main.yml") or {}) == specified


@for_each_role
def test_spec_is_complete(role: Path) -> None:
    """Each option has type and description, and is either required or has a default."""
    spec = main_spec(role)
    assert spec["short_description"]
    for name, option in spec.get("options", {}).items():
        assert option.get("type") and option.get("description"), name
        assert bool(option.get("required")) != ("default" in option), f"{name}: required or with a default, not both"


@for_each_role
def test_variables_carry_the_roles_name(role: Path) -> None:
    prefix = INPUT_PREFIX if role.name == INPUT_ROLE else f"{role.name}_"
    assert [name for name in main_spec(role).get("options", {}) if not name.startswith(prefix)] == []


@for_each_role
def test_meta_names_the_role(role: Path) -> None:
    info = load(role / "meta" / "main.yml")["galaxy_info"]
    assert info["license"] == "GPL-3.0-or-later"
    assert info["description"]
    assert info.get("role_name", role.name) == role.name


@for_each_role
def test_readme_is_titled_and_shows_the_role_in_use(role: Path) -> None:
    text = (role / "README.md").read_text(encoding="utf-8")
    assert f"# {role.name}\n" in text
    assert f"atarnet.homelab.{role.name}" in text


@for_each_role
def test_changes_are_registered_for_reports(role: Path) -> None:
    """The plan, the drift report and the record of a run are gathered from what roles register."""
    for task in load(role / "tasks" / "main.yml"):
        if not any(f"atarnet.homelab.{name}" in task for name in CHANGING):
            continue
        name = task.get("register", "")
        assert name.startswith(f"{role.name}_") and name.endswith("_result"), task["name"]
