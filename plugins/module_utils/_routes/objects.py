# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of a route that do not depend on the provider, and what all of them have in common. Pure.

Objects are called as their route, those there may be more of ROUTE-PART; no part has a hyphen, so that no two routes
of a namespace make the same name.
"""

from __future__ import annotations

import typing as t

from .model import BasicAuth, Route

Json = dict[str, t.Any]
_USERS = "users"


def name_of(route: Route, part: str) -> str:
    """Return the name of an object of *route* that there may be more of."""
    return f"{route.name}-{part}"


def manifest(api_version: str, kind: str, route: Route, part: str = "", **content: t.Any) -> Json:
    """Return an object of *route* with the fields of *content* besides its metadata."""
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {
            "name": name_of(route, part) if part else route.name,
            "namespace": route.namespace,
            "labels": {"app.kubernetes.io/managed-by": "atarnet.homelab", "app.kubernetes.io/name": route.name},
        },
        **content,
    }


def certificates(route: Route) -> list[Json]:
    """Return the Certificate that keeps the route's secret filled; none where the secret is somebody else's."""
    if route.tls is None or route.tls.issuer is None:
        return []
    spec = {
        "secretName": route.tls.secret,
        "dnsNames": [route.host],
        "issuerRef": {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": route.tls.issuer},
    }
    return [manifest("cert-manager.io/v1", "Certificate", route, "tls", spec=spec)]


def users(route: Route, secret_type: str, key: str) -> list[Json]:
    """Return the Secret with the users of basic authentication, as htpasswd writes them."""
    if route.basic is None:
        return []
    lines = "".join(f"{name}:{hashed}\n" for name, hashed in route.basic.users.items())
    return [manifest("v1", "Secret", route, _USERS, type=secret_type, stringData={key: lines})]


def basic_auth(route: Route, basic: BasicAuth) -> Json:
    """Return how the policy of either provider names the Secret with the users."""
    return {"basicAuth": {"realm": basic.realm, "secret": name_of(route, _USERS)}}
