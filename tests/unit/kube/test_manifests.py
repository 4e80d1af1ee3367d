# SPDX-License-Identifier: GPL-3.0-or-later
"""Published files of objects are fetched once, and are what their SHA-256 says."""

from __future__ import annotations

import hashlib
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._kube import manifests
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.errors import KubeError

from tests.unit.host.server import Mirror

TEXT = b"kind: A\n---\nkind: B\n"


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """A server, and a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    server = Mirror()
    server.files["/crds.yml"] = TEXT
    yield server
    server.close()


def wanted(*urls: str, text: bytes = TEXT) -> list[dict[str, t.Any]]:
    return [{"name": "crds", "urls": list(urls), "sha256": hashlib.sha256(text).hexdigest()}]


def test_it_is_asked_for_once_and_mirrors_in_their_order(mirror: Mirror) -> None:
    places = (mirror.url("/nowhere.yml"), mirror.url("/crds.yml"))
    assert manifests.read(wanted(*places)) == [("crds", TEXT.decode())]
    assert len(mirror.requests) == 2
    assert manifests.read(wanted(*places)) == [("crds", TEXT.decode())]
    assert len(mirror.requests) == 2, "what is here asks nobody"


def test_nothing_wanted_makes_nothing(mirror: Mirror, tmp_path: Path) -> None:
    assert manifests.read([]) == [] and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "text", "words"), [("/none", TEXT, "HTTP 404"), ("/crds.yml", b"other", "has sha256")]
)
def test_what_cannot_be_had_is_told_with_the_cause(mirror: Mirror, path: str, text: bytes, words: str) -> None:
    with pytest.raises(KubeError, match=f"Cannot download crds: .*{words}"):
        manifests.read(wanted(mirror.url(path), text=text))


def test_what_was_damaged_in_the_cache_is_fetched_again(mirror: Mirror, tmp_path: Path) -> None:
    manifests.read(wanted(mirror.url("/crds.yml")))
    next((tmp_path / "atarnet-homelab" / "manifests").iterdir()).write_text("kind: C\n")
    assert manifests.read(wanted(mirror.url("/crds.yml"))) == [("crds", TEXT.decode())]
