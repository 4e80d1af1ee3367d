# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of annotations one by one, from what ingress-nginx understands to what a route says. All raise Refused."""

from __future__ import annotations

import ipaddress
import re
import typing as t
from urllib.parse import SplitResult, urlsplit

from .._lab.rules_names import is_label, is_name
from .._routes.model import GRPC, HTTP, HTTPS, NO_LIMIT
from .model import Json, Named, Refused, content

REDIRECT_CODES = (301, 302, 307, 308)
KEEPS_PATH = "$request_uri"
MINUTE = 60
# Go's strconv.ParseBool
_TRUE, _FALSE = ("1", "t", "T", "true", "TRUE", "True"), ("0", "f", "F", "false", "FALSE", "False")
_SIZE = re.compile(r"(\d+)([kmg]?)", re.IGNORECASE)
HASH = re.compile(r"\$(?:2[aby]|apr1|5|6)\$[./A-Za-z0-9$=]+")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:\d+)?")
# Where people come back to after signing in: a route always has them come back to where they were.
_COMES_BACK = re.compile(
    r"rd=((https|\$scheme|\$pass_access_scheme)://\$(host|http_host|best_http_host))?\$(escaped_)?request_uri"
)
_OWN_HOST = ("$host", "$http_host", "$best_http_host")
# From host and path to the Service (service, namespace, port) that answers there, by http and unguarded.
Serving = t.Callable[[str, str], "Json | None"]


def same(value: str, default: str) -> bool:
    """Tell whether *value* means *default*: truth values have many spellings."""
    for spellings in (_TRUE, _FALSE):
        if default in spellings:
            return value in spellings
    return value.strip().casefold() == default.casefold()


def truth(value: str) -> bool:
    """Return a truth value."""
    if value not in (*_TRUE, *_FALSE):
        raise Refused("it is neither true nor false", 'Write "true" or "false"')
    return value in _TRUE


def number(value: str) -> int:
    """Return a whole number of at least 1."""
    if not (value.isascii() and value.isdigit() and int(value)):
        raise Refused("it is no whole number above 0, so ingress-nginx did not do what it seems to ask", 'Write "10"')
    return int(value)


def count(value: str) -> int:
    """Return a whole number, which may be 0."""
    return 0 if value == "0" else number(value)


def seconds(value: str) -> int:
    """Return a number of seconds."""
    try:
        return number(value)
    except Refused:
        reason = "it is no bare number of seconds, so ingress-nginx kept its default"
        raise Refused(reason, 'Write, for example, "60", or remove it') from None


def per_minute(value: str) -> int:
    """Return requests per second for requests per minute."""
    rate, rest = divmod(number(value), MINUTE)
    if rest:
        reason = "a route counts whole requests per second"
        raise Refused(reason, f'Use limit-rps: "{rate + 1}", or a multiple of {MINUTE}')
    return rate


def size(value: str) -> str:
    """Return a number of bytes with unit, or "0", which is no limit."""
    found = _SIZE.fullmatch(value.strip())
    if not found:
        raise Refused("it is no size that NGINX knows, so ingress-nginx kept its default", 'Write, for example, "8m"')
    amount = int(found.group(1))
    return f"{amount}{found.group(2).lower()}" if amount else NO_LIMIT


def networks(value: str) -> list[str]:
    """Return IPv4 and IPv6 networks of a list with commas, each once."""
    found = []
    for part in value.split(","):
        try:
            found.append(str(ipaddress.ip_network(part.strip(), strict=False)))
        except ValueError:
            fix = "Write addresses and networks with commas between them, for example 192.168.50.0/24,10.0.0.7"
            raise Refused(f"{part.strip()!r} is no address and no network", fix) from None
    return list(dict.fromkeys(found))


def protocol(value: str) -> str:
    """Return how the Service is spoken to."""
    name = value.strip().lower()
    if name not in (HTTP, HTTPS, GRPC):
        raise Refused("a route speaks http, https or grpc to a Service", "Let the Service speak one of them")
    return name


def named(value: str, namespace: str) -> tuple[str, str]:
    """Return namespace and name of "NAME" or "NAMESPACE/NAME"."""
    place, _slash, name = value.strip().rpartition("/")
    if not name or "/" in place:
        raise Refused("it is no NAME and no NAMESPACE/NAME", "Correct it, or remove it")
    return place or namespace, name


def users(value: str, namespace: str, is_map: bool, objects: Named) -> dict[str, str]:
    """Return the password hashes by user of a Secret: a file in its key auth, or with *is_map* a user in each key."""
    place, name = named(value, namespace)
    data = content(objects, ("Secret", place, name))
    if not is_map and "auth" not in data:
        raise Refused(f"Secret {place}/{name} has no key auth", "Put the file of htpasswd there")
    lines = data.items() if is_map else [_entry(line) for line in data["auth"].splitlines() if _is_entry(line)]
    found: dict[str, str] = {}
    for user, hashed in lines:
        if not user or not HASH.fullmatch(hashed):
            reason = f"user {user!r} has no hash that a route takes (bcrypt, apr1 or sha-crypt)"
            raise Refused(reason, "Hash the password anew, for example by htpasswd -B")
        found.setdefault(user, hashed)
    if not found:
        raise Refused(f"Secret {place}/{name} has no user", "Add one, for example by htpasswd -B")
    return found


def _is_entry(line: str) -> bool:
    return bool(line.strip()) and not line.startswith("#")


def _entry(line: str) -> tuple[str, str]:
    user, _colon, rest = line.strip().partition(":")
    return user, rest.partition(":")[0]


def auth_service(value: str, hosts: t.Sequence[str], serving: Serving) -> Json:
    """Return service, namespace, port and path of a URL: of a Service of the cluster, or of the host itself."""
    fix = "Run the authentication service in the cluster and write http://SERVICE.NAMESPACE.svc.cluster.local/PATH"
    url = _url(value, fix)
    if url.query or url.fragment or "$" in url.path:
        raise Refused("a route asks for one path, without query and variables", fix)
    path = url.path or "/"
    if url.scheme in ("http", "https") and url.netloc in _own(hosts):
        found = [serving(host, path) for host in hosts]
        if not found or found[0] is None or any(service != found[0] for service in found):
            raise Refused("no Service answers there by http and unguarded, or another one for each of its hosts", fix)
        return {**found[0], "path": path}
    labels = (url.hostname or "").split(".")
    if url.scheme != "http" or "svc" not in labels[2:3] or not all(map(is_label, labels[:2])):
        raise Refused("a route asks a Service of the cluster by http", fix)
    return {"service": labels[0], "namespace": labels[1], "port": url.port or 80, "path": path}


def sign_in(value: str, hosts: t.Sequence[str]) -> str:
    """Return the path of the URL that people are sent to for signing in, which is of the same host."""
    fix = "Write https://$host/PATH?rd=$escaped_request_uri, or the route by hand"
    url = _url(value, fix)
    if (url.scheme or url.netloc) and url.netloc not in _own(hosts):
        raise Refused("a route sends people to a path of its own host", fix)
    if not url.path.startswith("/") or "$" in url.path or (url.query and not _COMES_BACK.fullmatch(url.query)):
        raise Refused("a route sends people to one path and has them come back to where they were", fix)
    return url.path


def _own(hosts: t.Sequence[str]) -> tuple[str, ...]:
    """Return what a URL calls the host that was asked for."""
    return (*_OWN_HOST, *hosts) if len(hosts) == 1 else _OWN_HOST


def _url(value: str, fix: str) -> SplitResult:
    try:
        url = urlsplit(value.strip())
        _checked = url.port
    except ValueError:
        raise Refused("it is no URL", fix) from None
    return url


def headers(value: str, namespace: str, objects: Named) -> dict[str, str]:
    """Return the response headers of a ConfigMap."""
    return content(objects, ("ConfigMap", *named(value, namespace)))


def header_names(value: str) -> list[str]:
    """Return the names of headers in a list with commas."""
    return [name.strip() for name in value.split(",") if name.strip()]


def redirect(value: str) -> tuple[str, bool]:
    """Return the origin that everything is sent to, and whether path and query were kept."""
    url = value.strip()
    keeps = url.endswith(KEEPS_PATH)
    origin = url[: -len(KEEPS_PATH)] if keeps else url.rstrip("/")
    if not _ORIGIN.fullmatch(origin):
        reason = "a route sends people to the same path of another host, not to one page or by other variables"
        raise Refused(reason, f"Write, for example, https://www.example.org{KEEPS_PATH}")
    return origin, keeps


def redirect_code(value: str) -> int:
    """Return the status of a redirect."""
    if value not in map(str, REDIRECT_CODES):
        raise Refused(f"a route answers {', '.join(map(str, REDIRECT_CODES))}", "Use one of them")
    return int(value)


def is_host(value: str) -> bool:
    """Tell whether *value* is a DNS name or has one leading wildcard."""
    return is_name(value[2:] if value.startswith("*.") else value)
