# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a route asks of a request, as the user wrote it: from where, how often, by whom, how large, what headers."""

from __future__ import annotations

import re
import typing as t
from ipaddress import ip_network

from .._lab.problems import UNSET, Findings
from .._lab.specs import Values
from .model import BasicAuth, ExternalAuth, RateLimit, Timeouts
from .texts import PORTS, check_header, check_label, check_path, check_range, check_service, check_value

OPTIONS: Values = {
    "rate_limit": {
        "type": "dict",
        "options": {
            "per_second": {"type": "int", "required": True},
            "burst": {"type": "int", "default": 0},
            "key": {"type": "raw", "default": "client"},
        },
    },
    "max_body": {"type": "raw"},
    "sources": {"type": "list", "elements": "str"},
    "headers": {"type": "dict", "options": {"request": {"type": "dict"}, "response": {"type": "dict"}}},
    "auth": {
        "type": "dict",
        "options": {
            "basic": {
                "type": "dict",
                "options": {"realm": {"type": "str"}, "users": {"type": "raw", "required": True}},
            },
            "external": {
                "type": "dict",
                "options": {
                    "service": {"type": "str", "required": True},
                    "namespace": {"type": "str"},
                    "port": {"type": "int", "required": True},
                    "path": {"type": "str", "required": True},
                    "sign_in": {"type": "str"},
                    "response_headers": {"type": "list", "elements": "str", "default": ()},
                },
            },
        },
    },
    "timeouts": {
        "type": "dict",
        "options": {"connect": {"type": "int"}, "read": {"type": "int"}, "send": {"type": "int"}},
    },
}
_RATES, _BURSTS = (1, 1_000_000), (0, 1_000_000)
_SECONDS = (1, 86_400)
_SIZE = re.compile(r"0|[1-9][0-9]{0,8}[kmg]?")
# Without this ipaddress takes any text after "%" (RFC 4007).
_NETWORK = re.compile(r"[0-9A-Fa-f.:/]+")
_USER = re.compile(r"[A-Za-z0-9._@-]{1,64}")
# What htpasswd and mkpasswd make: bcrypt, Apache's MD5 and SHA-crypt.
_HASH = re.compile(
    r"\$2[aby]\$(?:0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}"
    r"|\$apr1\$[./A-Za-z0-9]{1,8}\$[./A-Za-z0-9]{22}"
    r"|\$5\$(?:rounds=[0-9]{4,9}\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{43}"
    r"|\$6\$(?:rounds=[0-9]{4,9}\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{86}"
)
# RFC 9110 7.6.1 and 8.6: they belong to one connection. The last one tells the Service whom the controller saw.
_OWNED = (
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "x-forwarded-for",
)


def parse_demands(key: str, name: str, namespace: str, known: Values, findings: Findings) -> Values:
    """Return these fields of the Route *name*, those that were given; *known* has the right types."""
    found = {part: read(f"{key}.{part}", known[part], findings) for part, read in _READERS.items() if part in known}
    for direction, headers in known.get("headers", {}).items():
        found[f"{direction}_headers"] = _headers(f"{key}.headers.{direction}", headers, findings)
    if "auth" in known:
        found |= _auth(f"{key}.auth", name, namespace, known["auth"], findings)
    return found


def _rate_limit(key: str, entry: Values, findings: Findings) -> RateLimit:
    check_range(f"{key}.per_second", entry["per_second"], _RATES, findings)
    check_range(f"{key}.burst", entry["burst"], _BURSTS, findings)
    by = entry["key"]
    header = by["header"] if isinstance(by, dict) and list(by) == ["header"] else ""
    if by == "client":
        return RateLimit(entry["per_second"], entry["burst"])
    if header and isinstance(header, str):
        check_header(f"{key}.key.header", header, findings)
    else:
        reason = "it is neither client nor a header"
        findings.add(f"{key}.key", by, reason, "Write key: client, or key: {header: X-Api-Key}")
    return RateLimit(entry["per_second"], entry["burst"], str(header))


def _max_body(key: str, value: t.Any, findings: Findings) -> str:
    if isinstance(value, bool) or not _SIZE.fullmatch(str(value)):
        reason = "it is not a number of bytes, or of them with k, m or g for 1024, 1024² or 1024³"
        findings.add(key, value, reason, "Write, for example, 10m, or 0 for no limit")
    return str(value)


def _sources(key: str, entries: t.Sequence[str], findings: Findings) -> tuple[str, ...]:
    found = []
    if not entries:
        findings.add(key, entries, "nobody could ask", "Name the networks that may, or remove it for all")
    for index, text in enumerate(entries):
        try:
            if not _NETWORK.fullmatch(text):
                raise ValueError(f"{text!r} is no address")
            found.append(str(ip_network(text)))
        except ValueError as error:
            fix = "Write, for example, 192.168.50.0/24 or fd00:50::/64"
            findings.add(f"{key}[{index}]", text, f"it is not a network in CIDR notation ({error})", fix)
    return tuple(found)


def _headers(key: str, entries: t.Mapping[t.Any, t.Any], findings: Findings) -> dict[str, str]:
    seen: dict[str, str] = {}
    for name, value in entries.items():
        where = f"{key}.{name}"
        if not isinstance(name, str) or not isinstance(value, str):
            findings.add(where, value, "name and value must be text", f'Put them in quotes: "{name}": "{value}"')
            continue
        check_header(where, name, findings)
        check_value(where, value, findings)
        owner = seen.setdefault(name.lower(), where)
        if owner != where:
            findings.add(where, value, f"{owner} is the same header", "Write it once")
        if name.lower() in _OWNED:
            findings.add(where, value, "it belongs to the connection, which the controller makes", "Remove it")
        elif name.lower() == "host" and not value:
            findings.add(where, value, "a request has a Host", "Write another name, or remove it")
    return dict(entries)


def _auth(key: str, route: str, namespace: str, entry: Values, findings: Findings) -> Values:
    if len(entry) != 1:
        reason = "it names no way to sign in" if not entry else "it names two ways to sign in"
        findings.add(key, UNSET, reason, "Write one of basic and external")
    found: Values = {}
    if "basic" in entry:
        found["basic"] = _basic(f"{key}.basic", route, entry["basic"], findings)
    if "external" in entry:
        found["external"] = _external(f"{key}.external", namespace, entry["external"], findings)
    return found


def _basic(key: str, route: str, entry: Values, findings: Findings) -> BasicAuth:
    """Return who may ask. No value is shown: it may be a password."""
    realm, users = entry.get("realm", route), entry["users"]
    check_value(f"{key}.realm", realm, findings)
    if not realm:
        findings.add(f"{key}.realm", realm, "it is what browsers show, and it is empty", "Name it, or remove the key")
    if not isinstance(users, dict) or not users:
        findings.add(f"{key}.users", UNSET, "it must name at least one user", 'Write users: {anna: "$2y$..."}')
        users = {}
    for name, hashed in users.items():
        where = f"{key}.users.{name}"
        if not isinstance(name, str) or not _USER.fullmatch(name):
            reason = "the name is not made of letters, digits, dots, underscores, hyphens and @ (at most 64)"
            findings.add(where, UNSET, reason, "Use another name, or put it in quotes")
        elif not isinstance(hashed, str) or not _HASH.fullmatch(hashed):
            reason = "it is not a hash by bcrypt, apr1 or SHA-crypt; a password in clear text is refused"
            findings.add(where, UNSET, reason, f"Write what `htpasswd -nB {name}` prints after the colon")
    return BasicAuth(realm, users)


def _external(key: str, namespace: str, entry: Values, findings: Findings) -> ExternalAuth:
    external = ExternalAuth(
        service=entry["service"],
        namespace=entry.get("namespace", namespace),
        port=entry["port"],
        path=entry["path"],
        sign_in=entry.get("sign_in", ""),
        response_headers=tuple(entry["response_headers"]),
    )
    check_service(f"{key}.service", external.service, findings)
    if "namespace" in entry:
        check_label(f"{key}.namespace", external.namespace, findings)
    check_range(f"{key}.port", external.port, PORTS, findings)
    check_path(f"{key}.path", external.path, findings)
    if "sign_in" in entry:
        check_path(f"{key}.sign_in", external.sign_in, findings)
    for index, name in enumerate(external.response_headers):
        check_header(f"{key}.response_headers[{index}]", name, findings)
    return external


def _timeouts(key: str, entry: Values, findings: Findings) -> Timeouts:
    for name, seconds in entry.items():
        check_range(f"{key}.{name}", seconds, _SECONDS, findings)
    return Timeouts(**entry)


_READERS: t.Mapping[str, t.Callable[[str, t.Any, Findings], t.Any]] = {
    "rate_limit": _rate_limit,
    "max_body": _max_body,
    "sources": _sources,
    "timeouts": _timeouts,
}
