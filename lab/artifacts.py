# SPDX-License-Identifier: GPL-3.0-or-later
"""Files in upstream's layout, made of the components that were built here."""

from __future__ import annotations

import bz2
import functools
import json
import re
import shutil
import tempfile
import typing as t
from pathlib import Path
from urllib.parse import urlsplit

from lab import archive, files, given
from lab.components import Builder
from lab.errors import LabError
from lab.given import Given
from lab.lockfile import Lock
from lab.paths import Paths
from lab.table import ARTIFACTS, CHART_CHANGES, CHARTS, MANIFESTS, Artifact, Component

RECIPE = 1
CHECKSUMS = "checksums.json"
ANY = "any"
Checksums = dict[str, dict[str, str]]
"""Artifact, chart or manifest → architecture, or any → sha256."""


def mirrored(url: str) -> str:
    """Return the path under which a mirror serves ``https://HOST/PATH``: ``HOST/PATH``."""
    parts = urlsplit(url)
    return f"{parts.netloc}{parts.path}"


def make_file(artifact: Artifact, members: t.Mapping[str, str], target: Path, binary: t.Callable[[str], Path]) -> None:
    """Write one artifact with its ``members`` to ``target``; ``binary`` tells where a component's program is."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if "" in artifact.members and target.suffix == ".bz2":
        # Level 1: nobody carries it far.
        target.write_bytes(bz2.compress(binary(artifact.members[""]).read_bytes(), 1))
    elif "" in artifact.members:
        shutil.copyfile(binary(artifact.members[""]), target)
    else:
        archive.write_gzip(target, [archive.Entry(path, binary(name)) for path, name in members.items()])


def check_versions(lock: Lock, builder: Builder, components: t.Sequence[Component]) -> None:
    """Refuse to serve a program of ``components`` under the address of another version.

    Raises LabError naming both files when the lock and a component's go.mod disagree.
    """
    by_name = {one.name: one for one in components}
    pins = [("artifact", one.name, lock.version(one.name), one.component) for one in ARTIFACTS]
    pins += [("manifest", name, str(lock.manifests[name]["version"]), one) for name, (one, _) in MANIFESTS.items()]
    for kind, name, version, component in (pin for pin in pins if pin[3] in by_name):
        built = builder.version(by_name[component]).removeprefix("v")
        if built != version:
            raise LabError(
                f"Making {kind} {name} {version}",
                f"lab/components/{component}/go.mod builds {built}",
                "Pin the same version in meta/artifacts.yml and in that go.mod.",
            )


def make_chart(name: str, version: str, source: Path, folder: Path, built: str) -> Path:
    """Write a chart's archive, and the index of a repository that has it, into ``folder``; return the archive.

    ``built`` is the version of its module. Raises LabError when the chart in ``source`` has another version.
    """
    stated = (source / "Chart.yaml").read_text()
    for before, after in CHART_CHANGES.get(name, ()):
        stated = stated.replace(before, after.format(built=built))
    found = re.search(r"^version: (\S+)$", stated, re.MULTILINE)
    if found is None or found[1] != version:
        raise LabError(
            f"Making chart {name} {version}",
            f"the component's module has {found[1] if found else 'none'}",
            "Pin the same version in meta/artifacts.yml and, by the module, in the component's go.mod.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{name}-{version}.tgz"
    members = {path.relative_to(source): path for path in source.rglob("*") if path.is_file()}
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as work:
        work.write(stated)
        work.flush()
        members[Path("Chart.yaml")] = Path(work.name)
        archive.write_gzip(
            target, [archive.Entry(f"{name}/{place}", path, mode=0o644) for place, path in members.items()]
        )
    row = {"apiVersion": "v2", "name": name, "version": version, "urls": [target.name]}
    files.write(folder / "index.yaml", json.dumps({"apiVersion": "v1", "entries": {name: [row]}}))
    return target


class Artifacts:
    """The tree of files for one lock and one set of components, and one that may be given."""

    def __init__(
        self, paths: Paths, lock: Lock, builder: Builder, arch: str, gift: Given, components: t.Sequence[Component]
    ) -> None:
        self._lock, self._builder, self._arch, self._gift = lock, builder, arch, gift
        self._components = {one.name: one for one in components}
        self._charts = {name: of for name, of in CHARTS.items() if of in self._components}
        self._manifests = {name: of for name, of in MANIFESTS.items() if of[0] in self._components}
        self._members = {one.name: one.paths(arch, lock.version(one.name)) for one in ARTIFACTS}
        rows = [
            (one.name, self._members[one.name], builder.key(one.component), lock.url(one.name, arch))
            for one in ARTIFACTS
        ]
        charts = [(lock.charts[name], builder.key(component)) for name, component in self._charts.items()]
        self._root = paths.cache / "artifacts"
        manifests = [(lock.manifests[name], builder.key(component)) for name, (component, _) in self._manifests.items()]
        definitions = (lock.manifests[given.DEFINITIONS], files.sha256_of_bytes(gift.definitions))
        self.key = files.key_of("artifacts", RECIPE, archive.GZIP_LEVEL, rows, charts, manifests, definitions)

    @property
    def tree(self) -> Path:
        """The folder to serve."""
        return self._root / self.key

    def make(self) -> bool:
        """Make the tree unless it is there; return whether it was made."""
        if self.tree.is_dir():
            return False
        check_versions(self._lock, self._builder, list(self._components.values()))
        files.sweep(self._root)
        checksums: Checksums = {}
        with files.published(self.tree) as folder:
            for artifact in ARTIFACTS:
                target = folder / mirrored(self._lock.url(artifact.name, self._arch))
                binary = functools.partial(self._builder.binary, artifact.component)
                make_file(artifact, self._members[artifact.name], target, binary)
                checksums[artifact.name] = {self._arch: files.sha256_of(target)}
            versions = {name: self._builder.version(one) for name, one in self._components.items()}
            for name, component in self._charts.items():
                chart = self._lock.charts[name]
                place = folder / mirrored(chart["repository"])
                source = self._builder.copy(component, "chart")
                made = make_chart(name, chart["version"], source, place, versions[component])
                checksums[name] = {ANY: files.sha256_of(made)}
            for name, (component, what) in self._manifests.items():
                target = folder / mirrored(self._lock.manifests[name]["url"])
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self._builder.copy(component, what), target)
            files.write(folder / mirrored(self._lock.manifests[given.DEFINITIONS]["url"]), self._gift.definitions)
            checksums[given.DEFINITIONS] = {ANY: files.sha256_of_bytes(self._gift.definitions)}
            files.write(folder / CHECKSUMS, json.dumps(checksums, indent=1, sort_keys=True))
        return True

    def checksums(self) -> Checksums:
        """Return the sha256 of every file of a made tree."""
        return t.cast(Checksums, json.loads((self.tree / CHECKSUMS).read_text()))
