# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock is read strictly, and the collection's own is complete."""

from __future__ import annotations

import copy
import datetime
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.atarnet.homelab.plugins.module_utils._lab.lock import (
    ARCHITECTURES,
    KUBERNETES_ARTIFACTS,
    LockError,
    is_floating,
    parse,
)

DOCUMENT: dict[str, t.Any] = yaml.safe_load(
    (Path(__file__).resolve().parents[3] / "meta" / "artifacts.yml").read_text(encoding="utf-8")
)
ENTRIES = [(kind, name) for kind in ("artifacts", "images", "charts", "manifests") for name in DOCUMENT[kind]]


def changed(path: tuple[str, ...], value: t.Any) -> dict[str, t.Any]:
    """Return the lock with one value replaced (None: taken out)."""
    document = copy.deepcopy(DOCUMENT)
    *way, last = path
    place = document
    for key in way:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return document


def test_kubernetes_versions_are_newest_first() -> None:
    lock = parse(DOCUMENT)
    assert lock.kubernetes_versions() == ("1.36.4", "1.36.3", "1.36.2", "1.36.1")
    assert lock.kubernetes_versions()[0] == DOCUMENT["artifacts"]["kubeadm"]["version"]


def test_versions_compare_as_numbers() -> None:
    document = copy.deepcopy(DOCUMENT)
    for name in KUBERNETES_ARTIFACTS:
        document["artifacts"][name]["other_versions"]["1.36.10"] = document["artifacts"][name]["other_versions"][
            "1.36.1"
        ]
    assert parse(document).kubernetes_versions()[0] == "1.36.10"


def test_a_version_that_one_program_lacks_is_not_offered() -> None:
    document = changed(("artifacts", "kubectl", "other_versions", "1.36.2"), None)
    assert "1.36.2" not in parse(document).kubernetes_versions()


def test_images_follow_the_version_or_do_not() -> None:
    images = parse(DOCUMENT).images
    assert images["kube_proxy"].reference("1.36.2") == "registry.k8s.io/kube-proxy:v1.36.2"
    assert images["pause"].reference("1.36.2") == "registry.k8s.io/pause:3.10.2"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("artifacts", "runc", "amd64", "sha256"), "abc", "sha256 of runc amd64 is 'abc', not 64 hex digits"),
        (("artifacts", "runc", "arm64", "url"), "http://x/runc", "url of runc arm64 is 'http://x/runc', not https"),
        (("artifacts", "runc", "version"), "latest", "runc has version 'latest', which moves. Pin"),
        (("artifacts", "runc", "arm64"), None, "lacks the key 'arm64'"),
        (("artifacts", "kubelet"), None, "kubelet is missing"),
        (("images", "pause", "tag"), "latest", "pause has version 'latest', which moves"),
        (("images", "pause", "tag"), None, "lacks the key 'tag'"),
        (("charts", "metallb", "sha256"), "abc", "sha256 of chart metallb is 'abc', not 64 hex digits"),
        (("charts", "metallb", "repository"), "oci://x", "url of chart metallb is 'oci://x', not https"),
        (("charts", "metallb", "version"), "latest", "metallb has version 'latest', which moves"),
        (("manifests", "traefik_crds", "sha256"), 1, "sha256 of manifest traefik_crds is 1, not 64 hex digits"),
        (("manifests", "traefik_crds", "version"), "main", "traefik_crds has version 'main', which moves"),
    ],
    ids=[
        "sha256",
        "http",
        "latest artifact",
        "architecture",
        "kubelet",
        "latest image",
        "tag",
        "chart's sha256",
        "chart's repository",
        "latest chart",
        "manifest's sha256",
        "moving manifest",
    ],
)
def test_refused(path: tuple[str, ...], value: t.Any, message: str) -> None:
    with pytest.raises(LockError, match=message):
        parse(changed(path, value))


@pytest.mark.parametrize(
    ("text", "floats"),
    [
        ("latest", True),
        ("LATEST", True),
        ("stable", True),
        ("docker.io/x:latest", True),
        ("v1.2.3", False),
        ("3.10", False),
    ],
    ids=str,
)
def test_floating(text: str, floats: bool) -> None:
    assert is_floating(text) is floats


@pytest.mark.parametrize(("kind", "name"), ENTRIES, ids=[name for _kind, name in ENTRIES])
def test_every_entry_has_licence_and_end_of_life(kind: str, name: str) -> None:
    entry = DOCUMENT[kind][name]
    assert entry["licence"]
    assert entry["end_of_life"] is None or datetime.date.fromisoformat(entry["end_of_life"]) > datetime.date(2026, 1, 1)


def test_every_address_names_its_version_and_architecture_once() -> None:
    seen: dict[str, str] = {}
    for artifact in parse(DOCUMENT).artifacts.values():
        for version, sources in artifact.versions.items():
            for arch in ARCHITECTURES:
                url, sha256 = sources[arch].url, sources[arch].sha256
                assert version in url
                assert arch in url
                assert seen.setdefault(sha256, url) == url, "two files with one checksum"


def test_images_that_follow_have_the_pinned_tag() -> None:
    lock = parse(DOCUMENT)
    following = [image for image in lock.images.values() if image.follows_kubernetes]
    assert len(following) == 4
    assert {image.tag for image in following} == {f"v{lock.artifacts['kubeadm'].version}"}
