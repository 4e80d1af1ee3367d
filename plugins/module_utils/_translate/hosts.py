# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All Ingress objects of a host become its one route, merged as ingress-nginx merged them: oldest first. Pure."""

from __future__ import annotations

import hashlib
import typing as t
from dataclasses import dataclass, field

from .._lab.problems import UNSET
from .._routes.model import GRPC, HTTP
from . import paths
from .model import DROPPED, FAILED, TRANSLATED, Backend, Ingress, Json, Line, Named, Path, Refused, Source
from .values import is_host

_LABEL_LENGTH = 59  # of 63, as the route's certificate is called NAME-tls
_SAME = "Give all of them the same annotations, or one a host of its own"
_SAME_AUTH = f"{_SAME}; what people need for signing in is found by auth-signin"
_ONE_NAMESPACE = "Move them into one namespace, or give one a host of its own"


@dataclass
class Merger:
    """Routes by name, which objects each was merged from, and what was lost or refused on the way.

    *issuer* certifies hosts whose certificate is lost with ingress-nginx, "" when there is none. *served* are the
    objects that have a path, *secured* those of them that have a host with TLS.
    """

    named: Named
    issuer: str
    routes: dict[str, Json] = field(default_factory=dict)
    sources: dict[str, list[str]] = field(default_factory=dict)
    served: set[str] = field(default_factory=set)
    secured: set[str] = field(default_factory=set)
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
        by_name = {str(source.ingress): source for source in members}
        found, lines = paths.served(host, [source.ingress for source in members])
        self.lines += lines
        if not found:
            self._drop(members[0].ingress, f"spec.rules of {host}", UNSET, "it has no path, so the host served nothing")
            return
        pairs = [(by_name[str(ingress)], path) for ingress, path in found]
        kept = self._without_sign_in(host, pairs)
        everybody, used = _each(members, pairs), _each(members, kept)
        self._agree(host, used, "namespace", [source.ingress.namespace for source in used], _ONE_NAMESPACE)
        for key in sorted({key for source in used for key in source.settings.route}):
            fix = _SAME_AUTH if key == "auth" else _SAME
            self._agree(host, used, key, [source.settings.route.get(key, UNSET) for source in used], fix)
        route: Json = {"host": host, "namespace": used[0].ingress.namespace}
        if "redirect" in used[0].settings.route:
            self._whole_host(host, used[0].ingress, kept)
        else:
            route["paths"] = [self._path(source, path) for source, path in kept]
        tls = self._tls(host, members, used)
        name = self._name(host)
        self.routes[name] = {**route, **({"tls": tls} if tls else {}), **used[0].settings.route}
        self.sources[name] = [str(source.ingress) for source in everybody]
        self.served.update(self.sources[name])
        if tls or any(source.ingress.tls for source in members):
            self.secured.update(self.sources[name])

    def _without_sign_in(self, host: str, pairs: list[tuple[Source, Path]]) -> list[tuple[Source, Path]]:
        """Return all paths but those a route has by itself: the folder of sign_in leads to the authentication Service.

        With ingress-nginx that folder was an Ingress object of its own, without authentication.
        """
        asking = next((source for source, _path in pairs if _external(source).get("sign_in")), None)
        if asking is None:
            return pairs
        folder = _external(asking)["sign_in"].rpartition("/")[0] + "/"
        kept = []
        for source, path in pairs:
            if folder == "/" or "auth" in source.settings.route or not f"{path.path}/".startswith(folder):
                kept.append((source, path))
            else:
                self._sign_in(host, asking, source, path)
        return kept

    def _sign_in(self, host: str, asking: Source, source: Source, path: Path) -> None:
        """Say of a path in the folder of *asking*'s sign_in that the route has it, or why it has not."""
        external, backend = _external(asking), t.cast(Backend, path.backend)
        wanted = Backend(external["service"], external["port"]), external["namespace"], HTTP
        found = Backend(backend.service, self._port(source.ingress, backend)), source.ingress.namespace
        key = f"spec.rules of {host}{path.path}"
        if (*found, source.settings.protocol) == wanted:
            text = "auth.external.sign_in: its folder leads to the authentication Service, unguarded"
            self.lines.append(Line(str(source.ingress), key, backend.service, TRANSLATED, text))
        elif found[0].port:
            reason = f"the route of {host} has there the Service that auth-url of {asking.ingress} asks, by http"
            self._fail(source.ingress, key, backend.service, reason, "Have both lead to the same port of that Service")
        for name, value in source.settings.route.items():
            self._agree(host, [asking, source], name, [asking.settings.route.get(name, UNSET), value])

    def _whole_host(self, host: str, ingress: Ingress, kept: list[tuple[Source, Path]]) -> None:
        if not any(path.path == "/" and not path.exact for _source, path in kept):
            reason = f"only some paths of {host} were sent elsewhere, and a route sends all of its host"
            self._fail(ingress, f"redirect of {host}", UNSET, reason, "Write the path /, or let the app send them")

    def _path(self, source: Source, path: Path) -> Json:
        backend = t.cast(Backend, path.backend)
        protocol = source.settings.protocol
        made: Json = {"path": path.path, "service": backend.service, "port": self._port(source.ingress, backend)}
        if path.exact:
            made["match"] = "exact"
        if protocol != HTTP:
            made["protocol"] = protocol
        if protocol != GRPC:
            made["websockets"] = True
        return made

    def _port(self, ingress: Ingress, backend: Backend) -> int:
        try:
            return paths.port(ingress.namespace, backend, self.named)
        except Refused as refused:
            self._fail(ingress, "spec.rules.port", backend.port, refused.reason, refused.fix)
            return 0

    def _agree(self, host: str, used: list[Source], key: str, found: list[t.Any], fix: str = _SAME) -> None:
        """Refuse what objects of one host say differently: ingress-nginx kept it apart by path."""
        for source, value in zip(used[1:], found[1:]):
            if value != found[0]:
                first = f"{used[0].ingress} {'says nothing of it' if found[0] is UNSET else 'has another'}"
                reason = f"a route has one {key} for all paths of {host}, and {first}"
                told = UNSET if key == "auth" else value
                self._fail(source.ingress, f"{key} of {host}", told, reason, fix)

    def _tls(self, host: str, members: list[Source], used: list[Source]) -> Json | None:
        """Return who certifies the host: the oldest object with TLS decided, even if none of its paths is served."""
        having = [source for source in members if source.ingress.tls]
        redirects = [source.settings.redirect or source.settings.force for source in used]
        if not having:
            forced = next((source.ingress for source in used if source.settings.force), None)
            return self._by_default(host, forced, True) if forced else None
        self._agree(host, used, "tls.redirect", redirects)
        namespace, decides = used[0].ingress.namespace, having[0]
        if decides.ingress.namespace != namespace:
            decides = next((source for source in having if source.ingress.namespace == namespace), decides)
        if decides is not having[0]:
            text = f"{decides.ingress} decides now, as it is in the namespace of the route of {host}"
            self._drop(having[0].ingress, "spec.tls", _secret(host, having[0].ingress), text)
        issuer = decides.settings.issuer or (self.issuer if decides.settings.certified else "")
        if issuer:
            return {"issuer": issuer, "redirect": redirects[0]}
        secret = _secret(host, decides.ingress)
        if not secret:
            return self._by_default(host, decides.ingress, redirects[0])
        if decides.ingress.namespace != namespace:
            reason = f"the route of {host} is in namespace {namespace}, and a Secret of another is out of its reach"
            self._fail(decides.ingress, "spec.tls", secret, reason, "Have TLS in an object of that namespace too")
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


def _each(members: list[Source], pairs: list[tuple[Source, Path]]) -> list[Source]:
    """Return the members that have one of these paths, oldest first."""
    return [member for member in members if any(source is member for source, _path in pairs)]


def _external(source: Source) -> Json:
    return t.cast(Json, source.settings.route.get("auth", {}).get("external", {}))


def _secret(host: str, ingress: Ingress) -> str:
    """Return the Secret of an Ingress' TLS for a host; an entry without hosts is for all of them."""
    wildcard = f"*.{host.partition('.')[2]}"
    for wanted in ([host], [wildcard], []):
        for hosts, secret in ingress.tls:
            if (not hosts and not wanted) or set(wanted) & {name.lower() for name in hosts}:
                return secret
    return ""
