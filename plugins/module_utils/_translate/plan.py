# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From Ingress objects of ingress-nginx to routes and a report of everything they said. Pure."""

from __future__ import annotations

import contextlib
import typing as t
from dataclasses import dataclass, replace

from .._lab.problems import Findings, Problem
from .._routes.model import KEY
from .._routes.rules import NGINX, PROVIDERS, TRAEFIK, check_routes
from .annotations import CLUSTER_ISSUER, is_canary, settings
from .hosts import Merger
from .model import (
    DROPPED,
    FAILED,
    PREFIX,
    TRANSLATED,
    Ingress,
    Json,
    Line,
    Name,
    Named,
    Refused,
    Source,
    Surroundings,
    by_age,
)
from .values import named as split_name

_ABOUT_TLS = (f"{PREFIX}ssl-redirect", CLUSTER_ISSUER)
_WEBSOCKETS = (
    "websockets: true is on every path of http or https, because ingress-nginx passed WebSockets by itself; where no "
    "timeout says otherwise a connection may be silent for an hour, which was a minute"
)
_BODIES = (
    "a route without max_body sets no limit for bodies; ingress-nginx took 1m, if its ConfigMap has no proxy-body-size"
)
_BUFFERS = "answers may be buffered from now on: ingress-nginx did not, which matters to server-sent events"
_HSTS = (
    "Strict-Transport-Security is no longer sent, which ingress-nginx added to every answer over TLS; to keep it, set "
    'headers.response of a route to {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}'
)
_PERMANENT = "http is sent to https with 301, ingress-nginx answered 308"
_PLAIN = "a route without tls is served by http only; ingress-nginx answered https too, with its default certificate"
_CLASS = (
    "F5's controller serves Ingress objects of class nginx too, without what annotations of ingress-nginx guard, and "
    "for a host the older object: delete these objects before it runs"
)
_GLOBAL = (
    "what the ConfigMap of ingress-nginx sets for all hosts is no annotation and not looked at: see whether it has "
    "global-auth-url, whitelist-source-range, denylist-source-range, block-cidrs, enable-modsecurity, "
    "use-forwarded-headers or snippets"
)


@dataclass(frozen=True)
class Translation:
    """Routes by name as homelab_routes has them, the objects each was merged from, and a line for everything else."""

    routes: dict[str, Json]
    sources: dict[str, list[str]]
    lines: list[Line]
    notes: list[str]

    @property
    def failures(self) -> list[Line]:
        """Return what stops the translation."""
        return [line for line in self.lines if line.outcome == FAILED]


def of_class(ingresses: t.Iterable[Ingress], class_name: str) -> list[Ingress]:
    """Return those that the controller of a class serves."""
    return [ingress for ingress in ingresses if ingress.class_name == class_name]


def needed(ingresses: t.Iterable[Ingress]) -> list[Name]:
    """Return the objects besides Ingress that a translation reads, each once."""
    found: list[Name] = []
    for ingress in ingresses:
        for annotation, kind in (("auth-secret", "Secret"), ("custom-headers", "ConfigMap")):
            value = ingress.annotations.get(PREFIX + annotation)
            if isinstance(value, str):
                with contextlib.suppress(Refused):  # the translation tells
                    found.append((kind, *split_name(value, ingress.namespace)))
        for backend in (ingress.default, *(path.backend for path in ingress.paths)):
            if backend and isinstance(backend.port, str):
                found.append(("Service", ingress.namespace, backend.service))
    return list(dict.fromkeys(found))


def translate(
    ingresses: t.Sequence[Ingress], named: Named, class_name: str, issuer: str = "", provider: str = ""
) -> Translation:
    """Return the routes of those *ingresses* that are of a class, and the report.

    *named* has the objects of needed(); *issuer* certifies the hosts whose certificate is lost with ingress-nginx.
    What *provider* refuses, or without one what every provider refuses, stops the translation.
    """
    ordered = by_age(of_class(ingresses, class_name))
    around = Surroundings(named, [ingress for ingress in ordered if not is_canary(ingress)], issuer)
    merger = Merger(named, issuer)
    sources: list[Source] = []
    lines: list[Line] = []
    for ingress in ordered:
        found, told_of = settings(ingress, around)
        sources.append(Source(ingress, found))
        lines += told_of
    merger.merge(sources)
    told = [*(_seen(line, merger) for line in lines), *merger.lines]
    others = [f"{item} ({item.class_name or 'none'})" for item in ingresses if item.class_name != class_name]
    notes = [f"left alone, being of another class: {', '.join(others)}"] if others else []
    refused, warned = _refusals(merger, provider)
    if merger.routes and class_name == NGINX and provider != TRAEFIK:
        notes.append(_CLASS)
    return Translation(merger.routes, merger.sources, told + refused, [*notes, *_notes(merger.routes), *warned])


def _seen(line: Line, merger: Merger) -> Line:
    """Return the line of an annotation, which had no effect if nothing of its object is served."""
    if line.outcome != TRANSLATED:
        return line
    if line.object not in merger.served:
        return replace(line, outcome=DROPPED, text="no path of this object is served")
    if line.key in _ABOUT_TLS and line.object not in merger.secured:
        return replace(line, outcome=DROPPED, text="it has no effect without TLS")
    return line


def _refusals(merger: Merger, provider: str) -> tuple[list[Line], list[str]]:
    """Return what the compiler of routes says: lines that stop the translation, and notes on single providers."""
    # A port without number has been refused already.
    sound = {name: route for name, route in merger.routes.items() if all(path["port"] for path in _paths(route))}
    found = {name: _problems(sound, name) for name in ([provider] if provider else PROVIDERS)}
    first, *others = found.values()
    common = [problem for problem in first if all(problem in other for other in others)]
    notes = [
        f"{name} would refuse {problem}" for name, problems in found.items() for problem in problems
        if problem not in common
    ]  # fmt: skip
    return [_refusal(problem, merger) for problem in common], notes


def _problems(routes: t.Mapping[str, Json], provider: str) -> list[Problem]:
    findings = Findings()
    check_routes({KEY: routes}, provider, findings)
    return findings.problems


def _paths(route: Json) -> t.Sequence[Json]:
    return t.cast(t.Sequence[Json], route.get("paths", ()))


def _refusal(problem: Problem, merger: Merger) -> Line:
    route = problem.key.split(".")[1]
    return Line(merger.sources[route][0], problem.key, problem.value, FAILED, problem.reason, problem.fix)


def _notes(routes: t.Mapping[str, Json]) -> list[str]:
    """Return what a route does differently than ingress-nginx did by itself."""
    if not routes:
        return []
    leading = [route for route in routes.values() if _paths(route)]
    tls = [route["tls"] for route in routes.values() if "tls" in route]
    found = [_WEBSOCKETS, _BUFFERS] if leading else []
    found += [_BODIES] if any("max_body" not in route for route in leading) else []
    found += [_HSTS] if tls else []
    found += [_PERMANENT] if any(entry["redirect"] for entry in tls) else []
    found += [_PLAIN] if len(tls) < len(routes) else []
    return [*found, _GLOBAL]
