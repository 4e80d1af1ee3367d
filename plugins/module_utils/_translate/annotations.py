# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the annotations of one Ingress to settings of a route, with one line for each. Pure."""

from __future__ import annotations

import typing as t
from functools import partial

from .._lab.problems import did_you_mean, show
from .._routes.model import ISSUERS
from . import paths, values, verdicts
from .model import (
    CLASS,
    DROPPED,
    FAILED,
    FOREIGN,
    LOST,
    PREFIX,
    TRANSLATED,
    Ingress,
    Json,
    Line,
    Refused,
    Settings,
    Surroundings,
)
from .verdicts import REQUEST_HEADERS, UNKNOWN, VERDICTS, Verdict

Value = t.TypeVar("Value")
CLUSTER_ISSUER, ISSUER, ACME = "cert-manager.io/cluster-issuer", "cert-manager.io/issuer", "kubernetes.io/tls-acme"
# ingress-nginx let five times the rate through at once.
_BURST = 5
# A Secret with a user in each key, instead of a file with all of them.
_MAP = "auth-map"
_UNKNOWN = Verdict(UNKNOWN, verdicts.PROTECTION)


class Reader:
    """The annotations of one Ingress; each that is looked at leaves its line. *issuer* is as in Surroundings."""

    def __init__(self, ingress: Ingress, issuer: str = "") -> None:
        self.ingress = ingress
        self._issuer = issuer
        self._lines: dict[str, Line] = {}

    @property
    def lines(self) -> list[Line]:
        """Return the lines in the order of the annotations' names."""
        return [self._lines[key] for key in sorted(self._lines)]

    def has(self, name: str) -> bool:
        """Tell whether an annotation is there with a value that changes something."""
        value = self.ingress.annotations.get(PREFIX + name)
        return isinstance(value, str) and not _is_default(value, VERDICTS[name])

    def convert(self, name: str, convert: t.Callable[[str], Value]) -> Value | None:
        """Return the converted value; None when there is none, it changes nothing, or it is refused."""
        if not self.has(name) or not self._effective(name):
            return None
        value = self.ingress.annotations[PREFIX + name]
        try:
            converted = convert(value)
        except Refused as refused:
            self.refuse(name, refused)
            return None
        intent = VERDICTS[name].intent
        self.tell(name, TRANSLATED, intent if isinstance(converted, dict) else f"{intent}: {show(converted)}")
        return converted

    def refuse(self, name: str, refused: Refused) -> None:
        """Say that an annotation stops the translation."""
        self.tell(name, FAILED, refused.reason, refused.fix)

    def tell(self, name: str, outcome: str, text: str, fix: str = "") -> None:
        """Say what became of an annotation of ingress-nginx."""
        verdict = VERDICTS.get(name, _UNKNOWN)
        protects = verdict.loss == verdicts.PROTECTION
        self.tell_key(PREFIX + name, outcome, text, fix, verdict.kind, protects)

    def tell_key(
        self, key: str, outcome: str, text: str, fix: str = "", verdict: str = "", protects: bool = False
    ) -> None:
        """Say what became of any annotation."""
        value = self.ingress.annotations[key]
        self._lines[key] = Line(str(self.ingress), key, value, outcome, text, fix, verdict, protects)

    def finish(self) -> None:
        """Say of all other annotations what becomes of them without a route that says them."""
        for key, value in self.ingress.annotations.items():
            if key in self._lines:
                continue
            name = key[len(PREFIX) :] if key.startswith(PREFIX) else ""
            if not isinstance(value, str):
                self.tell_key(key, FAILED, "a value of an annotation is text", "Put it in quotes")
            elif not name:
                self._other(key)
            elif name not in VERDICTS:
                fix = f"{did_you_mean(name, VERDICTS)}Correct the name, or remove the annotation"
                self.tell(name, FAILED, "the last ingress-nginx has no such annotation", fix)
            elif _is_default(value, VERDICTS[name]):
                self.tell(name, DROPPED, "it is the default")
            elif self._effective(name):
                verdict = VERDICTS[name]
                outcome = LOST if verdict.loss == verdicts.TUNING else FAILED
                self.tell(name, outcome, verdict.reason, verdict.fix)

    def _effective(self, name: str) -> bool:
        """Tell whether what an annotation needs is there; without it, it had no effect."""
        needs = VERDICTS[name].needs
        if not needs or any(self.has(head) for head in needs):
            return True
        self.tell(name, DROPPED, f"it has no effect without {' or '.join(needs)}")
        return False

    def _other(self, key: str) -> None:
        if key == CLASS:
            self.tell_key(key, DROPPED, "a route has the controller of the lab")
        elif key == CLUSTER_ISSUER and self.ingress.annotations[key] in ISSUERS:
            self.tell_key(key, TRANSLATED, f"tls.issuer: {self.ingress.annotations[key]}")
        elif not _certifies(key, self.ingress.annotations[key]):
            self.tell_key(key, FOREIGN, "it is not of ingress-nginx and stays with the Ingress object")
        elif self._issuer:
            self.tell_key(key, TRANSLATED, f"tls.issuer: {self._issuer}, which certifies the host from now on")
        else:
            reason = "the Certificate goes with the Ingress object, and then nobody renews its Secret"
            self.tell_key(key, LOST, reason, "Set issuer to who is to certify such hosts, or make a Certificate")


def _certifies(key: str, value: t.Any) -> bool:
    """Tell whether cert-manager fills the Secrets of an Ingress object for this annotation."""
    return key in (CLUSTER_ISSUER, ISSUER) or (key == ACME and values.same(str(value), "true"))


def _is_default(value: str, verdict: Verdict) -> bool:
    return verdict.default != "" and values.same(value, verdict.default)


def is_canary(ingress: Ingress) -> bool:
    """Tell whether an object has a share of what another one serves."""
    return Reader(ingress).has("canary")


def settings(ingress: Ingress, around: Surroundings) -> tuple[Settings, list[Line]]:
    """Return what the annotations of *ingress* say of a route, and one line for each of them."""
    reader = Reader(ingress, around.issuer)
    issuer = ingress.annotations.get(CLUSTER_ISSUER, "")
    found = Settings(issuer=issuer if issuer in ISSUERS else "", canary=is_canary(ingress))
    found.certified = any(_certifies(*item) for item in ingress.annotations.items())
    found.redirect = reader.convert("ssl-redirect", values.truth) is not False
    found.force = bool(reader.convert("force-ssl-redirect", values.truth))
    found.protocol = reader.convert("backend-protocol", values.protocol) or found.protocol
    parts: Json = {
        "redirect": _redirect(reader),
        "rate_limit": _rate_limit(reader),
        "max_body": reader.convert("proxy-body-size", values.size),
        "sources": _sources(reader),
        "headers": _headers(reader, around),
        "auth": _auth(reader, around),
        "timeouts": _timeouts(reader),
    }
    found.route = {key: value for key, value in parts.items() if value}
    if "redirect" in found.route:
        _only_redirect(reader, found.route)
    _rewrite(reader)
    reader.finish()
    return found, reader.lines


def _timeouts(reader: Reader) -> Json:
    found = {part: reader.convert(f"proxy-{part}-timeout", values.seconds) for part in ("connect", "read", "send")}
    return {part: value for part, value in found.items() if value}


def _rate_limit(reader: Reader) -> Json | None:
    by_second = reader.convert("limit-rps", values.number)
    by_minute = reader.convert("limit-rpm", values.per_minute)
    multiplier = reader.convert("limit-burst-multiplier", values.count)
    if by_second and by_minute:
        refused = Refused("a route has one rate, and limit-rps is another", "Keep the one that matters")
        reader.refuse("limit-rpm", refused)
    rate = by_second or by_minute
    if not rate:
        return None
    # The burst is a multiple of what the annotation says, be it of a minute.
    said = rate if by_second else rate * values.MINUTE
    burst = said * (_BURST if multiplier is None else multiplier)
    text = f"rate_limit of {rate} a second, burst {burst}; counted for each host, answered with 429 (was 503)"
    reader.tell("limit-rps" if by_second else "limit-rpm", TRANSLATED, text)
    return {"per_second": rate, "burst": burst}


def _sources(reader: Reader) -> list[str] | None:
    new, old = "allowlist-source-range", "whitelist-source-range"
    found = reader.convert(new, values.networks)
    if not reader.has(new):
        return reader.convert(old, values.networks)
    if reader.has(old):
        reader.tell(old, DROPPED, f"{new} has the same meaning and came first")
    return found


def _auth(reader: Reader, around: Surroundings) -> Json | None:
    basic = _basic(reader, around)
    external = _external(reader, around)
    if reader.has("auth-type") and reader.has("auth-url"):
        reader.refuse("auth-url", Refused("a route has one kind of auth, and auth-type is another", "Keep one of them"))
    if basic:
        return {"basic": basic}
    return {"external": external} if external else None


def _basic(reader: Reader, around: Surroundings) -> Json | None:
    def only_basic(value: str) -> str:
        if value.strip() != "basic":
            raise Refused("a route knows basic only", "Make new hashes by htpasswd -B, and set it to basic")
        if not reader.has("auth-secret"):
            raise Refused("auth-secret is missing, so ingress-nginx refused every request", "Set it, or remove both")
        return value

    def kind(value: str) -> str:
        if value.strip() not in ("auth-file", _MAP):
            raise Refused(f"it is neither auth-file nor {_MAP}", "Set it to what the Secret is")
        return value.strip()

    if not reader.has("auth-type"):
        return None
    reader.convert("auth-type", only_basic)
    by_key = reader.convert("auth-secret-type", kind) == _MAP
    namespace = reader.ingress.namespace
    users = reader.convert("auth-secret", lambda value: values.users(value, namespace, by_key, around.named))
    realm = reader.convert("auth-realm", str.strip)
    if not users:
        return None
    return {"realm": realm, "users": users} if realm else {"users": users}


def _external(reader: Reader, around: Surroundings) -> Json | None:
    hosts = reader.ingress.hosts
    found = reader.convert("auth-url", lambda value: values.auth_service(value, hosts, partial(_service, around)))
    more = {
        "sign_in": reader.convert("auth-signin", lambda value: values.sign_in(value, hosts)),
        "response_headers": reader.convert("auth-response-headers", values.header_names),
    }
    return {**found, **{key: value for key, value in more.items() if value}} if found else None


def _service(around: Surroundings, host: str, path: str) -> Json | None:
    """Return the Service that answers for a path of a host by http and unguarded, if there is one. Raises Refused."""
    found = paths.answering(host, path, around.ingresses)
    if found is None or not found[1].backend:
        return None
    ingress, backend = found[0], found[1].backend
    reader = Reader(ingress)
    if any(reader.has(name) for name in ("auth-url", "auth-type", "backend-protocol")):
        return None
    number = paths.port(ingress.namespace, backend, around.named)
    return {"service": backend.service, "namespace": ingress.namespace, "port": number}


def _headers(reader: Reader, around: Surroundings) -> Json | None:
    namespace = reader.ingress.namespace
    host = reader.convert("upstream-vhost", str.strip)
    response = reader.convert("custom-headers", lambda value: values.headers(value, namespace, around.named))
    found = {"request": {"Host": host} if host else None, "response": response}
    return {direction: headers for direction, headers in found.items() if headers} or None


def _redirect(reader: Reader) -> Json | None:
    temporal, permanent = "temporal-redirect", "permanent-redirect"
    kind = temporal if reader.has(temporal) else permanent
    target = reader.convert(kind, values.redirect)
    code = reader.convert(f"{kind}-code", values.redirect_code)
    if kind == temporal:
        for name in (permanent, f"{permanent}-code"):
            if reader.has(name):
                reader.tell(name, DROPPED, f"{temporal} came first")
    if target is None:
        return None
    origin, kept = target
    change = "" if kept else ", which keeps path and query from now on: everything went to this one page"
    reader.tell(kind, TRANSLATED, f"redirect: {origin}{change}")
    return {"to": origin, "code": code or (302 if kind == temporal else 301)}


def _only_redirect(reader: Reader, route: Json) -> None:
    """Nothing of a redirect reaches a Service, so a route has no place for what is about it."""
    for name, verdict in VERDICTS.items():
        part = verdict.intent.partition(".")[0]
        if (part in ("max_body", "timeouts") or verdict.intent == REQUEST_HEADERS) and reader.has(name):
            reader.tell(name, DROPPED, "nothing of a redirect reaches a Service")
    if "response" in route.get("headers", {}):
        reader.refuse("custom-headers", Refused("a route that redirects has no headers of its own", "Remove it"))
    for part in ("max_body", "timeouts", "headers"):
        route.pop(part, None)


def _rewrite(reader: Reader) -> None:
    """A rewrite to the path that was asked for is none."""
    target = reader.ingress.annotations.get(f"{PREFIX}rewrite-target")
    if target is not None and all(path.path == target for path in reader.ingress.paths):
        reader.tell("rewrite-target", DROPPED, "it is the path itself, so nothing was rewritten")
