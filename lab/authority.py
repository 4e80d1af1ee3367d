# SPDX-License-Identifier: GPL-3.0-or-later
"""Who issues certificates outside of the lab, and who keeps its public DNS.

pebble is the authority, with ACME as Let's Encrypt speaks it. A stand-in for Cloudflare's API has the DNS that pebble
believes. Both show certificates of an authority that only this machine has, and only the lab's cert-manager believes.
"""

from __future__ import annotations

import json
import secrets
import tempfile
import typing as t
from pathlib import Path

from lab import files
from lab.process import run
from lab.state import ACME_OFFSET, BACKUP_OFFSET, CLOUDFLARE_OFFSET, COPY_OFFSET, Lab, address

ZONE = "example.net"
MANAGEMENT_PORT = 15000
API = "api.cloudflare.com"
# What cert-manager asks for, and one whose certificates a test can see renewed.
PROFILES = {"tlsserver": 45 * 86400, "brief": 75}
NAMES = {"letsencrypt": "tlsserver", "letsencrypt-staging": "brief"}
# Who shows the certificate, besides the API of Cloudflare.
OFFSETS = (ACME_OFFSET, CLOUDFLARE_OFFSET, BACKUP_OFFSET, COPY_OFFSET)
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout")
SETTINGS = {
    "listenAddress": "0.0.0.0:443",
    "managementListenAddress": f"0.0.0.0:{MANAGEMENT_PORT}",
    "certificate": "/lab/authority/cert.pem",
    "privateKey": "/lab/authority/key.pem",
    "httpPort": 80,
    "tlsPort": 443,
    "keyAlgorithm": "ecdsa",
    "retryAfter": {"authz": 1, "order": 1},
    "profiles": {name: {"description": name, "validityPeriod": seconds} for name, seconds in PROFILES.items()},
}
_FILE = f"pebble-{files.key_of(SETTINGS)}.json"


def root(cache: Path) -> Path:
    """Return the certificate that everything of the lab's outside shows one of; make it, and its key, if need be."""
    folder = cache / "authority"
    if not folder.is_dir():
        with files.published(folder) as made:
            subject = ("-subj", "/CN=homelab labs of this machine", "-days", "3650")
            _openssl("req", "-x509", *_KEY, made / "ca.key", *subject, "-out", made / "ca.pem")
    return folder / "ca.pem"


def configure(lab: Lab, cache: Path) -> None:
    """Write what the two are run with into the lab's folder; what is secret is made once."""
    folder = _folder(lab)
    folder.mkdir(parents=True, exist_ok=True)
    authority = root(cache)
    hosts = [f"DNS:{API}", *(f"IP:{address(lab.prefix, offset)}" for offset in OFFSETS)]
    stamp = files.key_of(authority.read_text(), hosts)
    if not (folder / stamp).exists():
        _sign(authority, hosts, folder)
        files.write(folder / "ca.pem", authority.read_text())
        files.write(folder / "token", secrets.token_hex(20), 0o600)
        files.write(folder / stamp, "")
    files.write(folder / _FILE, json.dumps({"pebble": SETTINGS}))


def acme_command(lab: Lab) -> tuple[str, ...]:
    """Return what runs the authority. What it has issued is forgotten when it ends."""
    # What makes clients robust makes tests slow: to wait before a name is looked at, to refuse every twentieth request.
    quick = ("PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0")
    resolver = f"{address(lab.prefix, CLOUDFLARE_OFFSET)}:53"
    return ("env", *quick, "pebble", "-config", f"/lab/authority/{_FILE}", "-dnsserver", resolver)


def cloudflare_command(lab: Lab) -> tuple[str, ...]:
    """Return what runs the stand-in. Every name leads to the lab's ingress."""
    place = "/lab/authority"
    told = {
        "zones": ZONE,
        "token-file": f"{place}/token",
        "address": lab.ingress,
        "certificate": f"{place}/cert.pem",
        "key": f"{place}/key.pem",
    }
    return ("cloudflare", *(f"-{name}={value}" for name, value in told.items()))


def certificates(lab: Lab) -> dict[str, t.Any]:
    """Return `homelab_certificates`, when the lab has the two."""
    folder = _folder(lab)
    if not (folder / "token").exists():
        return {}
    directory = f"https://{address(lab.prefix, ACME_OFFSET)}/dir"
    authority = (folder / "ca.pem").read_text()
    return {
        "email": f"lab@{ZONE}",
        "cloudflare": {"token": (folder / "token").read_text(), "zones": [ZONE]},
        "resolvers": [address(lab.prefix, CLOUDFLARE_OFFSET)],
        "authorities": {
            name: {"directory": directory, "ca": authority, "profile": profile} for name, profile in NAMES.items()
        },
    }


def _folder(lab: Lab) -> Path:
    return Path(lab.folder) / "services" / "authority"


def _sign(authority: Path, hosts: t.Sequence[str], folder: Path) -> None:
    with tempfile.TemporaryDirectory() as work:
        asked, extensions = Path(work) / "asked", Path(work) / "extensions"
        extensions.write_text(f"subjectAltName={','.join(hosts)}\nextendedKeyUsage=serverAuth\n")
        _openssl("req", "-new", *_KEY, folder / "key.pem", "-subj", "/CN=the lab's outside", "-out", asked)
        by = ("-CA", authority, "-CAkey", authority.with_name("ca.key"))
        _openssl(
            "x509", "-req", "-in", asked, *by, "-days", "3650", "-extfile", extensions, "-out", folder / "cert.pem"
        )


def _openssl(*arguments: str | Path) -> None:
    run(["openssl", *arguments], attempted="Making a certificate of the lab's outside")
