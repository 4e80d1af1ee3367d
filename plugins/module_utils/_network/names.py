# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is called how: every name of the plan with what it stands for, and the rules about them. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from ipaddress import IPv4Address

from .._lab.problems import Findings
from .._lab.rules_names import is_label, is_name
from . import model
from .model import Network, Record
from .parse import KEY
from .parse_dns import ANY_NAME, APEX, DNS_KEY, unknown_name

Addresses = tuple[IPv4Address, ...]


@dataclass(frozen=True)
class Claim:
    """Something wants a name: *what* in words, *key* where it was written. A *target* makes it another's alias."""

    name: str
    addresses: Addresses
    what: str
    key: str
    target: str = ""


def claims(network: Network) -> t.Iterator[Claim]:
    """Yield every name of the internal domain, complete, the plan's own before those of the input."""
    domain = network.domain
    api = network.services[model.KUBERNETES_API]
    yield Claim(network.endpoint, api.addresses, "the API", "homelab_domain")
    for host in network.hosts.values():
        what, key = f'host "{host.name}"', f"{KEY}.hosts.{host.name}"
        yield Claim(f"{host.name}.{domain}", (host.addresses[host.home],), what, key)
        for segment, address in host.addresses.items():
            if segment != host.home:
                where = f"{key}.addresses.{segment}"
                yield Claim(f"{host.name}.{segment}.{domain}", (address,), f"{what} in {segment}", where)
    for name, place in network.segments.items():
        what, key = f'the gateway of segment "{name}"', f"{KEY}.segments.{name}"
        yield Claim(f"gateway.{name}.{domain}", (place.gateway,), what, key)
    for name, service in network.services.items():
        if name not in (model.SSH, model.KUBERNETES_API, model.DNS) and is_label(name):
            yield Claim(f"{name}.{domain}", service.addresses, f'service "{name}"', f"{KEY}.services.{name}")
    for record in network.dns.records:
        target = full(record.target, domain) if record.target else ""
        yield Claim(full(record.name, domain), record.addresses, f'record "{record.name}"', record.key, target)


def full(name: str, domain: str) -> str:
    """Return a name with its domain, which it may have already."""
    return domain if name == APEX else name if inside_domain(name, domain) else f"{name}.{domain}"


def table(network: Network) -> dict[str, Claim]:
    """Return who has each name; the first that wants it."""
    found: dict[str, Claim] = {}
    for claim in claims(network):
        found.setdefault(claim.name, claim)
    return found


def public_names(network: Network) -> dict[str, Addresses]:
    """Return the addresses of each public name that has an answer of our own."""
    known = table(network)
    return {
        full(record.name, domain): _resolved(record, known, network)
        for domain, records in network.dns.public.items()
        for record in records
    }


def _resolved(record: Record, known: t.Mapping[str, Claim], network: Network) -> Addresses:
    if not record.target:
        return record.addresses
    claim = known[full(record.target, network.domain)]
    return known[claim.target].addresses if claim.target else claim.addresses


def check_names(network: Network, findings: Findings) -> None:
    """Report names that two things would have, aliases that lead nowhere, and domains in each other's way."""
    known = table(network)
    for claim in claims(network):
        owner = known[claim.name]
        if owner != claim and (set(owner.addresses), owner.target) != (set(claim.addresses), claim.target):
            reason = f"its name {claim.name} is taken by {owner.what}"
            findings.add(claim.key, _short(claim, network), reason, "Give one of the two another name")
        elif not is_name(claim.name.removeprefix(f"{ANY_NAME}.")):
            reason = f"its name {claim.name} is longer than DNS allows"
            findings.add(claim.key, _short(claim, network), reason, "Shorten the name or the domain")
    for record in network.dns.records:
        _check_record(record, known, network, findings)
    if network.servers:
        _check_domains(network, findings)
    _check_public(known, network, findings)


def _short(claim: Claim, network: Network) -> str:
    return claim.name.removesuffix(f".{network.domain}")


def _check_record(record: Record, known: t.Mapping[str, Claim], network: Network, findings: Findings) -> None:
    for domain in network.dns.public:
        if inside_domain(record.name, domain) and not inside_domain(record.name, network.domain):
            reason = f"names here lie below {network.domain}, and this one would be {record.name}.{network.domain}"
            findings.add(record.key, record.name, reason, f"Write it in {DNS_KEY}.public")
            return
    if not record.target:
        return
    target = known.get(full(record.target, network.domain))
    if target is None or target.name.startswith(ANY_NAME):
        findings.add(record.key, record.target, "there is no such name", unknown_name(record.target, _shorts(known)))
    elif target.target:
        reason = f"it is itself another name, of {target.target}"
        findings.add(record.key, record.target, reason, "Name what has the address")
    elif record.name == APEX:
        reason = "the domain itself cannot be another name (RFC 1034 3.6.2)"
        findings.add(record.key, record.target, reason, f"Write {', '.join(map(str, target.addresses))}")


def _shorts(known: t.Mapping[str, Claim]) -> list[str]:
    return [name.partition(".")[0] for name in known]


def _check_domains(network: Network, findings: Findings) -> None:
    """Each name is answered by one of: the internal zone, cluster DNS, the forwarders."""
    if inside_domain(network.cluster_domain, network.domain):
        reason = f'it lies inside homelab_domain "{network.domain}", for which the DNS servers of the plan answer alone'
        findings.add("homelab_cluster_domain", network.cluster_domain, reason, "Use, for example, cluster.local")
    for domain in network.dns.public:
        key = f"{DNS_KEY}.public.{domain}"
        if inside_domain(domain, network.domain):
            reason = f"all of {network.domain} is answered inside the lab, and nothing of it is public"
            findings.add(key, domain, reason, f"Write its names in {DNS_KEY}.records, or use another homelab_domain")
        elif inside_domain(domain, network.cluster_domain) or inside_domain(network.cluster_domain, domain):
            reason = f"the cluster's own domain {network.cluster_domain} is answered by the cluster"
            findings.add(key, domain, reason, "Name a domain that you own, apart from it")


def _check_public(known: t.Mapping[str, Claim], network: Network, findings: Findings) -> None:
    first: dict[str, str] = {}
    for domain, records in network.dns.public.items():
        for record in records:
            name = full(record.name, domain)
            owner = first.setdefault(name, record.key)
            if owner != record.key:
                findings.add(record.key, record.name, f"{owner} is the same name, {name}", "Write it once")
            elif inside_domain(name.removeprefix(f"{ANY_NAME}."), network.domain) and not inside_domain(
                domain, network.domain
            ):
                reason = f"{name} lies inside homelab_domain"
                findings.add(record.key, record.name, reason, f"Write it in {DNS_KEY}.records")
            if record.target and full(record.target, network.domain) not in known:
                hint = unknown_name(record.target, _shorts(known))
                findings.add(record.key, record.target, "nothing in the plan is called so", hint)


def inside_domain(name: str, domain: str) -> bool:
    """Tell whether *name* is *domain* or lies below it."""
    return f".{name}".endswith(f".{domain}")
