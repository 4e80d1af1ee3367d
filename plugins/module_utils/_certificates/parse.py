# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From homelab_certificates as the user wrote it to typed values; what is wrong goes to the findings."""

from __future__ import annotations

import re
import typing as t
from dataclasses import replace
from ipaddress import AddressValueError, IPv4Address
from urllib.parse import urlsplit

from .._lab.problems import UNSET, Findings
from .._lab.rules_names import is_label, is_name
from .._lab.specs import Values, check, parse_options
from .model import DIRECTORIES, KEY, PROFILE, Authority, Certificates

_RESOLVERS = ("1.1.1.1", "9.9.9.9")
_DNS = 53
_LAST_PORT = 65535
_CLOUDFLARE = parse_options(
    {
        "token": {"type": "str", "required": True},
        "zones": {"type": "list", "elements": "str", "required": True},
    }
)
_AUTHORITY = parse_options(
    {
        "directory": {"type": "str"},
        "ca": {"type": "str", "default": ""},
        "profile": {"type": "str", "default": PROFILE},
    }
)
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@(?P<host>[A-Za-z0-9.-]+)")
_TOKEN = re.compile(r"[!-~]+")
PEM = re.compile(r"(?:-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\s*)+")


def parse_certificates(given: Values, kubeconfig: str, findings: Findings) -> Certificates:
    """Return what the input asks for; it is sound when nothing was added to the findings."""
    email = given.get("email") or ""
    _check_email(f"{KEY}.email", email, findings)
    kept = given.get("kept") or f"{kubeconfig.removesuffix('.conf')}.certificates"
    return Certificates(
        email=email,
        zones=_zones(given, findings),
        resolvers=_resolvers(given.get("resolvers", _RESOLVERS), findings),
        kept=kept,
        authorities=_authorities(given.get("authorities", {}), findings) if email else (),
    )


def _check_email(key: str, text: str, findings: Findings) -> None:
    match = _EMAIL.fullmatch(text)
    if text and (match is None or not is_name(match["host"].lower()) or "." not in match["host"]):
        findings.add(key, text, "it is no e-mail address", "Write, for example, you@example.org")


def _zones(given: Values, findings: Findings) -> tuple[str, ...]:
    """Return the zones at Cloudflare. No message has what was written there: it may be the token in a wrong place."""
    if "cloudflare" not in given:
        return ()
    key, entry = f"{KEY}.cloudflare", given["cloudflare"]
    found = Findings()
    known = check(entry, _CLOUDFLARE, found, f"{key}.")
    findings.problems += [replace(problem, value=UNSET) for problem in found.problems]
    if "token" in known and not _TOKEN.fullmatch(known["token"]):
        reason = "it is empty, or not one word"
        fix = "Give the API token that Cloudflare showed, from your vault; it needs Zone:Read and DNS:Edit of the zones"
        findings.add(f"{key}.token", UNSET, reason, fix)
    zones = known.get("zones", [])
    for index, zone in enumerate(zones):
        if not is_name(zone) or "." not in zone:
            reason = "it is no name of a zone"
            findings.add(f"{key}.zones[{index}]", zone, reason, "Write it as Cloudflare shows it, such as example.org")
    if "zones" in known and not zones:
        findings.add(f"{key}.zones", zones, "no name is proven there", "Name a zone, or remove cloudflare")
    return tuple(zones)


def _resolvers(given: t.Sequence[str], findings: Findings) -> tuple[str, ...]:
    found = []
    for index, text in enumerate(given):
        host, _colon, port = text.partition(":")
        try:
            address = IPv4Address(host)
            sound = not _colon or (port.isdecimal() and 0 < int(port) <= _LAST_PORT)
        except AddressValueError:
            sound = False
        if not sound:
            key = f"{KEY}.resolvers[{index}]"
            findings.add(key, text, "it is no IPv4 address, with or without a port", "Write, for example, 1.1.1.1")
            continue
        found.append(f"{address}:{port or _DNS}")
    if not given:
        reason = "nobody could be asked whether a record is seen"
        findings.add(f"{KEY}.resolvers", list(given), reason, "Name a resolver, or remove the key")
    return tuple(found)


def _authorities(given: t.Mapping[t.Any, t.Any], findings: Findings) -> tuple[Authority, ...]:
    for name in given:
        if name not in DIRECTORIES:
            reason = "no issuer is called so"
            findings.add(f"{KEY}.authorities.{name}", UNSET, reason, f"Use {' or '.join(DIRECTORIES)}")
    found = (_authority(name, url, given.get(name, {}), findings) for name, url in DIRECTORIES.items())
    return tuple(authority for authority in found if authority)


def _authority(name: str, url: str, entry: t.Any, findings: Findings) -> Authority | None:
    key, before = f"{KEY}.authorities.{name}", len(findings.problems)
    if not isinstance(entry, dict):
        findings.add(
            key, entry, f"it must be a mapping with the keys {', '.join(_AUTHORITY)}", f"Write {name}: {{...}}"
        )
        return None
    known = check(entry, _AUTHORITY, findings, f"{key}.")
    if len(findings.problems) > before:
        return None
    directory, authority, profile = known.get("directory") or url, known["ca"], known["profile"]
    if not _is_url(directory):
        reason = "it is no https URL"
        findings.add(f"{key}.directory", directory, reason, f"Write the address of the directory, such as {url}")
    if authority and not PEM.fullmatch(authority.strip()):
        reason = "it is not a certificate as PEM, or more of them"
        findings.add(f"{key}.ca", UNSET, reason, "Paste the file that begins with -----BEGIN CERTIFICATE-----")
    if authority and directory == url:
        reason = "everybody's authorities vouch for Let's Encrypt"
        findings.add(f"{key}.ca", UNSET, reason, "Remove it, or name another directory")
    if profile and not is_label(profile):
        findings.add(f"{key}.profile", profile, "it is no name of a profile", f"Write, for example, {PROFILE}")
    return Authority(name, directory, profile, authority)


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018  judged when it is read
    except ValueError:
        return False
    plain = not any(character.isspace() for character in text) and parts.username is None
    return parts.scheme == "https" and bool(parts.hostname) and plain
