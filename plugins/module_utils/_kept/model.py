# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets that outlive a cluster: which are wanted, and what of a live one is kept. Pure."""

from __future__ import annotations

import base64
import binascii
import json
import typing as t
from dataclasses import dataclass
from datetime import datetime

from .._kube.errors import KubeError
from .._kube.model import Ref

Json = dict[str, t.Any]
# By these cert-manager knows what it issued; labels and annotations of others are theirs to set again.
_OURS = ("cert-manager.io/", "controller.cert-manager.io/")
_ISSUER = "cert-manager.io/issuer-name"
CERTIFICATE, KEY = "tls.crt", "tls.key"


@dataclass(frozen=True)
class Wanted:
    """A Secret to keep. With an *issuer* it has a certificate of it, as cert-manager keeps them."""

    namespace: str
    name: str
    issuer: str = ""

    @property
    def ref(self) -> Ref:
        """Return the name of the Secret."""
        return Ref("v1", "Secret", self.namespace, self.name)

    @property
    def certificate(self) -> Ref:
        """Return the name of the Certificate that fills it, which is that of the Secret."""
        return Ref("cert-manager.io/v1", "Certificate", self.namespace, self.name)


@dataclass(frozen=True)
class Validity:
    """From when until when a certificate is valid."""

    begins: datetime
    ends: datetime


@dataclass(frozen=True)
class Kept:
    """What is kept of a Secret; *data* is in base64, as the API has it."""

    data: t.Mapping[str, str]
    type: str
    labels: t.Mapping[str, str]
    annotations: t.Mapping[str, str]

    @property
    def issuer(self) -> str:
        """Return who issued the certificate, empty where there is none."""
        return self.annotations.get(_ISSUER, "")

    def complete(self, wanted: Wanted) -> bool:
        """Tell whether it has what is wanted of it: any data, or key and certificate of the right issuer."""
        if not wanted.issuer:
            return bool(self.data)
        return bool(self.data.get(KEY) and self.data.get(CERTIFICATE)) and self.issuer == wanted.issuer

    def manifest(self, wanted: Wanted) -> Json:
        """Return the Secret as `kubectl apply` takes it."""
        metadata: Json = {"name": wanted.name, "namespace": wanted.namespace}
        metadata.update({"labels": dict(self.labels)} if self.labels else {})
        metadata.update({"annotations": dict(self.annotations)} if self.annotations else {})
        return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": self.type, "data": dict(self.data)}


def of_secret(secret: t.Mapping[str, t.Any]) -> Kept:
    """Return what is kept of a Secret, live or read from a file."""
    metadata = secret.get("metadata") or {}

    def ours(given: t.Mapping[str, str] | None) -> dict[str, str]:
        return {name: value for name, value in sorted((given or {}).items()) if name.startswith(_OURS)}

    return Kept(
        data=dict(sorted((secret.get("data") or {}).items())),
        type=secret.get("type") or "Opaque",
        labels=ours(metadata.get("labels")),
        annotations=ours(metadata.get("annotations")),
    )


def write(kept: Kept, wanted: Wanted) -> str:
    """Return the text of the file."""
    return json.dumps(kept.manifest(wanted), indent=1) + "\n"


def read(text: str, wanted: Wanted, origin: str) -> Kept:
    """Return what a file has. Raises KubeError naming *origin* when it is not the Secret that is wanted."""
    try:
        document = json.loads(text)
        metadata = document["metadata"]
        right = (document["kind"], metadata["namespace"], metadata["name"]) == ("Secret", wanted.namespace, wanted.name)
        for value in document["data"].values():
            base64.b64decode(value, validate=True)
    except (ValueError, TypeError, KeyError, AttributeError, binascii.Error):
        right = False
    if not right:
        raise KubeError(f"Reading {origin}: it is not {wanted.ref}, as it was written. Remove the file, or restore it.")
    return of_secret(document)


def validity(kept: Kept, origin: str) -> Validity:
    """Return when the certificate is valid. Raises KubeError naming *origin* when there is none."""
    # Only the controller has it, and only a certificate needs it.
    from cryptography import x509

    try:
        first = x509.load_pem_x509_certificate(base64.b64decode(kept.data[CERTIFICATE]))
    except (ValueError, KeyError) as exc:
        raise KubeError(f"Reading {origin}: {CERTIFICATE} is no certificate ({exc}). Remove it.") from exc
    return Validity(first.not_valid_before_utc, first.not_valid_after_utc)
