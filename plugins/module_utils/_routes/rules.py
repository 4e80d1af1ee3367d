# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The input homelab_routes, checked as a whole and for the provider that is to serve it."""

from __future__ import annotations

import typing as t

from .._lab.problems import UNSET, Findings
from .._lab.specs import Values
from . import nginx, traefik
from .model import KEY, Route, nearest
from .parse import parse_routes

NGINX, TRAEFIK = "nginx", "traefik"
PROVIDERS = (NGINX, TRAEFIK)


def check_routes(known: Values, provider: str, findings: Findings) -> dict[str, Route]:
    """Return the sound routes of the input by name; what *provider*, one of PROVIDERS, cannot do is reported."""
    routes = parse_routes(known.get(KEY) or {}, findings)
    hosts = _check_hosts(routes.values(), findings)
    for route in routes.values():
        _check_wildcard(route, routes.values(), findings)
        _check_redirect(route, hosts, findings)
        (nginx if provider == NGINX else traefik).refuse(route, findings)
    if provider == TRAEFIK:
        traefik.refuse_together(routes.values(), findings)
    return routes


def _check_hosts(routes: t.Iterable[Route], findings: Findings) -> dict[str, Route]:
    """Return the routes by host. A host is one route's; one of a wildcard's may be another's, which then has it."""
    hosts: dict[str, Route] = {}
    for route in routes:
        owner = hosts.setdefault(route.host, route)
        if owner is not route:
            fix = "Give each route a host of its own, or write the paths of both into one"
            findings.add(f"{route.key}.host", route.host, f'route "{owner.name}" has the same host', fix)
    return hosts


def _check_wildcard(route: Route, routes: t.Iterable[Route], findings: Findings) -> None:
    """What a route does not serve, that of the wildcard around it does: https, where only that one has it."""
    around = nearest(route.host, routes)
    if around and around.tls and not route.tls:
        reason = f'it has none, and https of {route.host} would be answered by route "{around.name}"'
        findings.add(f"{route.key}.tls", UNSET, reason, "Set tls here too")


def _check_redirect(route: Route, hosts: t.Mapping[str, Route], findings: Findings) -> None:
    """A redirect that the same route answers would never end."""
    if route.redirect is None:
        return
    host = route.redirect.origin.partition("://")[2].partition(":")[0]
    if (hosts.get(host) or nearest(host, hosts.values())) is route:
        fix = "Send to another host; for https set tls instead"
        findings.add(f"{route.key}.redirect.to", route.redirect.origin, "it leads to this route itself", fix)
