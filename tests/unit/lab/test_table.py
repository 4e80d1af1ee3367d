# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables, the component folders and the lock agree."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from lab import artifacts, components, lockfile, table
from lab.table import ARTIFACTS, COMPONENTS, DEVELOPER_TOOLS, IMAGES, JUDGES

CHECKOUT = Path(__file__).resolve().parents[3]
FOLDERS = CHECKOUT / "lab" / "components"
BY_NAME = {one.name: one for one in COMPONENTS}


@pytest.fixture(name="lock")
def _lock() -> lockfile.Lock:
    data = yaml.safe_load((CHECKOUT / "meta" / "artifacts.yml").read_text())
    return lockfile.Lock(data["artifacts"], data["images"], data["charts"], data["manifests"])


class Pins:
    """Stands in for the builder: versions as the go.mod files pin them, one of them changed."""

    def __init__(self, changed: str | None = None) -> None:
        self._changed = changed

    def version(self, component: components.Component) -> str:
        if component.name == self._changed:
            return "v0.0.1"
        return components.version_of(component, (FOLDERS / component.name / "go.mod").read_text())


def test_every_folder_is_in_the_table() -> None:
    assert {path.name for path in FOLDERS.iterdir()} == set(BY_NAME)


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda one: one.name)
def test_every_component_pins_its_version(component: components.Component) -> None:
    version = components.version_of(component, (FOLDERS / component.name / "go.mod").read_text())
    assert version.startswith("v") == bool(component.module)


def test_artifacts_are_built_in_the_locks_versions(lock: lockfile.Lock) -> None:
    artifacts.check_versions(lock, Pins(), COMPONENTS)  # type: ignore[arg-type]


def test_another_version_is_refused_by_name(lock: lockfile.Lock) -> None:
    with pytest.raises(artifacts.LabError, match=r"artifact runc .*lab/components/runc/go\.mod builds 0\.0\.1"):
        artifacts.check_versions(lock, Pins("runc"), COMPONENTS)  # type: ignore[arg-type]


def test_what_is_only_for_something_is_not_built_without_it(lock: lockfile.Lock) -> None:
    every, storage = ({one.name for one in table.components(purpose)} for purpose in ("", table.STORAGE))
    assert storage - every == {"topolvm", "volume-snapshots"} and not every - storage
    # Nor is it looked for: its version would be the wrong one.
    artifacts.check_versions(lock, Pins("volume-snapshots"), table.components(""))  # type: ignore[arg-type]


def test_every_use_of_a_component_names_a_program_of_it(lock: lockfile.Lock) -> None:
    used = [(one.component, set(one.members.values())) for one in ARTIFACTS]
    used += [(one.component, set((one.files or {}).values())) for one in IMAGES if one.component]
    used += [(component, {tool}) for tool, component in DEVELOPER_TOOLS.items()]
    used += [(component, {binary}) for component, binary in JUDGES.values()]
    for component, programs in used:
        assert programs <= set(BY_NAME[component].outputs), component


def test_every_image_has_a_reference(lock: lockfile.Lock) -> None:
    references = [one.reference or lock.reference(one.name) for one in IMAGES]
    assert len(set(references)) == len(references)
    assert {one.name for one in IMAGES if not one.reference} == set(lock.images)


def test_unknown_image_is_named(lock: lockfile.Lock) -> None:
    with pytest.raises(lockfile.LabError, match=r"image nothing: meta/artifacts.yml has no such image"):
        lock.reference("nothing")
