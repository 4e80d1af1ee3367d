# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a repository is, and whether that is something of the cluster, which is gone when it is needed. Pure."""

from __future__ import annotations

import fnmatch
import re
import typing as t
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from .._lab.rules_names import ENDPOINT
from .._lab.specs import Values
from .._network import names
from .._network.model import Network
from .._routes.ingress import Ingress
from .._routes.model import Route

SCHEMES = ("rest", "s3", "sftp", "b2", "azure", "gs")
_SFTP = re.compile(r"(?:[^@/:]+@)?(?P<host>[^/:]+):.+")
_LOCAL = ("localhost", "ip6-localhost", "ip6-loopback")


def split(url: str) -> tuple[str, str]:
    """Return scheme ("" for a path of the nodes) and host ("" where it is nobody's of the house) of a restic URL.

    Raises ValueError with the reason for what is no URL of a repository.
    """
    if url.startswith("/"):
        return "", ""
    scheme, colon, rest = url.partition(":")
    if not colon or scheme not in SCHEMES:
        raise ValueError("it is neither an absolute path nor begins with " + ", ".join(f"{one}:" for one in SCHEMES))
    host = _host(scheme, rest)
    if host is None or not rest:
        raise ValueError(f"it names no place behind {scheme}:")
    return scheme, host


def _host(scheme: str, rest: str) -> str | None:
    if scheme == "rest" and not rest.startswith(("http://", "https://")):
        return None
    if scheme not in ("rest", "s3", "sftp"):
        return ""
    if scheme == "sftp" and not rest.startswith("//"):
        match = _SFTP.fullmatch(rest)
        return match["host"].lower() if match else None
    try:
        return urlsplit(rest if "//" in rest else f"//{rest}").hostname
    except ValueError:
        return None


def lies_in(url: str, other: str) -> bool:
    """Tell whether a repository is another one, or lies in the folder of it."""
    place, folder = _place(url), _place(other)
    return place[0] == folder[0] and place[1].is_relative_to(folder[1])


def _place(url: str) -> tuple[str, PurePosixPath]:
    """Return the server and the folder on it of a sound URL."""
    if url.startswith("/"):
        return "", PurePosixPath(url)
    scheme, _colon, rest = url.partition(":")
    if scheme in ("rest", "s3") or rest.startswith("//"):
        server, _slash, path = rest.rpartition("://")[2].removeprefix("//").partition("/")
    else:
        server, _colon, path = rest.partition(":")
    return f"{scheme}:{server.rpartition('@')[2].lower()}", PurePosixPath("/", path.lstrip("/"))


@dataclass(frozen=True)
class Cluster:
    """What is of the cluster, by address and by name."""

    nodes: t.Mapping[str, IPv4Address]
    domain: str
    cluster_domain: str
    prefixes: t.Mapping[str, IPv4Network]
    routes: t.Mapping[str, Route]
    network: Network | None
    ingress: Ingress | None

    @classmethod
    def of(
        cls,
        known: Values,
        prefixes: t.Mapping[str, IPv4Network],
        routes: t.Mapping[str, Route],
        network: Network | None,
        ingress: Ingress | None,
    ) -> Cluster:
        """Return the cluster of a checked input."""
        nodes = {node["name"]: IPv4Address(node["address"]) for node in known["homelab_nodes"]}
        domains = known["homelab_domain"], known["homelab_cluster_domain"]
        return cls(nodes, *domains, prefixes, routes, network, ingress)

    def has(self, host: str) -> str:
        """Return what of the cluster *host* (a name or an address) is, "" when it is none of it."""
        if host in _LOCAL or host.startswith(("127.", "::1")):
            return "that is every node itself"
        try:
            return self._address(IPv4Address(host))
        except AddressValueError:
            return self._name(host.rstrip("."))

    def is_one_machine(self, host: str, other: str) -> bool:
        """Tell whether two hosts (names or addresses) are known to be the same."""
        return bool(self._known_as(host) & self._known_as(other))

    def _known_as(self, host: str) -> set[str]:
        return {host.rstrip("."), *map(str, self._resolved(host.rstrip(".")))} if host else set()

    def _address(self, address: IPv4Address) -> str:
        node = next((name for name, own in self.nodes.items() if own == address), "")
        if node:
            return f"that is node {node}"
        for key, what in (("homelab_pod_prefix", "a pod"), ("homelab_service_prefix", "a Service")):
            if address in self.prefixes[key]:
                return f"that is the address of {what} of the cluster"
        if self.ingress and address == self.ingress.address:
            return "that is the cluster's ingress"
        segments = self.network.segments.items() if self.network else ()
        pool = next((name for name, one in segments if one.pool and one.pool[0] <= int(address) <= one.pool[1]), "")
        return f"that is an address that load balancers of the cluster get (pool of segment {pool})" if pool else ""

    def _name(self, host: str) -> str:
        short = host.removesuffix(f".{self.domain}")
        if short in self.nodes:
            return f"that is node {short}"
        if short == ENDPOINT:
            return "that is the cluster's API"
        if host.endswith((f".{self.cluster_domain}", ".svc")):
            return "that is a Service of the cluster"
        route = next((one.host for one in self.routes.values() if fnmatch.fnmatchcase(host, one.host)), "")
        if route:
            return f"that is a route of the cluster's own ingress ({route})"
        for address in self._resolved(host):
            found = self._address(address)
            if found:
                return f"{host} is {address}, and {found}"
        return ""

    def _resolved(self, host: str) -> tuple[IPv4Address, ...]:
        """Return the addresses that the plan's own DNS servers give for a name."""
        if self.network is None:
            return ()
        table = names.table(self.network)
        inside = names.full(host, self.network.domain)
        claim = table.get(inside) or next((table[one] for one in table if fnmatch.fnmatchcase(inside, one)), None)
        if claim:
            return table[claim.target].addresses if claim.target in table else claim.addresses
        public = names.public_names(self.network)
        return public.get(host) or next((public[one] for one in public if fnmatch.fnmatchcase(host, one)), ())
