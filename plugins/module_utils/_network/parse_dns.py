# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From homelab_network.dns as the user wrote it to typed values, each judged alone."""

from __future__ import annotations

import re
import typing as t
from ipaddress import IPv4Address

from .._lab.problems import Findings, did_you_mean
from .._lab.rules_names import is_label, is_name
from .._lab.specs import Values
from .model import Dns, Forwarder, Host, Record
from .parse import KEY, parse_address

DNS_KEY = f"{KEY}.dns"
APEX, ANY_NAME = "@", "*"
# RFC 1035 4.2 and RFC 7858 3.1
_PORT, _TLS_PORT = 53, 853
_FORWARDER = re.compile(r"(?P<address>[^@#]+)(?:@(?P<port>\d{1,5}))?(?:#(?P<name>.+))?")
_EXAMPLE = "Write ADDRESS, ADDRESS@PORT or, encrypted, ADDRESS#NAME, for example 9.9.9.9#dns.quad9.net"


def parse_dns(given: Values, hosts: t.Mapping[str, Host], findings: Findings) -> Dns:
    """Return what is sound of it."""
    entry: Values = given.get("dns") or {}
    if entry and not any(host.dns for host in hosts.values()):
        findings.add(DNS_KEY, entry, "no host serves DNS", f"Set dns: true on a host of {KEY}.hosts, or remove it")
    public = {}
    for domain, names in (entry.get("public") or {}).items():
        key = f"{DNS_KEY}.public.{domain}"
        if not isinstance(domain, str) or not is_name(domain):
            reason = "it is not a DNS name (RFC 1123): lower-case labels joined by dots"
            findings.add(key, domain, reason, "Write the domain, for example example.org")
        elif not isinstance(names, dict):
            findings.add(key, names, "it must be a mapping of names", f"Write {domain}: {{app: ADDRESS}}")
        else:
            public[domain] = _records(key, names, findings)
    return Dns(
        forwarders=_forwarders(entry.get("forwarders") or [], findings),
        dnssec=entry.get("dnssec", True),
        records=_records(f"{DNS_KEY}.records", entry.get("records") or {}, findings),
        public=public,
    )


def _forwarders(given: t.Sequence[str], findings: Findings) -> tuple[Forwarder, ...]:
    found: dict[tuple[IPv4Address, int], Forwarder] = {}
    for index, text in enumerate(given):
        key = f"{DNS_KEY}.forwarders[{index}]"
        forwarder = parse_forwarder(key, text, findings)
        if forwarder is None:
            continue
        if found and bool(forwarder.tls_name) != bool(next(iter(found.values())).tls_name):
            reason = "some of the forwarders are asked in the clear and some encrypted, and which is chance"
            findings.add(key, text, reason, "Give all of them a #NAME, or none")
        elif found.setdefault((forwarder.address, forwarder.port), forwarder) is not forwarder:
            findings.add(key, text, "it is named twice", "Name each forwarder once")
    return tuple(found.values())


def parse_forwarder(key: str, text: str, findings: Findings) -> Forwarder | None:
    """Return the DNS server that *text* names; None when it names none."""
    match = _FORWARDER.fullmatch(text)
    if match is None:
        findings.add(key, text, "it is not a DNS server's address", _EXAMPLE)
        return None
    address = parse_address(key, match["address"], findings)
    name = match["name"] or ""
    port = int(match["port"] or (_TLS_PORT if name else _PORT))
    if address is None:
        return None
    if not 1 <= port <= 65535:
        findings.add(key, text, "ports are 1 to 65535", _EXAMPLE)
    elif name and not is_name(name):
        findings.add(key, text, f'"{name}" is not the name in a certificate', _EXAMPLE)
    elif address.is_loopback or address.is_multicast or address.is_unspecified or address.is_reserved:
        findings.add(key, text, "no other machine has this address", _EXAMPLE)
    else:
        return Forwarder(address, port, name)
    return None


def _records(key: str, given: t.Mapping[t.Any, t.Any], findings: Findings) -> tuple[Record, ...]:
    found = []
    for name, value in given.items():
        where = f"{key}.{name}"
        if not isinstance(name, str):
            findings.add(where, name, "the name must be text", f'Put it in quotes: "{name}"')
        elif not _is_relative(name):
            reason = 'it is not a name of lower-case labels; "*" may be the first of them, and "@" is the domain itself'
            findings.add(where, name, reason, 'Write it without the domain, for example "printer" or "*.apps"')
        else:
            record = _record(where, name, value, findings)
            found += [record] if record else []
    return tuple(found)


def _is_relative(name: str) -> bool:
    labels = name.split(".")
    return name in (APEX, ANY_NAME) or all(map(is_label, labels[labels[0] == ANY_NAME :]))


def _record(key: str, name: str, value: t.Any, findings: Findings) -> Record | None:
    if isinstance(value, str) and not _looks_like_address(value):
        if is_name(value):
            return Record(key, name, target=value)
        findings.add(key, value, "it is neither an address nor a name", "Write an address, a list of them, or a name")
        return None
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        reason = "it must be an address, a list of addresses, or the name of something in the plan"
        findings.add(key, value, reason, f"Write {name}: 192.168.30.200")
        return None
    addresses = [parse_address(key, text, findings) for text in texts]
    return Record(key, name, tuple(dict.fromkeys(address for address in addresses if address)))


def _looks_like_address(text: str) -> bool:
    return ":" in text or all(label.isdigit() for label in text.split("."))


def unknown_name(name: str, known: t.Iterable[str]) -> str:
    """Return how to go on when *name* is none of the *known* ones."""
    return f"{did_you_mean(name, known)}Name a host or a service of the plan, or write addresses"
