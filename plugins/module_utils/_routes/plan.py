# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The compiler: from the checked routes to plan["routes"], which the roles apply. Pure."""

from __future__ import annotations

import typing as t

from . import nginx, traefik
from .model import Route
from .objects import Json
from .rules import NGINX


def compile_routes(routes: t.Mapping[str, Route], provider: str) -> Json:
    """Return plan["routes"]: JSON-able, the same for the same input, sorted as the input is.

    objects has every manifest after those it names. Among them are Secrets. hosts says of each host (a name, or a
    wildcard) which route it is, whether the internet reaches it, and where its certificate comes from.
    """
    render = nginx.render if provider == NGINX else traefik.render
    return {
        "provider": provider,
        "objects": [item for route in routes.values() for item in render(route)],
        "hosts": {
            route.host: {
                "route": route.name,
                "public": route.public,
                "tls": route.tls is not None,
                "issuer": route.tls.issuer if route.tls else None,
            }
            for route in routes.values()
        },
    }
