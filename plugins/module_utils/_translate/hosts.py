# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All Ingress objects of a host become its one route, merged as ingress-nginx merged them: oldest first. Pure."""

from __future__ import annotations

import hashlib
import typing as t
from dataclasses import dataclass, field

from .._lab.problems import UNSET
from .model import DROPPED, FAILED, Backend, Ingress, Json, Line, Named, Path, Source
from .values import is_host

_LABEL_LENGTH = 59  # of 63, as the route's certificate is called NAME-tls
_SAME_ANNOTATIONS = "Give all of them the same annotations, or one a host of its own"


@dataclass
class Merger:
    """Routes by name, which objects each was merged from, and what was lost or refused on the way.

    *issuer* is for the hosts that ingress-nginx served with its default certificate, "" when there is none.
    """

    named: Named
    issuer: str
    routes: dict[str, Json] = field(default_factory=dict)
    sources: dict[str, list[str]] = field(default_factory=dict)
    served: set[str] = field(default_factory=set)
    lines: list[Line] = field(default_factory=list)

    def merge(self, sources: t.Sequence[Source]) -> None:
        """Make the routes of all hosts; *sources* are in the order they are merged in."""
        for source in sources:
            self._without_host(source.ingress)
        hosts = dict.fromkeys(host for source in sources for host in source.ingress.hosts if host)
        for host in hosts:
            if not is_host(host):
                first = next(source.ingress for source in sources if host in source.ingress.hosts)
                self._fail(first, "spec.rules.host", host, "it is no DNS name", "Correct it")
                continue
            # A canary's paths are those of another object, and its verdict has failed already.
            members = [item for item in sources if host in item.ingress.hosts and not item.settings.canary]
            if members:
                self._host(host, members)

    def _host(self, host: str, members: list[Source]) -> None:
        paths = self._paths(host, members)
        if not paths:
            self._drop(members[0].ingress, f"spec.rules of {host}", UNSET, "it has no path, so the host served nothing")
            return
        used = [member for member in members if any(source is member for source, _path in paths)]
        self.served.update(str(source.ingress) for source in used)
        first = used[0]
        self._agree(host, used, "namespace", [source.ingress.namespace for source in used])
        for key in sorted({key for source in used for key in source.settings.route}):
            self._agree(host, used, key, [source.settings.route.get(key, UNSET) for source in used])
        route: Json = {"host": host, "namespace": first.ingress.namespace, **first.settings.route}
        if "redirect" not in route:
            route["paths"] = [self._path(source, path) for source, path in paths]
        tls = self._tls(host, members, used)
        if tls:
            route["tls"] = tls
        name = self._name(host)
        self.routes[name] = route
        self.sources[name] = [str(source.ingress) for source in used]

    def _paths(self, host: str, members: list[Source]) -> list[tuple[Source, Path]]:
        """Return the paths that were served, each with the oldest object that has it."""
        found: dict[tuple[str, bool], tuple[Source, Path]] = {}
        for source in members:
            for path in source.ingress.paths:
                if path.host != host:
                    continue
                key, where = (path.path, path.exact), f"spec.rules of {host}{path.path}"
                if path.backend is None:
                    self._drop(source.ingress, where, UNSET, "it names no Service, and ingress-nginx passed over it")
                elif key in found:
                    older = found[key][0].ingress
                    text = f"{older} of {older.created or 'unknown age'} has this path, and the oldest was served"
                    self._drop(source.ingress, where, path.backend.service, text)
                else:
                    found[key] = (source, path)
        default = members[0].ingress.default
        if default and ("/", False) not in found:
            found["/", False] = (members[0], Path(host, "/", False, default))
        return list(found.values())

    def _path(self, source: Source, path: Path) -> Json:
        backend = t.cast(Backend, path.backend)
        protocol = source.settings.protocol
        made: Json = {"path": path.path, "service": backend.service, "port": self._port(source.ingress, backend)}
        if path.exact:
            made["match"] = "exact"
        if protocol != "http":
            made["protocol"] = protocol
        if protocol != "grpc":
            made["websockets"] = True
        return made

    def _port(self, ingress: Ingress, backend: Backend) -> int:
        if isinstance(backend.port, int):
            return backend.port
        service = self.named.get(("Service", ingress.namespace, backend.service), {})
        ports = service.get("spec", {}).get("ports", [])
        number = next((port["port"] for port in ports if port.get("name") == backend.port), 0)
        if not number:
            reason = f"Service {ingress.namespace}/{backend.service} has no such port, or is not there"
            self._fail(ingress, "spec.rules.port", backend.port, reason, "Write the number, or give the Service too")
        return int(number)

    def _agree(self, host: str, used: list[Source], key: str, found: list[t.Any]) -> None:
        """Refuse what objects of one host say differently: ingress-nginx kept it apart by path."""
        for source, value in zip(used[1:], found[1:]):
            if value != found[0]:
                first = f"{used[0].ingress} {'says nothing of it' if found[0] is UNSET else 'has another'}"
                reason = f"a route has one {key} for all paths of {host}, and {first}"
                told = UNSET if key == "auth" else value
                self._fail(source.ingress, f"{key} of {host}", told, reason, _SAME_ANNOTATIONS)

    def _tls(self, host: str, members: list[Source], used: list[Source]) -> Json | None:
        """Return who certifies the host: the oldest object with TLS decides, even if none of its paths is served."""
        decides = next((source for source in members if source.ingress.tls), None)
        redirects = [source.settings.redirect or source.settings.force for source in used]
        if decides is None:
            forced = next((source.ingress for source in used if source.settings.force), None)
            return self._by_default(host, forced, True) if forced else None
        self._agree(host, used, "tls.redirect", redirects)
        if decides.settings.issuer:
            return {"issuer": decides.settings.issuer, "redirect": redirects[0]}
        secret = _secret(host, decides.ingress)
        if not secret:
            return self._by_default(host, decides.ingress, redirects[0])
        namespace = used[0].ingress.namespace
        if decides.ingress.namespace != namespace:
            reason = f"the route of {host} is in namespace {namespace}, and a Secret of another is out of its reach"
            self._fail(decides.ingress, "spec.tls", secret, reason, "Move them into one namespace")
        return {"secret": secret, "redirect": redirects[0]}

    def _by_default(self, host: str, ingress: Ingress, redirect: bool) -> Json | None:
        if self.issuer:
            return {"issuer": self.issuer, "redirect": redirect}
        reason = f"it names no Secret for {host}, which was served with the default certificate of ingress-nginx"
        self._fail(ingress, "spec.tls", UNSET, reason, "Set issuer to who is to certify such hosts, or name a Secret")
        return None

    def _name(self, host: str) -> str:
        name = host.replace("*", "wildcard").replace(".", "-")
        if len(name) > _LABEL_LENGTH or name in self.routes:
            name = f"{name[: _LABEL_LENGTH - 9].rstrip('-')}-{hashlib.sha256(host.encode()).hexdigest()[:8]}"
        return name

    def _without_host(self, ingress: Ingress) -> None:
        if "" in ingress.hosts or (ingress.default and not ingress.hosts):
            reason = "it serves every host that no other object names, and a route has a host"
            self._fail(ingress, "spec", UNSET, reason, "Write a rule for each host that is to be served")

    def _drop(self, ingress: Ingress, key: str, value: t.Any, text: str) -> None:
        self.lines.append(Line(str(ingress), key, value, DROPPED, text))

    def _fail(self, ingress: Ingress, key: str, value: t.Any, text: str, fix: str) -> None:
        self.lines.append(Line(str(ingress), key, value, FAILED, text, fix))


def _secret(host: str, ingress: Ingress) -> str:
    """Return the Secret of an Ingress' TLS for a host; an entry without hosts is for all of them."""
    wildcard = f"*.{host.partition('.')[2]}"
    for wanted in ([host], [wildcard], []):
        for hosts, secret in ingress.tls:
            if (not hosts and not wanted) or set(wanted) & {name.lower() for name in hosts}:
                return secret
    return ""
