# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From Ingress objects of ingress-nginx to routes and a report of everything they said. Pure."""

from __future__ import annotations

import contextlib
import typing as t
from dataclasses import dataclass, replace

from .annotations import settings
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
    by_age,
    is_template,
)
from .values import named as split_name

_WEBSOCKETS = "websockets: true is on every path of http or https: ingress-nginx passed WebSockets by itself"
_BUFFERS = "answers may be buffered from now on: ingress-nginx did not, which matters to server-sent events"
_HSTS = "Strict-Transport-Security is no longer sent: ingress-nginx added it to every answer over TLS"
_PERMANENT = "http is sent to https with 301, ingress-nginx answered 308"
_GLOBAL = (
    "what the ConfigMap of ingress-nginx sets for all hosts is no annotation and not looked at: see whether it has "
    "global-auth-url, whitelist-source-range, denylist-source-range, block-cidrs, enable-modsecurity or snippets"
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


def translate(ingresses: t.Sequence[Ingress], named: Named, class_name: str, issuer: str = "") -> Translation:
    """Return the routes of those *ingresses* that are of a class, and the report.

    *named* has the objects of needed(), *issuer* certifies the hosts that had the default certificate of ingress-nginx.
    """
    merger = Merger(named, issuer)
    sources: list[Source] = []
    lines: list[Line] = []
    for ingress in by_age(of_class(ingresses, class_name)):
        found, told_of = settings(ingress, named)
        sources.append(Source(ingress, found))
        lines += told_of
    merger.merge(sources)
    told = [_seen(line, merger.served) for line in lines]
    told += [*merger.lines, *(line for name in merger.routes for line in _templates(name, merger))]
    others = [f"{item} ({item.class_name or 'none'})" for item in ingresses if item.class_name != class_name]
    notes = [f"left alone, being of another class: {', '.join(others)}"] if others else []
    return Translation(merger.routes, merger.sources, told, notes + _notes(merger.routes))


def _seen(line: Line, served: t.Collection[str]) -> Line:
    if line.outcome != TRANSLATED or line.object in served:
        return line
    return replace(line, outcome=DROPPED, text="no path of this object is served")


def _templates(name: str, merger: Merger) -> t.Iterator[Line]:
    """Refuse text that Ansible would run where it reads the routes: who may write an Ingress may not run commands."""
    for text in filter(is_template, _texts(merger.routes[name])):
        reason = "Ansible would take it for a template and run it"
        yield Line(merger.sources[name][0], f"route {name}", text, FAILED, reason, "Write it without {{, {% and {#")


def _texts(value: t.Any) -> t.Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from (str(key), *_texts(item))
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value


def _notes(routes: t.Mapping[str, Json]) -> list[str]:
    """Return what a route does differently than ingress-nginx did by itself."""
    if not routes:
        return []
    tls = [route["tls"] for route in routes.values() if "tls" in route]
    found = [_WEBSOCKETS, _BUFFERS] if any("paths" in route for route in routes.values()) else []
    found += [_HSTS] if tls else []
    found += [_PERMANENT] if any(entry["redirect"] for entry in tls) else []
    return [*found, _GLOBAL]
