# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The compiler: from the checked input to plan["certificates"], which the roles apply. Pure, and without a secret."""

from __future__ import annotations

import base64
import typing as t
from urllib.parse import urlsplit

from .._routes import traefik
from .._routes.model import INTERNAL, Route
from .._routes.objects import Json
from .._routes.rules import NGINX
from .model import INTERNAL_CA, NAMESPACE, Authority, Certificates

_API = "cert-manager.io/v1"
_SELF_SIGNED = "self-signed"
_TEN_YEARS = "87600h"
_DNS, _HTTP, _HTTPS = 53, 80, 443
# The Secret with the token, which is made from the input itself.
TOKEN = {"name": "cloudflare", "key": "token"}


def compile_certificates(
    certificates: Certificates, routes: t.Mapping[str, Route], provider: str | None, lab: str
) -> Json:
    """Return plan["certificates"]: JSON-able, the same for the same input.

    objects are the issuers, each after what it names; ports is where cert-manager must get through to. kept are the
    Secrets that must outlive the cluster: the internal authority, whose certificate people trust, the accounts, and
    what authorities issued, who count how often.
    """
    return {
        "objects": [*_internal(lab), *(_issuer(certificates, one, provider) for one in certificates.authorities)],
        "resolvers": list(certificates.resolvers),
        "ports": _ports(certificates),
        "folder": certificates.kept,
        "kept": [
            {"namespace": NAMESPACE, "name": INTERNAL_CA, "issuer": _SELF_SIGNED},
            *({"namespace": NAMESPACE, "name": one.account, "issuer": ""} for one in certificates.authorities),
            *(
                {"namespace": route.namespace, "name": route.tls.secret, "issuer": route.tls.issuer}
                for route in routes.values()
                if route.tls and route.tls.issuer and route.tls.issuer != INTERNAL
            ),
        ],
    }


def _ports(certificates: Certificates) -> dict[str, list[int]]:
    """Return the ports of the resolvers, of Cloudflare and the authorities, and of what is looked at through HTTP."""
    resolvers = {int(resolver.rpartition(":")[2]) for resolver in certificates.resolvers}
    authorities = {urlsplit(one.directory).port or _HTTPS for one in certificates.authorities}
    return {
        "tcp": sorted({_DNS, _HTTP, _HTTPS, *resolvers, *authorities}),
        "udp": sorted({_DNS, *resolvers}),
    }


def _internal(lab: str) -> list[Json]:
    """Return the authority of the lab itself. Its key stays when it is renewed, so that what people trust does too."""
    spec = {
        "isCA": True,
        "commonName": f"{lab} internal authority",
        "secretName": INTERNAL_CA,
        "duration": _TEN_YEARS,
        "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Never"},
        "issuerRef": {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": _SELF_SIGNED},
    }
    certificate = _manifest("Certificate", INTERNAL_CA, spec)
    certificate["metadata"]["namespace"] = NAMESPACE
    return [
        _manifest("ClusterIssuer", _SELF_SIGNED, {"selfSigned": {}}),
        certificate,
        _manifest("ClusterIssuer", INTERNAL, {"ca": {"secretName": INTERNAL_CA}}),
    ]


def _issuer(certificates: Certificates, authority: Authority, provider: str | None) -> Json:
    acme: Json = {
        "server": authority.directory,
        "email": certificates.email,
        "privateKeySecretRef": {"name": authority.account},
        "solvers": _solvers(certificates, provider),
    }
    if authority.profile:
        acme["profile"] = authority.profile
    if authority.ca:
        acme["caBundle"] = base64.b64encode(authority.ca.encode()).decode()
    return _manifest("ClusterIssuer", authority.name, {"acme": acme})


def _solvers(certificates: Certificates, provider: str | None) -> list[Json]:
    """Return how names are proven: those of a zone by a record there, all others by an answer through the ingress."""
    found: list[Json] = []
    if certificates.zones:
        cloudflare = {"apiTokenSecretRef": dict(TOKEN)}
        found.append({"selector": {"dnsZones": list(certificates.zones)}, "dns01": {"cloudflare": cloudflare}})
    if provider:
        ingress = {"ingressClassName": NGINX} if provider == NGINX else {"ingressTemplate": traefik.CHALLENGES}
        found.append({"http01": {"ingress": {"serviceType": "ClusterIP", **ingress}}})
    return found


def _manifest(kind: str, name: str, spec: Json) -> Json:
    return {
        "apiVersion": _API,
        "kind": kind,
        "metadata": {"name": name, "labels": {"app.kubernetes.io/managed-by": "atarnet.homelab"}},
        "spec": spec,
    }
