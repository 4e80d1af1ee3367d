# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes for Traefik 3.6: IngressRoute, Middleware and ServersTransport of traefik.io/v1alpha1. Pure.

IngressRoute rather than Ingress: its rules tell a path from a prefix and a host from a wildcard, middlewares and the
protocol of a Service are fields of it and not annotations by name, and its priority says which rule comes first. What
to know:

* The order is that of the middlewares: source, rate, user, size of the body, headers. A redirect to https is answered
  before all of them.
* A prefix of Traefik is one of letters. By path element it is Path(`/api`) || PathPrefix(`/api/`).
* A wildcard covers names at any depth, as it does in DNS.
* Traefik's burst is the size of a bucket, of which each request takes one: it is one more than ours. Each replica has
  buckets of its own, and each router too, so that a rate needs a route with one of them.
* A permanent redirect is 301 for GET and 308 for all else, another one 302 and 307.
* Without max_body there is no limit. With one Traefik holds request and response back until they are whole: no streams
  of events then.
* timeouts.read is the time until the response begins; nothing limits the time between its parts.
* The certificate of an https Service is not verified.
* What proves a name to an authority is an Ingress that cert-manager makes; the controller takes it by its label.
* The controller needs entry points named web and websecure, and allowEmptyServices: without it the paths of a Service
  that has no pods are answered by the next prefix.
"""

from __future__ import annotations

import typing as t

from .._lab.problems import UNSET, Findings
from .model import EXACT, GRPC, HTTP, HTTPS, NO_LIMIT, PREFIX, Path, RateLimit, Route, nearest
from .objects import Json, basic_auth, certificates, manifest, name_of, users
from .texts import LONGEST_PATH

_API = "traefik.io/v1alpha1"
_SCHEMES = {HTTP: "http", HTTPS: "https", GRPC: "h2c"}
_UNITS = {"k": 1024, "m": 1024**2, "g": 1024**3}
# The code of a redirect for GET where it is this one for all else.
_FOR_GET = {307: 302, 308: 301}
_SHA_CRYPT = ("$5$", "$6$")
# Longer than any host, so that one without a wildcard comes first.
_NO_WILDCARD = 256
# And this is more than there are lengths of paths, exact ones and prefixes.
_PATHS = 2 * (LONGEST_PATH + 1)
# What the Ingress of a challenge has besides: the route that has the host stands back, its redirect to https too.
CHALLENGES: Json = {
    "metadata": {
        "annotations": {
            "traefik.ingress.kubernetes.io/router.entrypoints": "web",
            "traefik.ingress.kubernetes.io/router.priority": str(2 * _NO_WILDCARD * _PATHS),
        }
    }
}


def refuse(route: Route, findings: Findings) -> None:
    """Report what this controller cannot do."""
    _refuse_auth(route, findings)
    _refuse_rate(route, findings)
    if route.redirect and route.redirect.code in _FOR_GET:
        code = _FOR_GET[route.redirect.code]
        reason = f"Traefik answers GET with {code}, and all else with {route.redirect.code}"
        findings.add(f"{route.key}.redirect.code", route.redirect.code, reason, f"Use {code}")
    if route.public and route.sources:
        reason = "what comes through the tunnel has the tunnel's address in Traefik"
        findings.add(f"{route.key}.sources", list(route.sources), reason, "Set public: false, or use provider nginx")
    if route.timeouts and route.timeouts.send:
        reason = "Traefik has no such limit"
        findings.add(f"{route.key}.timeouts.send", route.timeouts.send, reason, "Remove it, or use provider nginx")
    for index, path in enumerate(route.paths):
        key = f"{route.key}.paths[{index}].protocol"
        if path.protocol == GRPC and _limits_bodies(route):
            reason = "for max_body Traefik waits for the end of a request, and a stream of gRPC may have none"
            findings.add(key, GRPC, reason, "Remove max_body, or use provider nginx")
        if path.protocol == GRPC and route.timeouts:
            reason = "Traefik's timeouts do not hold for gRPC"
            findings.add(key, GRPC, reason, "Remove timeouts, or use provider nginx")


def _refuse_auth(route: Route, findings: Findings) -> None:
    for name, hashed in route.basic.users.items() if route.basic else ():
        if hashed.startswith(_SHA_CRYPT):
            reason = f"Traefik does not know SHA-crypt, the hash of user {name}"
            fix = f"Write what `htpasswd -nB {name}` prints after the colon"
            findings.add(f"{route.key}.auth.basic.users.{name}", UNSET, reason, fix)
    if route.external and route.external.sign_in:
        reason = "Traefik hands on what the authentication Service answers, and asks for no other page"
        fix = "Remove it, and name a path that sends to the sign-in itself, or use provider nginx"
        findings.add(f"{route.key}.auth.external.sign_in", route.external.sign_in, reason, fix)


def _refuse_rate(route: Route, findings: Findings) -> None:
    limit = route.rate_limit
    if limit is None:
        return
    value = {"per_second": limit.per_second}
    if len(route.paths) > 1:
        reason = "Traefik counts each path for itself, so that more would pass"
        findings.add(f"{route.key}.rate_limit", value, reason, "Leave one path, or use provider nginx")
    if route.tls and not route.tls.redirect:
        reason = "Traefik counts http and https each for itself, so that more would pass"
        findings.add(f"{route.key}.rate_limit", value, reason, "Set tls.redirect: true, or use provider nginx")
    if route.public and not limit.header:
        reason = "what comes through the tunnel has the tunnel's address in Traefik, and would be counted as one client"
        findings.add(f"{route.key}.rate_limit.key", "client", reason, "Count by a header, or use provider nginx")


def refuse_together(routes: t.Collection[Route], findings: Findings) -> None:
    """Report routes that Traefik would mix up.

    It joins namespace and name of a middleware with a hyphen; and it judges host and path in one, so that what is no
    path of a host goes on to the wildcard around it.
    """
    first: dict[str, Route] = {}
    for route in routes:
        owner = first.setdefault(f"{route.namespace}-{route.name}", route)
        if owner is not route:
            reason = f'Traefik cannot tell it from route "{owner.name}" in namespace {owner.namespace}'
            findings.add(route.key, route.name, reason, "Give the route another name")
        around = nearest(route.host, routes)
        if around and not route.redirect and not any(path.path == "/" and path.match == PREFIX for path in route.paths):
            reason = f'in Traefik all other paths of {route.host} are answered by route "{around.name}"'
            findings.add(f"{route.key}.paths", UNSET, reason, "Give it a path /, or use provider nginx")


def render(route: Route) -> list[Json]:
    """Return the route's objects, each after those it names."""
    middlewares = _middlewares(route)
    names = [item["metadata"]["name"] for item in middlewares]
    transports = _transports(route)
    found = [*certificates(route), *users(route, "Opaque", "users"), *middlewares, *transports]

    def rules() -> list[Json]:
        if route.redirect:
            return [_rule(_host(route), _priority(route), names, _nobody())]
        return [_leading(route, path, names, bool(transports)) for path in route.paths]

    plain = rules()
    if route.tls:
        spec = {"entryPoints": ["websecure"], "routes": rules(), "tls": {"secretName": route.tls.secret}}
        found.append(manifest(_API, "IngressRoute", route, "https", spec=spec))
        if route.tls.redirect:
            upgrade = {"redirectScheme": {"scheme": "https", "permanent": True}}
            found.append(manifest(_API, "Middleware", route, "upgrade", spec=upgrade))
            plain = [_rule(_host(route), _priority(route), [name_of(route, "upgrade")], _nobody())]
    found.append(manifest(_API, "IngressRoute", route, "http", spec={"entryPoints": ["web"], "routes": plain}))
    return found


def _middlewares(route: Route) -> list[Json]:
    specs: dict[str, Json] = {}
    if route.sources:
        specs["sources"] = {"ipAllowList": {"sourceRange": list(route.sources)}}
    if route.rate_limit:
        specs["rate"] = {"rateLimit": _rate_limit(route.rate_limit)}
    if route.basic:
        specs["auth"] = basic_auth(route, route.basic)
    if route.external:
        external = route.external
        address = f"http://{external.service}.{external.namespace}.svc:{external.port}{external.path}"
        headers = {"authResponseHeaders": list(external.response_headers)} if external.response_headers else {}
        specs["auth"] = {"forwardAuth": {"address": address, **headers}}
    if _limits_bodies(route):
        specs["body"] = {"buffering": {"maxRequestBodyBytes": _bytes(route.max_body)}}
    if route.request_headers or route.response_headers:
        given = {"customRequestHeaders": route.request_headers, "customResponseHeaders": route.response_headers}
        specs["headers"] = {"headers": {name: dict(headers) for name, headers in given.items() if headers}}
    if route.redirect:
        specs["redirect"] = {
            "redirectRegex": {
                "regex": "^https?://[^/]+(.*)$",
                "replacement": f"{route.redirect.origin}${{1}}",
                "permanent": route.redirect.code == 301,
            }
        }
    return [manifest(_API, "Middleware", route, part, spec=spec) for part, spec in specs.items()]


def _rate_limit(limit: RateLimit) -> Json:
    by = {"sourceCriterion": {"requestHeaderName": limit.header}} if limit.header else {}
    return {"average": limit.per_second, "period": "1s", "burst": limit.burst + 1, **by}


def _limits_bodies(route: Route) -> bool:
    return route.max_body not in ("", NO_LIMIT)


def _bytes(size: str) -> int:
    return int(size.rstrip("kmg")) * _UNITS.get(size[-1], 1)


def _transports(route: Route) -> list[Json]:
    """Return how the Services are connected to, where that is not Traefik's default way."""
    spec: Json = {}
    if any(path.protocol == HTTPS for path in route.paths):
        spec["insecureSkipVerify"] = True
    given = route.timeouts
    seconds = {"dialTimeout": given and given.connect, "responseHeaderTimeout": given and given.read}
    limits = {name: f"{value}s" for name, value in seconds.items() if value}
    if limits:
        spec["forwardingTimeouts"] = limits
    return [manifest(_API, "ServersTransport", route, spec=spec)] if spec else []


def _leading(route: Route, path: Path, middlewares: t.Sequence[str], transport: bool) -> Json:
    service = {"name": path.service, "port": path.port, "scheme": _SCHEMES[path.protocol]}
    if transport:
        service["serversTransport"] = route.name
    return _rule(f"{_host(route)} && {_path(path)}", _priority(route, path), middlewares, service)


def _nobody() -> Json:
    """Return a Service that is never reached, because the middleware before it answers."""
    return {"name": "noop@internal", "kind": "TraefikService"}


def _rule(match: str, priority: int, middlewares: t.Sequence[str], service: Json) -> Json:
    named = {"middlewares": [{"name": name} for name in middlewares]} if middlewares else {}
    return {"kind": "Rule", "match": match, "priority": priority, **named, "services": [service]}


def _host(route: Route) -> str:
    if route.wildcard:
        suffix = route.host[1:].replace(".", r"\.")
        return f"HostRegexp(`^.+{suffix}$`)"
    return f"Host(`{route.host}`)"


def _path(path: Path) -> str:
    if path.match == EXACT:
        return f"Path(`{path.path}`)"
    if path.path == "/":
        return "PathPrefix(`/`)"
    return f"(Path(`{path.path}`) || PathPrefix(`{path.path}/`))"


def _priority(route: Route, path: Path | None = None) -> int:
    """Return which rule comes first: that of a host before a wildcard's, then the longer one, then the same by path.

    Traefik's own measure is the length of the rule, by which a wildcard comes before a host.
    """
    host = len(route.host) + (0 if route.wildcard else _NO_WILDCARD)
    inner = 2 * len(path.path) + (path.match == EXACT) if path else 0
    return host * _PATHS + inner
