# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task wants of each release, read and judged before anything is asked."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from .._kube.errors import KubeError

Json = dict[str, t.Any]
PRESENT, ABSENT = "present", "absent"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,51}[a-z0-9])?")
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_VERSION = re.compile(r"v?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
_DIGEST = re.compile(r"(sha256:)?([0-9a-f]{64})")


@dataclass(frozen=True)
class Release:
    """One desired release. digest is 64 hexadecimal digits or empty; timeout is in seconds."""

    name: str
    namespace: str
    state: str = PRESENT
    chart: str = ""
    repositories: tuple[str, ...] = ()
    version: str = ""
    digest: str = ""
    values: Json = field(default_factory=dict, repr=False)
    create_namespace: bool = False
    wait: bool = True
    timeout: int = 300
    rollback: bool = True
    skip_schema_validation: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Return the identity: namespace and name."""
        return (self.namespace, self.name)

    @property
    def remote(self) -> bool:
        """Return whether the chart has to be fetched."""
        return bool(self.repositories) or self.chart.startswith("oci://")

    @property
    def chart_name(self) -> str:
        """Return the name that a remote chart has to have."""
        return self.chart.rstrip("/").rpartition("/")[2]

    @property
    def plain_http(self) -> bool:
        """Return whether the registry is on this machine, which speaks without TLS."""
        host = urlsplit(self.chart).hostname or ""
        return self.chart.startswith("oci://") and (host in ("localhost", "::1") or host.startswith("127."))

    def __str__(self) -> str:
        return f"release {self.namespace}/{self.name}"


def read_releases(items: t.Iterable[t.Mapping[str, t.Any]], values: t.Sequence[Json]) -> list[Release]:
    """Return the releases of module arguments, each with its merged *values*. Raises KubeError naming the item."""
    found: dict[tuple[str, str], Release] = {}
    for index, (item, merged) in enumerate(zip(items, values)):
        release = _read(item, merged, f"releases[{index}]")
        if release.key in found:
            raise KubeError(f"Reading releases[{index}]: {release} is there twice. Remove one of the two.")
        found[release.key] = release
    return list(found.values())


def _read(item: t.Mapping[str, t.Any], values: Json, origin: str) -> Release:
    digest = str(item.get("digest") or "")
    match = _DIGEST.fullmatch(digest)
    if digest and not match:
        raise KubeError(f"Reading {origin}: digest {digest!r} is no SHA-256. Write 64 hexadecimal digits.")
    release = Release(
        name=str(item["name"]),
        namespace=str(item["namespace"]),
        state=str(item["state"]),
        chart=str(item.get("chart") or ""),
        repositories=tuple(item.get("repositories") or ()),
        version=str(item.get("version") or ""),
        digest=match.group(2) if match else "",
        values=values,
        create_namespace=item["create_namespace"],
        wait=item["wait"],
        timeout=item["timeout"],
        rollback=item["rollback"],
        skip_schema_validation=item["skip_schema_validation"],
    )
    cause = _fault(release)
    if cause:
        raise KubeError(f"Reading {origin} ({release.name}): {cause}")
    return release


def _fault(release: Release) -> str:
    if not _NAME.fullmatch(release.name):
        return "name is no Helm release name. Use at most 53 lower-case letters, digits and dashes."
    if not _NAMESPACE.fullmatch(release.namespace):
        return f"namespace {release.namespace!r} is no DNS label. Correct it."
    if release.timeout < 1:
        return f"timeout {release.timeout} is not positive. Give seconds."
    if release.state == ABSENT:
        return ""
    if not release.chart:
        return "key chart is missing. Give a path, an oci:// reference or a name with a repository."
    if release.version and not _VERSION.fullmatch(release.version):
        return f"version {release.version!r} is no exact version, and ranges or latest change by themselves. Pin one."
    return _remote_fault(release) if release.remote or "://" in release.chart else ""


def _remote_fault(release: Release) -> str:
    if release.repositories:
        wrong = [url for url in release.repositories if urlsplit(url).scheme not in ("http", "https")]
        if wrong:
            return f"repository {wrong[0]!r} is no http or https URL. Use oci:// in chart for a registry."
        if "/" in release.chart:
            return f"chart {release.chart!r} is not the name of a chart in the repository. Give its name alone."
    elif not release.chart.startswith("oci://"):
        return f"chart {release.chart!r} is a URL. Give repositories and the chart's name, or an oci:// reference."
    if "@" in release.chart or ":" in release.chart_name:
        return "chart has a tag or digest in its reference. Use version, and digest for the archive's SHA-256."
    return "" if release.version else "key version is missing, which a remote chart needs. Pin one."


def merge(layers: t.Iterable[t.Mapping[str, t.Any]]) -> Json:
    """Return the values of all layers, later ones over earlier ones; mappings are merged, all else is replaced."""
    result: Json = {}
    for layer in layers:
        for key, value in layer.items():
            old = result.get(key)
            result[key] = merge([old, value]) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


def plain(value: t.Any, origin: str) -> t.Any:
    """Return a copy of values in exact JSON types, nulls kept: they take a chart's default away. Raises KubeError."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, t.Mapping):
        return {str(key): plain(item, f"{origin}.{key}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, f"{origin}[{index}]") for index, item in enumerate(value)]
    for kind in (str, int, float):
        if isinstance(value, kind):
            return kind(value)
    raise KubeError(f"Reading {origin}: it is a {type(value).__name__}, which JSON lacks. Quote it.")


def same_values(one: t.Any, other: t.Any) -> bool:
    """Return whether two trees of values are equal as data: 1 is 1.0, which Helm's JSON does not tell apart."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_values(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_values, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return float(one) == float(other)
    return type(one) is type(other) and bool(one == other)


def hide(text: str, values: t.Any) -> str:
    """Return *text* without any longer string of *values*, plain or in base64."""
    import base64

    if isinstance(values, dict):
        values = list(values.values())
    if isinstance(values, list):
        for value in values:
            text = hide(text, value)
    elif isinstance(values, str):
        encoded = base64.b64encode(values.encode()).decode()
        for part in (encoded, values, *values.splitlines()):
            if len(part.strip()) > 3:
                text = text.replace(part.strip(), "(hidden)")
    return text
