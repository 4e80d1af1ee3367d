# SPDX-License-Identifier: GPL-3.0-or-later
"""Container images under their upstream names, put into the storage of the labs' registry.

An image is written as an OCI layout: at most a layer cut from Debian and a layer with the
component's programs, uncompressed (they cross one bridge; unpacking would cost more than
sending). Layers that images share are the same bytes, so they are stored and pulled once.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import tempfile
import time
import typing as t
from dataclasses import asdict
from pathlib import Path

from lab import archive, authority, files, given, rootfs, web
from lab.components import Builder
from lab.errors import LabError
from lab.given import Given
from lab.lockfile import Lock
from lab.machine import architecture
from lab.paths import Paths
from lab.process import run
from lab.table import IMAGES, Component, Image

RECIPE = 1
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/bin"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_TRUSTED = "etc/ssl/certs/ca-certificates.crt"


def manifest_and_config(image: Image, layers: list[tuple[str, int]], arch: str) -> tuple[bytes, bytes]:
    """Return an image's manifest and config for layers given as (sha256, bytes)."""
    settings: dict[str, t.Any] = {"Env": [f"PATH={SEARCH_PATH}"]}
    if image.entrypoint:
        settings["Entrypoint"] = list(image.entrypoint)
    if image.user:
        settings["User"] = image.user
    config = _json(
        {
            "architecture": arch,
            "os": "linux",
            "config": settings,
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest, _ in layers]},
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": _descriptor(_CONFIG, files.sha256_of_bytes(config), len(config)),
            "layers": [_descriptor(_LAYER, digest, size) for digest, size in layers],
        }
    )
    return manifest, config


def _json(data: t.Any) -> bytes:
    return json.dumps(data, sort_keys=True, separators=(",", ":")).encode()


def _descriptor(media_type: str, digest: str, size: int) -> dict[str, t.Any]:
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": size}


class Images:
    """The images of one lock, one set of components and one depot, and one that may be given."""

    def __init__(
        self,
        paths: Paths,
        lock: Lock,
        builder: Builder,
        system: rootfs.System,
        gift: Given,
        components: t.Sequence[Component],
    ) -> None:
        self._paths, self._lock, self._builder, self._system, self._gift = paths, lock, builder, system, gift
        built = {one.name for one in components}
        self._images = [image for image in IMAGES if not image.component or image.component in built]
        self._marks = paths.cache / "images"

    @property
    def storage(self) -> Path:
        """The registry's storage, shared by all labs of this machine."""
        return self._paths.cache / "registry"

    def reference(self, image: Image) -> str:
        """Return the reference that nodes use."""
        return image.reference or self._lock.reference(image.name)

    def missing(self) -> list[Image]:
        """List the images that the storage does not have in their current form."""
        return [image for image in self._images if not self._stored(image)]

    def make(self, say: t.Callable[[str], None]) -> int:
        """Make and push what is missing; return how many images that were."""
        missing = self.missing()
        if not missing:
            return 0
        layers = self._paths.cache / "layers"
        files.sweep(layers)
        with registry(self._builder.binary("registry", "registry"), self.storage, self._paths.log("registry")) as port:
            for place, image in enumerate(missing, start=1):
                began = time.monotonic()
                self._push(image, layers, port)
                files.write(self._mark(image), self._key(image))
                seconds = time.monotonic() - began
                say(f"[{place}/{len(missing)}] image {self.reference(image)}: {seconds:.1f} s")
        return len(missing)

    def _key(self, image: Image) -> str:
        if self._is_given(image):
            return files.key_of("given", self._gift.key)
        parts = [RECIPE, rootfs.RECIPE, asdict(image), self.reference(image), SEARCH_PATH]
        if image.component:
            parts.append(self._builder.key(image.component))
        if image.packages:
            parts.append(self._system.depot_key)
        if image.trusts:
            parts.append(authority.root(self._paths.cache).read_text())
        return files.key_of("image", parts)

    def _mark(self, image: Image) -> Path:
        return self._marks / self.reference(image).replace("/", "_").replace(":", "_")

    def _stored(self, image: Image) -> bool:
        repository, _, tag = self.reference(image).rpartition(":")
        link = self.storage / "docker/registry/v2/repositories" / repository / "_manifests/tags" / tag / "current/link"
        mark = self._mark(image)
        return link.exists() and mark.exists() and mark.read_text() == self._key(image)

    def _is_given(self, image: Image) -> bool:
        return image.name == given.IMAGE and bool(self._gift.image)

    def _push(self, image: Image, layers: Path, port: int) -> None:
        if self._is_given(image):
            self._crane("push" if Path(self._gift.image).is_file() else "copy", self._gift.image, image, port)
            return
        blobs = [self._package_layer(image, layers)] if image.packages else []
        if image.files or image.links:
            blobs.append(self._program_layer(image, layers))
        manifest, config = manifest_and_config(
            image, [(blob.name, blob.stat().st_size) for blob in blobs], architecture()
        )
        with tempfile.TemporaryDirectory(prefix=files.PARTIAL, dir=layers) as name:
            layout = Path(name)
            folder = layout / "blobs" / "sha256"
            folder.mkdir(parents=True)
            for content in (manifest, config):
                (folder / files.sha256_of_bytes(content)).write_bytes(content)
            for blob in blobs:
                os.link(blob, folder / blob.name)
            index = {
                "schemaVersion": 2,
                "manifests": [_descriptor(_MANIFEST, files.sha256_of_bytes(manifest), len(manifest))],
            }
            (layout / "index.json").write_bytes(_json(index))
            (layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
            self._crane("push", layout, image, port)

    def _crane(self, verb: str, source: Path | str, image: Image, port: int) -> None:
        reference = self.reference(image)
        run(
            [self._builder.binary("crane", "crane"), verb, source, f"localhost:{port}/{reference}"],
            attempted=f"Pushing image {reference} into the lab's registry",
            remedy=f"See {self._paths.log('registry')}.",
        )

    def _package_layer(self, image: Image, layers: Path) -> Path:
        key = files.key_of("packages", RECIPE, rootfs.RECIPE, self._system.depot_key, list(image.packages))
        return _layer(layers / key, lambda: rootfs.cut(self._system.depot, image.packages))

    def _program_layer(self, image: Image, layers: Path) -> Path:
        trusted = [authority.root(self._paths.cache).read_text()] if image.trusts else []
        programs = self._builder.key(image.component) if image.component else ""
        key = files.key_of("programs", RECIPE, programs, image.files, image.links, *trusted)
        return _layer(layers / key, lambda: self._program_entries(image))

    def _program_entries(self, image: Image) -> list[archive.Entry]:
        entries = [archive.Entry("tmp", mode=0o1777)]
        for path, name in (image.files or {}).items():
            entries.append(archive.Entry(path, self._builder.binary(image.component, name)))
        entries += [archive.Entry(path, link=target) for path, target in (image.links or {}).items()]
        if image.trusts:
            entries.append(archive.Entry(_TRUSTED, authority.root(self._paths.cache), mode=0o644))
        return entries


def _layer(folder: Path, entries: t.Callable[[], list[archive.Entry]]) -> Path:
    """Return the layer file below ``folder``, named by its sha256; make it when it is not there."""
    if not folder.is_dir():
        with files.published(folder) as partial:
            archive.write_file(partial / "layer", entries())
            (partial / "layer").rename(partial / files.sha256_of(partial / "layer"))
    return next(folder.iterdir())


@contextlib.contextmanager
def registry(program: Path, storage: Path, log: Path) -> t.Iterator[int]:
    """Run a registry on ``storage`` for the length of the block; give the loopback port it listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    storage.mkdir(parents=True, exist_ok=True)
    config = log.with_suffix(".json")
    files.write(config, json.dumps(configuration(str(storage), f"127.0.0.1:{port}", read_only=False)))
    with log.open("wb") as stream:
        process = subprocess.Popen([program, "serve", config], stdout=stream, stderr=subprocess.STDOUT)
    try:
        _wait(port, process, log)
        yield port
    finally:
        process.terminate()
        process.wait()


def configuration(storage: str, address: str, *, read_only: bool) -> dict[str, t.Any]:
    """Return the registry's configuration."""
    return {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": storage},
            "maintenance": {"readonly": {"enabled": read_only}, "uploadpurging": {"enabled": False}},
        },
        "http": {"addr": address},
    }


def _wait(port: int, process: subprocess.Popen[bytes], log: Path, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        if web.answers(f"http://127.0.0.1:{port}/v2/"):
            return
        time.sleep(0.1)
    cause = log.read_text(errors="replace") or f"port {port} did not answer within {seconds:.0f} s"
    raise LabError("Starting the registry that images are pushed to", cause, f"See {log}.")
