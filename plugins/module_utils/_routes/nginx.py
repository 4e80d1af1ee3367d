# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes for F5 NGINX Ingress Controller (5.5.4 and later): VirtualServer and Policy of k8s.nginx.org/v1. Pure.

VirtualServer rather than Ingress, because Policies with rateLimit and basicAuth are not taken there. What to know:

* nginx has an order of its own: a body that is too large (413), then the rate (429), the source (403), the user (401).
  A redirect to https is answered before all of them.
* A prefix of nginx is one of letters. By path element it is two locations, "=/api" and "/api/".
* A wildcard covers names at any depth, as it does in DNS.
* Rates are counted by each replica of the controller. Without burst there is none, and one beyond is refused; what
  comes in a burst is let through at once.
* Headers of the response are also on what nginx itself answers, for example 403.
* The certificate of an https Service is not verified.
* WebSockets always pass, but silent connections end after the read timeout, by default a minute.
* Services are told one address in X-Forwarded-For, the client's; an authentication Service also what the client says.
* gRPC needs `http2: "true"` in the controller's ConfigMap; the address of clients that come through the tunnel needs
  set-real-ip-from and real-ip-header; bodies of any size need `client-max-body-size: "0"`.
"""

from __future__ import annotations

import typing as t

from .._lab.problems import Findings
from .model import EXACT, GRPC, HTTPS, ExternalAuth, Path, RateLimit, Route
from .objects import Json, basic_auth, certificates, manifest, users

_API = "k8s.nginx.org/v1"
# Some 160,000 clients (an nginx state is 64 bytes for IPv4); the oldest are forgotten when it is full.
_ZONE = "10m"
_WEBSOCKET_SECONDS = 3600
# nginx writes these into every response itself.
_OWN_HEADERS = ("date", "server")
# By itself it would add the address to those that the client says.
_CLIENT = {"X-Forwarded-For": "${remote_addr}"}


def refuse(route: Route, findings: Findings) -> None:
    """Report what this controller cannot do."""
    for index, path in enumerate(route.paths):
        if path.protocol == GRPC and route.tls is None:
            reason = "nginx takes gRPC by HTTP/2, which it speaks with TLS only"
            findings.add(f"{route.key}.paths[{index}].protocol", GRPC, reason, "Set tls, or use provider traefik")
    for name, value in route.response_headers.items():
        if name.lower() in _OWN_HEADERS:
            reason = "nginx writes this header itself"
            findings.add(f"{route.key}.headers.response.{name}", value, reason, "Remove it")
    if route.external:
        _refuse_external(route, route.external, findings)


def _refuse_external(route: Route, external: ExternalAuth, findings: Findings) -> None:
    key = f"{route.key}.auth.external"
    if external.response_headers:
        reason = "an externalAuth Policy hands no headers on"
        fix = "Remove it, or use provider traefik"
        findings.add(f"{key}.response_headers", list(external.response_headers), reason, fix)
    if not external.sign_in:
        return
    folder = _folder(external.sign_in)
    if folder == "/":
        reason = "all of its folder is answered by the authentication Service, and this is the root"
        findings.add(f"{key}.sign_in", external.sign_in, reason, "Give it a folder of its own, such as /oauth2/start")
        return
    for index, path in enumerate(route.paths):
        if f"{path.path}/".startswith(folder):
            reason = f"{folder} is answered by the authentication Service, for {key}.sign_in"
            findings.add(f"{route.key}.paths[{index}].path", path.path, reason, "Remove it, or use another path")


def render(route: Route) -> list[Json]:
    """Return the route's objects, each after those it names."""
    policies = _policies(route)
    spec: Json = {"host": route.host}
    if route.tls:
        spec["tls"] = {"secret": route.tls.secret, "redirect": {"enable": route.tls.redirect}}
    if policies:
        spec["policies"] = [{"name": policy["metadata"]["name"]} for policy in policies]
    if route.redirect:
        action = {"redirect": {"url": f"{route.redirect.origin}${{request_uri}}", "code": route.redirect.code}}
        spec["routes"] = [{"path": "/", "action": action}]
    else:
        spec["upstreams"] = [_upstream(route, index, path) for index, path in enumerate(route.paths)]
        spec["routes"] = [
            {"path": location, "action": _action(route, index)}
            for index, path in enumerate(route.paths)
            for location in _locations(path, route.paths)
        ]
    return [
        *certificates(route),
        *users(route, "nginx.org/htpasswd", "htpasswd"),
        *policies,
        manifest(_API, "VirtualServer", route, spec=spec),
    ]


def _policies(route: Route) -> list[Json]:
    specs: dict[str, Json] = {}
    if route.sources:
        specs["sources"] = {"accessControl": {"allow": list(route.sources)}}
    if route.rate_limit:
        specs["rate"] = {"rateLimit": _rate_limit(route.rate_limit)}
    if route.basic:
        specs["auth"] = basic_auth(route, route.basic)
    if route.external:
        specs["auth"] = {"externalAuth": _external(route.external)}
    return [manifest(_API, "Policy", route, part, spec=spec) for part, spec in specs.items()]


def _rate_limit(limit: RateLimit) -> Json:
    # A request whose key is empty is not counted at all, so that a letter precedes what a client may leave out.
    variable = f"x${{http_{limit.header.lower().replace('-', '_')}}}" if limit.header else "${binary_remote_addr}"
    return {
        "rate": f"{limit.per_second}r/s",
        "key": variable,
        "zoneSize": _ZONE,
        "rejectCode": 429,
        **({"burst": limit.burst, "noDelay": True} if limit.burst else {}),
    }


def _external(external: ExternalAuth) -> Json:
    spec: Json = {
        "authServiceName": f"{external.namespace}/{external.service}",
        "authServicePorts": [external.port],
        "authURI": external.path,
    }
    if external.sign_in:
        spec |= {"authSigninURI": external.sign_in, "authSigninRedirectBasePath": _folder(external.sign_in)}
    return spec


def _folder(path: str) -> str:
    return path.rpartition("/")[0] + "/"


def _locations(path: Path, paths: t.Sequence[Path]) -> list[str]:
    """Return what nginx compares with; a path that is also given as an exact one is answered there."""
    if path.match == EXACT:
        return [f"={path.path}"]
    if path.path == "/":
        return ["/"]
    exact = any(other.match == EXACT and other.path == path.path for other in paths)
    return [f"{path.path}/"] if exact else [f"={path.path}", f"{path.path}/"]


def _upstream(route: Route, index: int, path: Path) -> Json:
    upstream: Json = {"name": _upstream_name(index), "service": path.service, "port": path.port}
    if path.protocol == GRPC:
        upstream["type"] = "grpc"
    if path.protocol == HTTPS:
        upstream["tls"] = {"enable": True}
    if route.max_body:
        upstream["client-max-body-size"] = route.max_body
    given = route.timeouts
    idle = _WEBSOCKET_SECONDS if path.websockets else None
    seconds = {
        "connect-timeout": given.connect if given else None,
        "read-timeout": given.read if given and given.read else idle,
        "send-timeout": given.send if given and given.send else idle,
    }
    return upstream | {name: f"{value}s" for name, value in seconds.items() if value}


def _upstream_name(index: int) -> str:
    return f"path-{index}"


def _action(route: Route, index: int) -> Json:
    proxy: Json = {
        "upstream": _upstream_name(index),
        "requestHeaders": {"set": _pairs({**_CLIENT, **route.request_headers})},
    }
    if route.response_headers:
        # add alone would put a second one beside that of the Service.
        added = {name: value for name, value in route.response_headers.items() if value}
        proxy["responseHeaders"] = {"hide": list(route.response_headers)}
        if added:
            proxy["responseHeaders"]["add"] = [{**pair, "always": True} for pair in _pairs(added)]
    return {"proxy": proxy}


def _pairs(headers: t.Mapping[str, str]) -> list[Json]:
    return [{"name": name, "value": value} for name, value in headers.items()]
