# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From homelab_routes as the user wrote it to typed values, each judged alone; what is wrong goes to the findings."""

from __future__ import annotations

import re
import typing as t
from dataclasses import replace

from .._lab.problems import UNSET, Findings
from .._lab.rules_names import is_label, is_name
from .._lab.specs import Values, check, parse_options
from . import model, parse_demands
from .model import KEY, Path, Redirect, Route, Tls
from .texts import PORTS, check_label, check_name, check_path, check_range, check_service

_CODES = (301, 302, 307, 308)
_ORIGIN = re.compile(r"https?://(?P<host>[^/:]+)(?::(?P<port>[1-9][0-9]{0,4}))?")
_ROUTE = parse_options(
    {
        "host": {"type": "str", "required": True},
        "namespace": {"type": "str", "required": True},
        "paths": {
            "type": "list",
            "elements": "dict",
            "options": {
                "path": {"type": "str", "required": True},
                "match": {"type": "str", "choices": (model.PREFIX, model.EXACT), "default": model.PREFIX},
                "service": {"type": "str", "required": True},
                "port": {"type": "int", "required": True},
                "protocol": {"type": "str", "choices": (model.HTTP, model.HTTPS, model.GRPC), "default": model.HTTP},
                "websockets": {"type": "bool", "default": False},
            },
        },
        "tls": {
            "type": "dict",
            "options": {
                "issuer": {"type": "str", "choices": model.ISSUERS},
                "secret": {"type": "str"},
                "redirect": {"type": "bool", "default": True},
            },
        },
        "redirect": {
            "type": "dict",
            "options": {
                "to": {"type": "str", "required": True},
                "code": {"type": "int", "default": _CODES[0]},
            },
        },
        "public": {"type": "bool", "default": False},
        **parse_demands.OPTIONS,
    }
)


def parse_routes(given: t.Mapping[t.Any, t.Any], findings: Findings) -> dict[str, Route]:
    """Return the sound routes by name."""
    routes = {}
    for name, entry in given.items():
        key = f"{KEY}.{name}"
        if not isinstance(name, str):
            findings.add(key, name, "the name must be text", f'Put it in quotes: "{name}"')
        elif not is_label(name):
            findings.add(key, name, "the name is not a DNS label (RFC 1123)", 'Write, for example, "shop"')
        elif not isinstance(entry, dict):
            keys = ", ".join(_ROUTE)
            findings.add(key, entry, f"it must be a mapping with the keys {keys}", f"Write {name}: {{...}}")
        else:
            route = _route(key, name, entry, findings)
            if route is not None:
                routes[name] = route
    return routes


def _route(key: str, name: str, entry: Values, findings: Findings) -> Route | None:
    """Return the route when nothing is wrong with it. Values are judged when all of them have the right types."""
    before = len(findings.problems)
    known = _checked(key, entry, findings)
    if len(findings.problems) > before:
        return None
    host, namespace = known["host"], known["namespace"]
    if not is_name(host.removeprefix(model.WILDCARD)):
        reason = 'it is not a DNS name of lower-case labels; "*" may be the first of them'
        findings.add(f"{key}.host", host, reason, "Write, for example, shop.example.org or *.apps.example.org")
    check_label(f"{key}.namespace", namespace, findings)
    _check_purpose(key, known, findings)
    route = Route(
        name=name,
        host=host,
        namespace=namespace,
        paths=_paths(f"{key}.paths", known.get("paths", ()), findings),
        tls=_tls(f"{key}.tls", name, known["tls"], findings) if "tls" in known else None,
        redirect=_redirect(f"{key}.redirect", known["redirect"], findings) if "redirect" in known else None,
        public=known["public"],
        **parse_demands.parse_demands(key, name, namespace, known, findings),
    )
    return route if len(findings.problems) == before else None


def _checked(key: str, entry: Values, findings: Findings) -> Values:
    """Return the values that have the right type. What may hold a password in the wrong place is not shown."""
    found = Findings()
    known = check(entry, _ROUTE, found, f"{key}.")
    for problem in found.problems:
        hidden = problem.key.startswith(f"{key}.auth") or isinstance(problem.value, (dict, list))
        findings.problems.append(replace(problem, value=UNSET) if hidden else problem)
    return known


def _check_purpose(key: str, known: Values, findings: Findings) -> None:
    """A route leads to Services or sends away, and what is asked for must be possible then."""
    if "redirect" not in known:
        if not known.get("paths"):
            fix = "Write paths: [{path: /, service: NAME, port: NUMBER}], or redirect: {to: URL}"
            findings.add(f"{key}.paths", UNSET, "the route leads nowhere", fix)
        return
    for name in ("paths", "max_body", "headers", "timeouts"):
        if name in known:
            reason = "the route has a redirect, and nothing of it reaches a Service"
            findings.add(f"{key}.{name}", UNSET, reason, f"Remove {name}, or the redirect")


def _paths(key: str, entries: t.Sequence[Values], findings: Findings) -> tuple[Path, ...]:
    first: dict[tuple[str, str], str] = {}
    paths = []
    for index, entry in enumerate(entries):
        where = f"{key}[{index}]"
        path = Path(**{**entry, "path": _shortest(entry["path"], entry["match"])})
        check_path(f"{where}.path", entry["path"], findings)
        check_service(f"{where}.service", path.service, findings)
        check_range(f"{where}.port", path.port, PORTS, findings)
        if path.protocol == model.GRPC and path.websockets:
            findings.add(f"{where}.websockets", True, "gRPC has none", "Remove it, or use protocol: http")
        owner = first.setdefault((path.match, path.path), where)
        if owner != where:
            findings.add(f"{where}.path", entry["path"], f"{owner} is the same path", "Write it once")
        paths.append(path)
    return tuple(paths)


def _shortest(path: str, match: str) -> str:
    return (path.rstrip("/") or "/") if match == model.PREFIX else path


def _tls(key: str, route: str, entry: Values, findings: Findings) -> Tls:
    issuer, secret = entry.get("issuer"), entry.get("secret")
    if bool(issuer) == bool(secret):
        reason = "a certificate comes either from an issuer or from a secret"
        findings.add(key, entry, reason, f"Write issuer: {model.ISSUERS[0]}, or secret: NAME")
    elif secret:
        check_name(f"{key}.secret", secret, findings)
    return Tls(secret or f"{route}-tls", issuer, entry["redirect"])


def _redirect(key: str, entry: Values, findings: Findings) -> Redirect:
    match = _ORIGIN.fullmatch(entry["to"])
    if match is None or not is_name(match["host"]) or int(match["port"] or 1) > PORTS[1]:
        reason = "it is not the beginning of a URL, scheme and host; the path is that of the request"
        findings.add(f"{key}.to", entry["to"], reason, "Write, for example, https://www.example.org")
    if entry["code"] not in _CODES:
        codes = ", ".join(map(str, _CODES))
        findings.add(f"{key}.code", entry["code"], "it is not the status of a redirect", f"Use one of {codes}")
    return Redirect(entry["to"], entry["code"])
