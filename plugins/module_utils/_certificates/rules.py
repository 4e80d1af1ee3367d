# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The input homelab_certificates, checked with the routes that its issuers serve."""

from __future__ import annotations

import typing as t

from .._lab.problems import UNSET, Findings
from .._lab.specs import Values
from .._routes.ingress import Ingress
from .._routes.model import INTERNAL, Route
from .._routes.rules import NGINX
from .model import KEY, Authority, Certificates
from .parse import parse_certificates

# Nobody has a name below these for all the world (RFC 6761, 6762, 7686, 8375, and what ICANN reserved or never gave).
_NOBODYS = (
    ("alt", "corp", "example", "home", "home.arpa", "internal", "invalid", "lan", "local", "localhost", "onion", "test")
)  # fmt: skip
_ZONES = f"add its zone to {KEY}.cloudflare.zones"


def check_certificates(
    known: Values, routes: t.Mapping[str, Route], ingress: Ingress | None, findings: Findings
) -> Certificates | None:
    """Return what the input and the issuers of the routes ask for; None when that is nothing, or it is not sound."""
    given: Values = known.get(KEY) or {}
    asking = {name: route for name, route in routes.items() if route.tls and route.tls.issuer}
    if not given and not asking:
        return None
    certificates = parse_certificates(given, known.get("homelab_kubeconfig", ""), findings)
    if any(problem.key.startswith(KEY) for problem in findings.problems):
        return None
    authorities = {authority.name: authority for authority in certificates.authorities}
    public = {name: route for name, route in asking.items() if route.tls and route.tls.issuer != INTERNAL}
    if public and not certificates.email:
        names = ", ".join(f'"{name}"' for name in public)
        reason = (
            f"the account at Let's Encrypt is made in your name, and a certificate of it is asked for by route {names}"
        )
        findings.add(f"{KEY}.email", UNSET, reason, f"Set it, or tls.issuer: {INTERNAL}")
        return None
    for route in public.values():
        authority = authorities[str(route.tls and route.tls.issuer)]
        _check_name(route, authority, certificates, findings)
        if not certificates.by_dns(route.host):
            _check_http(route, authority, ingress, findings)
    return certificates


def _check_name(route: Route, authority: Authority, certificates: Certificates, findings: Findings) -> None:
    """No public authority vouches for a name that anybody may use."""
    last = next((end for end in _NOBODYS if f".{route.host}".endswith(f".{end}")), "")
    if not authority.own and last:
        reason = f"names below .{last} are nobody's, and no public authority issues certificates for them"
        findings.add(f"{route.key}.host", route.host, reason, f"Set tls.issuer: {INTERNAL}, or use a domain you own")


def _check_http(route: Route, authority: Authority, ingress: Ingress | None, findings: Findings) -> None:
    """A name of no zone is proven by an answer to a request, which must arrive."""
    key = f"{route.key}.tls.issuer"
    if route.wildcard:
        reason = f"a wildcard is proven by DNS only, and {route.host} is in no zone of {KEY}.cloudflare"
        findings.add(key, authority.name, reason, f"Set tls.issuer: {INTERNAL}, or {_ZONES}")
        return
    if not route.public and not authority.own:
        reason = f"{route.host} is proven by an answer to the internet, which does not reach the route"
        fix = f"Set public: true, or {_ZONES}, which proves it by DNS, or set tls.issuer: {INTERNAL}"
        findings.add(key, authority.name, reason, fix)
    if ingress and ingress.provider == NGINX:
        asked = [name for name, wanted in _before_nginx_answers(route).items() if wanted]
        if asked:
            reason = f"nginx minds {' and '.join(asked)} before the proof of {route.host} is answered"
            findings.add(key, authority.name, reason, f"{_ZONES.capitalize()}, which proves it by DNS")


def _before_nginx_answers(route: Route) -> dict[str, bool]:
    return {
        "tls.redirect": bool(route.tls and route.tls.redirect),
        "sources": bool(route.sources),
        "auth": bool(route.basic or route.external),
    }
