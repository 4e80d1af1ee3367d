# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about supplies: versions the lock knows, mirrors that are URLs, checksums that are checksums."""

from __future__ import annotations

import re
import typing as t
from urllib.parse import urlsplit

from .lock import ANY, ARCHITECTURES, SHA256, Lock, is_floating
from .problems import Findings, did_you_mean
from .specs import Values

_REGISTRY = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?")


def check_supply(known: Values, lock: Lock, findings: Findings) -> None:
    """Report what cannot be fetched: unknown versions, bad mirrors, bad checksums."""
    if "homelab_kubernetes_version" in known:
        _check_version(known["homelab_kubernetes_version"], lock, findings)
    for key in sorted(set(known) - {"homelab_kubernetes_version"}):
        _refuse_latest(key, known[key], findings)
    _check_mirrors("homelab_artifact_mirrors", known.get("homelab_artifact_mirrors", []), findings)
    _check_registries(known.get("homelab_registry_mirrors", {}), findings)
    _check_checksums(known.get("homelab_artifact_checksums", {}), lock, findings)


def _check_version(version: str, lock: Lock, findings: Findings) -> None:
    key, supported = "homelab_kubernetes_version", lock.kubernetes_versions()
    if version in supported:
        return
    if is_floating(version):
        reason = "it means something else tomorrow, and nothing here is installed unpinned"
    elif version.startswith("v") and version[1:] in supported:
        findings.add(key, version, 'it is written without "v"', f'Write "{version[1:]}"')
        return
    else:
        reason = "the lock has no checksums for it"
    findings.add(key, version, reason, f"Use one of {', '.join(supported)}")


def _refuse_latest(key: str, value: t.Any, findings: Findings) -> None:
    """Report every text inside *value* that is, or is tagged, "latest"."""
    if isinstance(value, dict):
        for name, item in value.items():
            _refuse_latest(f"{key}.{name}", item, findings)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _refuse_latest(f"{key}[{index}]", item, findings)
    elif isinstance(value, str) and (value == "latest" or value.endswith(":latest")):
        findings.add(key, value, "it means something else tomorrow", "Name an exact version")


def _check_mirrors(key: str, urls: t.Sequence[t.Any], findings: Findings) -> None:
    for index, url in enumerate(urls):
        wrong = _wrong_url(url)
        if wrong:
            findings.add(
                f"{key}[{index}]", url, wrong, "Write a base URL, for example http://mirror.lab.home.arpa/files"
            )


def _wrong_url(url: t.Any) -> str:
    """Return why *url* cannot be the base of others; empty when it can."""
    if not isinstance(url, str):
        return "it must be text"
    if url != url.strip() or any(character.isspace() for character in url):
        return "it has white space"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return f"it is not a URL ({error})"
    if parts.scheme not in ("http", "https"):
        return "it does not begin with http:// or https://"
    if not parts.hostname or port == 0:
        return "it names no host, or port 0"
    if "?" in url or "#" in url:
        return "it has a query or fragment, and paths are appended to it"
    if parts.username is not None or parts.password is not None:
        return "it carries a user or password, which would show in logs"
    return ""


def _check_registries(mirrors: t.Mapping[t.Any, t.Any], findings: Findings) -> None:
    for host, urls in mirrors.items():
        key = f"homelab_registry_mirrors.{host}"
        if not isinstance(host, str) or not _REGISTRY.fullmatch(host):
            reason = "the key is not a registry host"
            findings.add(key, urls, reason, "Use the host as it stands in image names, for example registry.k8s.io")
        elif not isinstance(urls, list) or not urls:
            findings.add(key, urls, "it must be a list of base URLs with at least one", f'Write {host}: ["http://..."]')
        else:
            _check_mirrors(key, urls, findings)


def _check_checksums(checksums: t.Mapping[t.Any, t.Any], lock: Lock, findings: Findings) -> None:
    for artifact, entry in checksums.items():
        key = f"homelab_artifact_checksums.{artifact}"
        if artifact not in {**lock.artifacts, **lock.charts, **lock.manifests}:
            names = [*lock.artifacts, *lock.charts, *lock.manifests]
            hint = did_you_mean(str(artifact), names)
            findings.add(key, entry, "the lock has no such artifact", f"{hint}Use one of {', '.join(names)}")
        elif not isinstance(entry, dict):
            findings.add(key, entry, "it must map architectures to sha256", f"Write {artifact}: {{amd64: <sha256>}}")
        else:
            _check_architectures(key, entry, ARCHITECTURES if artifact in lock.artifacts else (ANY,), findings)


def _check_architectures(key: str, entry: t.Mapping[t.Any, t.Any], known: t.Sequence[str], findings: Findings) -> None:
    for arch, sha256 in entry.items():
        if arch not in known:
            hint = did_you_mean(str(arch), known)
            fix = f"{hint}Use {' or '.join(known)}"
            findings.add(f"{key}.{arch}", sha256, "the architecture is unknown", fix)
        elif not isinstance(sha256, str) or not SHA256.fullmatch(sha256):
            fix = "Paste what sha256sum prints for the file"
            findings.add(f"{key}.{arch}", sha256, "it is not a sha256: 64 lower-case hex digits, in quotes", fix)
