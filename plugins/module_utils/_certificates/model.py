# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates as typed values: who issues them, and how an authority is shown that a name is ours."""

from __future__ import annotations

from dataclasses import dataclass

from .._routes.model import INTERNAL, PRODUCTION, STAGING, WILDCARD

KEY = "homelab_certificates"
# Where cert-manager runs, and has the Secrets of its ClusterIssuers.
NAMESPACE = "cert-manager"
INTERNAL_CA = f"{INTERNAL}-ca"
DIRECTORIES = {
    PRODUCTION: "https://acme-v02.api.letsencrypt.org/directory",
    STAGING: "https://acme-staging-v02.api.letsencrypt.org/directory",
}
# 45 days, and without what a server on the web has no use for.
PROFILE = "tlsserver"


@dataclass(frozen=True)
class Authority:
    """An issuer that is asked by ACME at *directory*.

    *ca* (PEM) is believed there instead of the authorities that everybody believes; no *profile* is the authority's own
    default.
    """

    name: str
    directory: str
    profile: str
    ca: str = ""

    @property
    def own(self) -> bool:
        """Tell whether it is another one than Let's Encrypt, which may reach what the internet does not."""
        return self.directory != DIRECTORIES[self.name]

    @property
    def account(self) -> str:
        """Return the Secret that has the key of the account."""
        return f"{self.name}-account"


@dataclass(frozen=True)
class Certificates:
    """What homelab_certificates asks for.

    Names in *zones* are proven by DNS at Cloudflare, all others by HTTP through the ingress. *resolvers* (ADDRESS:PORT)
    are asked whether a record is seen; in *kept*, a folder of the controller, is what was issued. Without an *email*
    there are no *authorities*, only the internal one.
    """

    email: str
    zones: tuple[str, ...]
    resolvers: tuple[str, ...]
    kept: str
    authorities: tuple[Authority, ...] = ()

    def by_dns(self, host: str) -> bool:
        """Tell whether *host* is proven by DNS."""
        name = host.removeprefix(WILDCARD)
        return any(name == zone or name.endswith(f".{zone}") for zone in self.zones)
