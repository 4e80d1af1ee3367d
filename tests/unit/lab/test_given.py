# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot be built is given as what the lock means, or is a stand-in."""

from __future__ import annotations

import hashlib
import typing as t
from pathlib import Path

import pytest
import yaml

from lab import given, images, lockfile
from lab.errors import LabError
from lab.paths import Paths
from lab.table import IMAGES

DEFINITIONS = b"kind: A\n"
LOCK = lockfile.Lock(
    {},
    {given.IMAGE: {"image": "docker.io/nginx/nginx-ingress", "tag": "1"}},
    {},
    {given.DEFINITIONS: {"url": "https://example.org/crds.yaml", "sha256": hashlib.sha256(DEFINITIONS).hexdigest()}},
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the definitions, under another name and among others."""
    (tmp_path / "a.yaml").write_bytes(b"kind: B\n")
    (tmp_path / "z.yml").write_bytes(DEFINITIONS)
    (tmp_path / "image.tar").write_bytes(b"layers")
    return tmp_path


@pytest.mark.parametrize("image", ["", "{folder}/image.tar", "registry.lan/nginx-ingress:5.5.4"])
def test_definitions_are_known_by_their_content(folder: Path, image: str) -> None:
    environ = {"HOMELAB_CRDS": str(folder), "NGINX_IMAGE": image.format(folder=folder)}
    found = given.find(environ, LOCK)
    assert found == given.Given(environ["NGINX_IMAGE"], DEFINITIONS, genuine=True)
    assert found.about == f"NGINX Ingress Controller: {environ['NGINX_IMAGE'] or 'a stand-in'}, definitions given"


@pytest.mark.parametrize("environ", [{}, {"HOMELAB_CRDS": "{folder}"}, {"NGINX_IMAGE": ""}])
def test_without_them_there_are_stand_ins(folder: Path, environ: dict[str, str]) -> None:
    (folder / "z.yml").write_bytes(b"kind: C\n")
    found = given.find({name: value.format(folder=folder) for name, value in environ.items()}, LOCK)
    assert (found.image, found.genuine) == ("", False)
    assert found.about == "NGINX Ingress Controller: a stand-in, definitions of a stand-in"
    kinds = [item["spec"]["names"]["kind"] for item in yaml.safe_load_all(found.definitions)]
    assert {"Policy", "VirtualServer"} < set(kinds)


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"NGINX_IMAGE": "/nowhere/image.tar"}, r"Using NGINX_IMAGE=/nowhere/image\.tar: there is no such file"),
        ({"NGINX_IMAGE": "nginx-ingress:5.5.4"}, r"no file of HOMELAB_CRDS= has the sha256"),
        ({"NGINX_IMAGE": "nginx-ingress:5.5.4", "HOMELAB_CRDS": "/nowhere"}, r"HOMELAB_CRDS=/nowhere has the sha256"),
    ],
)
def test_what_would_not_work_is_refused(environ: dict[str, str], words: str) -> None:
    with pytest.raises(LabError, match=words):
        given.find(environ, LOCK)


class Pushed(images.Images):
    """Notes what would be pushed."""

    def __init__(self, folder: Path, gift: given.Given) -> None:
        self.calls: list[tuple[str, str]] = []
        nothing = t.cast(t.Any, None)
        super().__init__(Paths("lab", folder, folder, folder), LOCK, nothing, nothing, gift, [])

    def _crane(self, verb: str, source: Path | str, image: images.Image, port: int) -> None:
        self.calls.append((verb, str(source)))


@pytest.mark.parametrize(
    ("image", "verb"), [("{folder}/image.tar", "push"), ("registry.lan/nginx-ingress:5.5.4", "copy")]
)
def test_a_given_image_is_put_into_the_registry_as_it_is(folder: Path, image: str, verb: str) -> None:
    source = image.format(folder=folder)
    pushed = Pushed(folder, given.Given(source, DEFINITIONS, genuine=True))
    row = next(one for one in IMAGES if one.name == given.IMAGE)
    pushed._push(row, folder, 5000)
    assert pushed.calls == [(verb, source)]
    assert pushed.reference(row) == "docker.io/nginx/nginx-ingress:1"


def test_a_file_that_changes_is_pushed_again(folder: Path) -> None:
    gift = given.Given(f"{folder}/image.tar", DEFINITIONS, genuine=True)
    before = gift.key
    (folder / "image.tar").write_bytes(b"other layers")
    assert gift.key != before
