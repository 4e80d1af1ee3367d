# SPDX-License-Identifier: GPL-3.0-or-later
"""Building the components: one Go module each, content-addressed, two at a time."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import tempfile
import threading
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab import files
from lab.errors import LabError
from lab.machine import architecture
from lab.paths import Paths
from lab.process import run
from lab.table import COMPONENTS, Component

TOGETHER = 2
"""How many are built at once: one alone leaves a processor idle while it links, downloads or has one package left."""
RECIPE = 1
"""Raised when the way of building below changes in a way that changes what comes out."""


def version_of(component: Component, go_mod: str) -> str:
    """Return the version (with its v) that ``go_mod`` requires of the component's module, or an empty text."""
    if not component.module:
        return ""
    match = re.search(rf"^\s*(?:require\s+)?{re.escape(component.module)} (v\S+)", go_mod, re.MULTILINE)
    if match is None:
        raise LabError(
            f"Reading lab/components/{component.name}/go.mod",
            f"it does not require {component.module}",
            "Add the module with its version.",
        )
    return match[1]


def linker_flags(component: Component, version: str) -> str:
    """Return the value of -ldflags: stripped, stamped with the version, static where C is linked."""
    numbers = [*version.lstrip("v").split("."), "", ""][:2]
    stamps = [stamp.format(version=version, major=numbers[0], minor=numbers[1]) for stamp in component.stamps]
    flags = ["-s", "-w", *(f"-X {stamp}" for stamp in stamps)]
    if component.cgo:
        flags.append("-extldflags=-static")
    return " ".join(flags)


def key(component: Component, folder: Path, go_version: str, goarch: str) -> str:
    """Return the content key of what building ``folder`` by the table's row gives."""
    row = {
        "outputs": component.outputs,
        "cgo": component.cgo,
        "tags": list(component.tags),
        "stamps": list(component.stamps),
        # Only where there are some: the others are built for half an hour.
        **({"copies": dict(component.copies)} if component.copies else {}),
        **({"exchanged": component.exchanged} if component.exchanged else {}),
    }
    return files.key_of("component", RECIPE, component.name, files.digests_below(folder), row, go_version, goarch)


class Builder:
    """Builds components into the cache; answers where their programs are."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._go_version = subprocess.run(["go", "env", "GOVERSION"], capture_output=True, text=True).stdout.strip()
        self._keys = {
            one.name: key(one, paths.components / one.name, self._go_version, architecture()) for one in COMPONENTS
        }

    def key(self, name: str) -> str:
        """Return the content key of a component."""
        return self._keys[name]

    def binary(self, name: str, binary: str) -> Path:
        """Return where a component's program is once it is built."""
        return self._folder(name) / "bin" / binary

    def copy(self, name: str, what: str) -> Path:
        """Return where something of a component's module is once it is built."""
        return self._folder(name) / what

    def built(self, name: str) -> bool:
        """Tell whether a component is in the cache."""
        return self._folder(name).is_dir()

    def version(self, component: Component) -> str:
        """Return the version that the component's go.mod pins."""
        return version_of(component, (self._paths.components / component.name / "go.mod").read_text())

    def build(self, components: t.Sequence[Component], say: t.Callable[[str], None]) -> int:
        """Build those of ``components`` that are not in the cache; return how many that were."""
        missing = [one for one in components if not self.built(one.name)]
        failed = threading.Event()

        def build(place: int, component: Component) -> None:
            if failed.is_set():
                return
            label = f"[{place}/{len(missing)}] building {component.name} {self.version(component)}".rstrip()
            say(f"{label} ...")
            began = time.monotonic()
            try:
                with files.published(self._folder(component.name)) as folder:
                    self._compile(component, folder / "bin")
                    if component.copies:
                        self._copy(component, folder)
            except BaseException:
                failed.set()
                raise
            say(f"{label}: {time.monotonic() - began:.0f} s")

        with ThreadPoolExecutor(TOGETHER) as builders:
            builds = [builders.submit(build, place, one) for place, one in enumerate(missing, start=1)]
        for one in builds:
            one.result()
        return len(missing)

    def _folder(self, name: str) -> Path:
        return self._paths.cache / "components" / f"{name}-{self._keys[name]}"

    def _module(self, component: Component, module: str) -> Path:
        """Return where the sources of a module are that the component is built with."""
        # A module that was not downloaded yet has no folder: `go list` says so by an empty line.
        for verb in ("mod", "download"), ("list", "-m", "-f", "{{.Dir}}"):
            said = run(
                ["go", *verb, module],
                attempted=f"Looking for {module} of the component {component.name}",
                cwd=self._paths.components / component.name,
                env=self._environment(component),
            )
        return Path(said.strip())

    def _copy(self, component: Component, folder: Path) -> None:
        module = self._module(component, component.module)
        for name, path in component.copies.items():
            source = module / path
            (shutil.copytree if source.is_dir() else shutil.copyfile)(source, folder / name)

    def _environment(self, component: Component) -> dict[str, str]:
        return {
            "CGO_ENABLED": "1" if component.cgo else "0",
            "GOFLAGS": "-buildvcs=false -mod=readonly -modcacherw",
            # Compilers of big packages are fastest when they do not collect what the next second needs.
            "GOGC": "400",
            # Go's caches are several times what comes out; here `make clean` takes them along.
            "GOCACHE": str(self._paths.cache / "go" / "build"),
            "GOMODCACHE": str(self._paths.cache / "go" / "mod"),
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
        }

    @contextlib.contextmanager
    def _sources(self, component: Component) -> t.Iterator[Path]:
        """Give the folder to build in: the component's, or a copy beside the modules that have files exchanged."""
        own = self._paths.components / component.name
        if not component.exchanged:
            yield own
            return
        with tempfile.TemporaryDirectory(prefix=files.PARTIAL, dir=self._paths.cache / "components") as name:
            folder = shutil.copytree(own, Path(name) / component.name)
            for number, (module, exchanged) in enumerate(component.exchanged.items()):
                place = shutil.copytree(self._module(component, module), folder / "modules" / str(number))
                for path, source in exchanged.items():
                    shutil.copyfile(own / source, place / path)
                run(
                    ["go", "mod", "edit", f"-replace={module}=./modules/{number}"],
                    attempted=f"Exchanging files of {module} in the component {component.name}",
                    cwd=folder,
                    env=self._environment(component),
                )
            yield folder

    def _compile(self, component: Component, target: Path) -> None:
        flags = ["-trimpath", "-ldflags", linker_flags(component, self.version(component))]
        if component.tags:
            flags += ["-tags", ",".join(component.tags)]
        with self._sources(component) as folder:
            for binary, package in component.outputs.items():
                run(
                    ["go", "build", *flags, "-o", target / binary, package],
                    attempted=f"Building {binary} of the component {component.name}",
                    remedy=f"See lab/components/{component.name}; `python3 -m lab supply` builds again.",
                    cwd=folder,
                    env=self._environment(component),
                    log=self._paths.log(f"build-{component.name}-{binary}"),
                )
