# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A route as typed values: which host and paths lead to which Service, and what is asked of a request on the way."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

KEY = "homelab_routes"
PREFIX, EXACT = "prefix", "exact"
HTTP, HTTPS, GRPC = "http", "https", "grpc"
# The ClusterIssuers that the certificates role makes.
INTERNAL, PRODUCTION, STAGING = "internal", "letsencrypt", "letsencrypt-staging"
ISSUERS = (INTERNAL, PRODUCTION, STAGING)
WILDCARD = "*."
# A max_body that lets every body pass, whatever the controller has by itself.
NO_LIMIT = "0"


@dataclass(frozen=True)
class Path:
    """What is asked for at *path*, or by *match* below it, is answered by port *port* of *service*.

    *path* has no slash at its end, but for "/" itself and where *match* is exact. *protocol* is how the Service is
    spoken to; with *websockets* a connection may be silent for an hour.
    """

    path: str
    match: str
    service: str
    port: int
    protocol: str
    websockets: bool


@dataclass(frozen=True)
class Tls:
    """Where the certificate is: in *secret*, which *issuer* fills; without an issuer somebody else does."""

    secret: str
    issuer: str | None
    redirect: bool


@dataclass(frozen=True)
class RateLimit:
    """Requests a second on average, and how many above that may come at once.

    They are counted by the address of the client, or by the value of *header*; all requests without it count as one.
    """

    per_second: int
    burst: int
    header: str = ""


@dataclass(frozen=True)
class BasicAuth:
    """Who may ask: hashed passwords by user name."""

    realm: str
    users: t.Mapping[str, str]


@dataclass(frozen=True)
class ExternalAuth:
    """The Service that is asked, at *path*, whether a request may pass: 2xx is yes.

    A browser that may not is sent to *sign_in*, a path of the same Service. *response_headers* of a yes go to the
    Service behind.
    """

    service: str
    namespace: str
    port: int
    path: str
    sign_in: str = ""
    response_headers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Redirect:
    """Requests are sent on to the same path of *origin* (scheme and host)."""

    origin: str
    code: int


@dataclass(frozen=True)
class Timeouts:
    """Seconds to wait for a connection to the Service, for its answer, and for it to take the request on."""

    connect: int | None = None
    read: int | None = None
    send: int | None = None


@dataclass(frozen=True)
class Route:
    """All of one host. It has *paths* or a *redirect*. An empty header is one that is taken away."""

    name: str
    host: str
    namespace: str
    paths: tuple[Path, ...] = ()
    tls: Tls | None = None
    rate_limit: RateLimit | None = None
    max_body: str = ""
    sources: tuple[str, ...] = ()
    request_headers: t.Mapping[str, str] = field(default_factory=dict)
    response_headers: t.Mapping[str, str] = field(default_factory=dict)
    basic: BasicAuth | None = None
    external: ExternalAuth | None = None
    redirect: Redirect | None = None
    timeouts: Timeouts | None = None
    public: bool = False

    @property
    def key(self) -> str:
        """Return where the route was written."""
        return f"{KEY}.{self.name}"

    @property
    def wildcard(self) -> bool:
        """Tell whether the host stands for all names below it."""
        return self.host.startswith(WILDCARD)

    def covers(self, host: str) -> bool:
        """Tell whether *host*, a name or a wildcard, is among what the route's wildcard stands for."""
        return self.wildcard and host != self.host and host.endswith(self.host[1:])


def nearest(host: str, routes: t.Iterable[Route]) -> Route | None:
    """Return the route that answers for *host*, a name or a wildcard, where no route is of just that host."""
    return max((route for route in routes if route.covers(host)), key=lambda route: len(route.host), default=None)
