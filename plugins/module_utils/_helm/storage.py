# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Helm's release records: Secrets of type helm.sh/release.v1, one for each revision.

Format: helm v4, pkg/storage/driver (base64 of gzip of JSON, and base64 once more as any Secret's data).
"""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import typing as t
from dataclasses import dataclass, field
from datetime import datetime

from .._kube.errors import KubeError
from .model import Json, Release

SECRET_TYPE = "helm.sh/release.v1"
CHART_LABEL, RUN_LABEL = "atarnet-homelab-chart", "atarnet-homelab-run"
DEPLOYED, FAILED, UNINSTALLED = "deployed", "failed", "uninstalled"
ROLLING_BACK, UNINSTALLING = "pending-rollback", "uninstalling"
IN_FLIGHT = frozenset({"pending-install", "pending-upgrade", ROLLING_BACK, UNINSTALLING})


@dataclass(frozen=True)
class Record:
    """One revision of a release; digest is what the chart label says, changed_at a Unix time."""

    secret: Json = field(repr=False)
    revision: int
    status: str
    body: Json = field(repr=False)

    @property
    def digest(self) -> str:
        """Return the start of the chart's SHA-256 as noted at the installation; empty when Helm was run by hand."""
        return str(self.secret["metadata"].get("labels", {}).get(CHART_LABEL, ""))

    @property
    def run(self) -> str:
        """Return the run that installed or upgraded; Helm by hand, a rollback and an uninstallation keep the last."""
        return str(self.secret["metadata"].get("labels", {}).get(RUN_LABEL, ""))

    @property
    def chart(self) -> tuple[str, str]:
        """Return name and version of the chart."""
        metadata = (self.body.get("chart") or {}).get("metadata") or {}
        return str(metadata.get("name", "")), str(metadata.get("version", ""))

    @property
    def values(self) -> Json:
        """Return the values that were given."""
        return dict(self.body.get("config") or {})

    @property
    def manifest(self) -> str:
        """Return the manifest without hooks."""
        return str(self.body.get("manifest", ""))

    @property
    def hooks(self) -> str:
        """Return the hooks as one text of YAML documents."""
        return "".join(f"\n---\n{hook.get('manifest', '')}" for hook in self.body.get("hooks") or [])

    @property
    def changed_at(self) -> float:
        """Return when Helm last began to change it, 0 when nobody knows."""
        info = self.body.get("info") or {}
        return max(_time(info.get("last_deployed")), _time(info.get("deleted")))


def _time(text: t.Any) -> float:
    # Go writes nanoseconds, more than Python reads.
    head, dot, rest = str(text or "").partition(".")
    if dot:
        zone = rest.lstrip("0123456789")
        head += zone
    try:
        return datetime.fromisoformat(head.replace("Z", "+00:00")).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def selector(releases: t.Iterable[Release]) -> dict[str, str]:
    """Return the query that lists the revisions that count: history that was superseded may be large."""
    names = ",".join(sorted({release.name for release in releases}))
    return {
        "labelSelector": f"owner=helm,status!=superseded,name in ({names})",
        "fieldSelector": f"type={SECRET_TYPE}",
    }


def decode(secret: Json) -> Record:
    """Return the record that a Secret holds. Raises KubeError for one that Helm did not write."""
    metadata = secret["metadata"]
    try:
        packed = base64.b64decode(base64.b64decode(secret["data"]["release"], validate=True), validate=True)
        body = json.loads(gzip.decompress(packed) if packed[:2] == b"\x1f\x8b" else packed)
        return Record(secret, int(body["version"]), str(body["info"]["status"]), body)
    except (KeyError, TypeError, ValueError, binascii.Error, OSError, EOFError):
        raise KubeError(
            f"Reading the release record {metadata.get('namespace')}/{metadata['name']}: it is not what Helm writes. "
            "Look at it with helm history, or delete this Secret."
        ) from None


def encode(body: Json) -> str:
    """Return *body* as the release key of a Secret's data."""
    packed = gzip.compress(json.dumps(body, separators=(",", ":")).encode(), mtime=0)
    return base64.b64encode(base64.b64encode(packed)).decode()


def history(secrets: t.Iterable[Json]) -> dict[tuple[str, str], list[Record]]:
    """Return the records by namespace and release name, newest first."""
    found: dict[tuple[str, str], list[Record]] = {}
    for secret in secrets:
        metadata = secret["metadata"]
        found.setdefault((metadata["namespace"], metadata["labels"]["name"]), []).append(decode(secret))
    return {key: sorted(records, key=lambda record: -record.revision) for key, records in found.items()}
