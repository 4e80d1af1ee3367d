# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ingress objects as ingress-nginx (controller 1.15.1) reads them, and the lines that say what became of them."""

from __future__ import annotations

import base64
import typing as t
from dataclasses import dataclass, field

from .._kube.errors import KubeError
from .._lab.problems import UNSET, show

Json = dict[str, t.Any]
PREFIX = "nginx.ingress.kubernetes.io/"
CLASS = "kubernetes.io/ingress.class"
API_VERSION = "networking.k8s.io/v1"
TRANSLATED, DROPPED, LOST, FAILED, FOREIGN = "translated", "dropped", "lost", "failed", "foreign"
# What annotations and Ingress objects name: password hashes, response headers, numbers of named ports.
NAMED_KINDS = ("Secret", "ConfigMap", "Service")
# (kind, namespace, name)
Name = tuple[str, str, str]
Named = t.Mapping[Name, Json]


class Refused(ValueError):
    """A value that no route can say; *reason* continues "it ...", *fix* is an imperative, both without a full stop."""

    def __init__(self, reason: str, fix: str) -> None:
        self.reason, self.fix = reason, fix
        super().__init__(f"{reason}. {fix}.")


@dataclass(frozen=True)
class Line:
    """What became of one annotation (or part of the spec) *key* of an Ingress object; the report is made of these."""

    object: str
    key: str
    value: t.Any
    outcome: str
    text: str
    fix: str = ""
    verdict: str = ""
    protects: bool = False

    def __str__(self) -> str:
        value = "" if self.value is UNSET else f" = {show(self.value)}"
        return f"{self.key}{value}: {self.text}.{f' {self.fix}.' if self.fix else ''}"


@dataclass(frozen=True)
class Backend:
    """The port of a Service, by number or by name."""

    service: str
    port: int | str


@dataclass(frozen=True)
class Path:
    """One path of a host; *backend* is None for a resource that is no Service."""

    host: str
    path: str
    exact: bool
    backend: Backend | None


@dataclass(frozen=True)
class Ingress:
    """One object. *hosts* are those of its rules, *tls* has (hosts, name of the Secret) of each entry."""

    namespace: str
    name: str
    created: str
    class_name: str
    annotations: t.Mapping[str, t.Any]
    hosts: tuple[str, ...]
    paths: tuple[Path, ...]
    tls: tuple[tuple[tuple[str, ...], str], ...] = ()
    default: Backend | None = None

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass
class Settings:
    """What the annotations of one object say of a whole route.

    *route* has keys of a route. *redirect* and *force* say when http is sent to https: where there is TLS, or
    everywhere. *issuer* is the lab's that certifies it; *certified* says that another one does, for the object itself.
    """

    route: Json = field(default_factory=dict)
    protocol: str = "http"
    redirect: bool = True
    force: bool = False
    canary: bool = False
    issuer: str = ""
    certified: bool = False


@dataclass(frozen=True)
class Source:
    """An object with what its annotations say."""

    ingress: Ingress
    settings: Settings


@dataclass(frozen=True)
class Surroundings:
    """What else is in the cluster: objects that are named, all that serve something (oldest first), and who certifies.

    *issuer* certifies hosts whose certificate is lost with ingress-nginx, "" when there is none.
    """

    named: Named
    ingresses: t.Sequence[Ingress]
    issuer: str


def expand(origin: str, document: t.Any) -> list[tuple[str, Json]]:
    """Return (origin, object) of a document, kind List taken apart. Raises KubeError for what is no object."""
    if isinstance(document, dict) and isinstance(document.get("items"), list):
        items = enumerate(document["items"])
        return [pair for index, item in items for pair in expand(f"{origin}.items[{index}]", item)]
    metadata = document.get("metadata") if isinstance(document, dict) else None
    if not isinstance(metadata, dict) or not all(metadata.get(key) for key in ("namespace", "name")):
        raise KubeError(f"Reading {origin}: it has no metadata with namespace and name. Give whole objects.")
    return [(origin, document)]


def read(origin: str, body: Json) -> Ingress:
    """Return the Ingress of *body*. Raises KubeError when it is none that an API server would have stored."""
    if body.get("apiVersion") != API_VERSION:
        raise KubeError(
            f"Reading {origin}: it is of {body.get('apiVersion')}. Give it as the server has {API_VERSION}."
        )
    try:
        return _ingress(body["metadata"], body.get("spec") or {})
    except (AttributeError, KeyError, TypeError) as error:
        raise KubeError(
            f"Reading {origin}: no API server stores such an Ingress ({type(error).__name__}: {error}). "
            "See what kubectl apply --dry-run=server says of it."
        ) from error


def _ingress(metadata: Json, spec: Json) -> Ingress:
    annotations = metadata.get("annotations") or {}
    paths = [
        # ingress-nginx takes ImplementationSpecific for Prefix unless a regular expression is asked for.
        Path(rule.get("host", ""), path.get("path") or "/", path.get("pathType") == "Exact", _backend(path["backend"]))
        for rule in spec.get("rules") or ()
        for path in (rule.get("http") or {}).get("paths") or ()
    ]
    return Ingress(
        namespace=metadata["namespace"],
        name=metadata["name"],
        # To the second, in UTC; a YAML reader may have made a date of it.
        created=str(metadata.get("creationTimestamp") or "").replace(" ", "T")[:19],
        class_name=spec.get("ingressClassName") or annotations.get(CLASS, ""),
        annotations={str(key): value for key, value in annotations.items()},
        hosts=tuple(dict.fromkeys(rule.get("host", "") for rule in spec.get("rules") or ())),
        paths=tuple(paths),
        tls=tuple((tuple(tls.get("hosts") or ()), tls.get("secretName") or "") for tls in spec.get("tls") or ()),
        default=_backend(spec["defaultBackend"]) if spec.get("defaultBackend") else None,
    )


def _backend(backend: Json) -> Backend | None:
    service = backend.get("service")
    if not service:
        return None
    port = service.get("port") or {}
    return Backend(service["name"], port.get("number") or port["name"])


def by_age(ingresses: t.Iterable[Ingress]) -> list[Ingress]:
    """Return the oldest first, of the same second the last by name first: the order ingress-nginx merges in."""
    by_name = sorted(ingresses, key=str, reverse=True)
    return sorted(by_name, key=lambda ingress: ingress.created)


def content(named: Named, name: Name) -> dict[str, str]:
    """Return the data of a Secret (decoded) or ConfigMap. Raises Refused when it is not there or no text."""
    kind, namespace, short = name
    body = named.get(name)
    if body is None:
        raise Refused(f"{kind} {namespace}/{short} is not there", f"Give the {kind} too, or restore it")
    data = dict(body.get("data") or {})
    if kind == "Secret":
        try:
            data = {key: base64.b64decode(value, validate=True).decode() for key, value in data.items()}
        except ValueError:
            raise Refused(f"Secret {namespace}/{short} holds what is no text in base64", "Make it anew") from None
        data.update(body.get("stringData") or {})
    return data
