# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock (meta/artifacts.yml): which files and images come from outside, by version, address and checksum."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

ARCHITECTURES = ("amd64", "arm64")
# What charts and manifests are for.
ANY = "any"
SHA256 = re.compile(r"[0-9a-f]{64}")
# These three are released together and must never be mixed.
KUBERNETES_ARTIFACTS = ("kubeadm", "kubelet", "kubectl")
_FLOATING = ("latest", "stable", "edge", "main", "master")


class LockError(ValueError):
    """The lock itself is malformed."""


@dataclass(frozen=True)
class Source:
    """Where one file for one architecture comes from, and its sha256 (64 hex digits)."""

    url: str
    sha256: str


@dataclass(frozen=True)
class Artifact:
    """One file by pinned version; *versions* has every known version -> architecture -> source."""

    name: str
    version: str
    versions: t.Mapping[str, t.Mapping[str, Source]]


@dataclass(frozen=True)
class Image:
    """One container image; *follows_kubernetes* makes its tag that of the cluster's version."""

    name: str
    repository: str
    tag: str
    follows_kubernetes: bool

    def reference(self, kubernetes_version: str) -> str:
        """Return registry/repository:tag."""
        return f"{self.repository}:{'v' + kubernetes_version if self.follows_kubernetes else self.tag}"


@dataclass(frozen=True)
class Chart:
    """One Helm chart of a repository, by version and the sha256 of its archive."""

    name: str
    repository: str
    version: str
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """One file of Kubernetes objects, by version, address and sha256."""

    name: str
    version: str
    source: Source


@dataclass(frozen=True)
class Lock:
    """The whole lock."""

    artifacts: t.Mapping[str, Artifact]
    images: t.Mapping[str, Image]
    charts: t.Mapping[str, Chart]
    manifests: t.Mapping[str, Manifest]

    def kubernetes_versions(self) -> tuple[str, ...]:
        """Return the Kubernetes versions that every one of its programs is locked for, newest first."""
        known = [set(self.artifacts[name].versions) for name in KUBERNETES_ARTIFACTS]
        return tuple(sorted(set.intersection(*known), key=_numbers, reverse=True))


def parse(document: t.Mapping[str, t.Any]) -> Lock:
    """Return the lock of a parsed meta/artifacts.yml.

    Raises LockError naming the entry, when one lacks a key, floats or has something that is no sha256.
    """
    try:
        artifacts = {name: _artifact(name, entry) for name, entry in document["artifacts"].items()}
        images = {name: _image(name, entry) for name, entry in document["images"].items()}
        charts = {name: _chart(name, entry) for name, entry in document["charts"].items()}
        manifests = {name: _manifest(name, entry) for name, entry in document["manifests"].items()}
    except KeyError as error:
        raise LockError(f"Reading the lock: an entry lacks the key {error}. Add it to meta/artifacts.yml.") from error
    missing = [name for name in KUBERNETES_ARTIFACTS if name not in artifacts]
    if missing:
        raise LockError(f"Reading the lock: {', '.join(missing)} is missing. Add it to meta/artifacts.yml.")
    return Lock(artifacts, images, charts, manifests)


def is_floating(text: str) -> bool:
    """Tell whether a version or tag means something else tomorrow."""
    return text.lower().lstrip("v").rpartition(":")[2] in _FLOATING


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def _artifact(name: str, entry: t.Mapping[str, t.Any]) -> Artifact:
    pinned = str(entry["version"])
    releases = {pinned: entry, **entry.get("other_versions", {})}
    versions = {}
    for version, sources in releases.items():
        _refuse_floating(name, str(version))
        versions[str(version)] = {arch: _source(name, arch, sources[arch]) for arch in ARCHITECTURES}
    return Artifact(name, pinned, versions)


def _source(name: str, arch: str, entry: t.Mapping[str, t.Any]) -> Source:
    url, sha256 = entry["url"], entry["sha256"]
    _refuse_source(f"{name} {arch}", url, sha256)
    return Source(url, sha256)


def _chart(name: str, entry: t.Mapping[str, t.Any]) -> Chart:
    version, repository, sha256 = str(entry["version"]), entry["repository"], entry["sha256"]
    _refuse_floating(name, version)
    _refuse_source(f"chart {name}", repository, sha256)
    return Chart(name, repository, version, sha256)


def _manifest(name: str, entry: t.Mapping[str, t.Any]) -> Manifest:
    _refuse_floating(name, str(entry["version"]))
    return Manifest(name, str(entry["version"]), _source("manifest", name, entry))


def _refuse_source(what: str, url: str, sha256: t.Any) -> None:
    if not isinstance(sha256, str) or not SHA256.fullmatch(sha256):
        raise LockError(f"Reading the lock: sha256 of {what} is {sha256!r}, not 64 hex digits. Correct it.")
    if not url.startswith("https://"):
        raise LockError(f"Reading the lock: url of {what} is {url!r}, not https. Name the upstream address.")


def _image(name: str, entry: t.Mapping[str, t.Any]) -> Image:
    tag = str(entry["tag"])
    _refuse_floating(name, tag)
    return Image(name, entry["image"], tag, entry.get("follows") == "kubernetes")


def _refuse_floating(name: str, version: str) -> None:
    if is_floating(version):
        raise LockError(f"Reading the lock: {name} has version {version!r}, which moves. Pin an exact version.")
