# SPDX-License-Identifier: GPL-3.0-or-later
"""The authority outside of the lab: routes whose names it certifies, what it and Cloudflare were asked."""

from __future__ import annotations

import re
import subprocess
import typing as t
from pathlib import Path

from lab import authority, podman, state
from tests.support.lab import lab_record

Json = dict[str, t.Any]
NAMESPACE = "certified"
# Inside, the lab's own DNS has these two domains; names of the second are proven by DNS.
HOSTS = {
    "answer": "answer.dev.example.org",
    "wildcard": f"*.{authority.ZONE}",
    "internal": "internal.dev.example.org",
    "brief": "brief.dev.example.org",
}
ISSUERS = {"answer": "letsencrypt", "wildcard": "letsencrypt", "internal": "internal", "brief": "letsencrypt-staging"}


def routes(*names: str) -> Json:
    """Return homelab_routes with those of HOSTS; behind them nothing has to run."""
    elsewhere = {"to": "https://elsewhere.example.com", "code": 302}
    return {
        name: {"host": HOSTS[name], "namespace": NAMESPACE, "tls": {"issuer": ISSUERS[name]}, "redirect": elsewhere}
        for name in names
    }


def kept() -> Path:
    """Return the folder in which what was issued is kept."""
    return Path(f"{lab_record().kubeconfig}.certificates")


def forget() -> None:
    """Remove what earlier tests had kept of these routes."""
    for path in kept().glob(f"{NAMESPACE}.*"):
        path.unlink()


def orders() -> int:
    """Return how many orders the authority has had since it was started."""
    counts = re.findall(r"There are now (\d+) orders in the db", _log("acme"))
    return int(counts[-1]) if counts else 0


def proven_by_answer() -> list[str]:
    """Return the addresses that the authority looked at for an answer."""
    return re.findall(r"Attempting to validate w/ HTTP: (\S+)", _log("acme"))


def records(method: str) -> int:
    """Return how many records Cloudflare's API was asked to make (POST) or to remove (DELETE)."""
    return len(re.findall(rf" {method} /client/v4/zones/{re.escape(authority.ZONE)}/dns_records", _log("cloudflare")))


def root(folder: Path) -> Path:
    """Return a file with the certificate that the authority's own come from."""
    lab = lab_record()
    believed = Path(lab.folder) / "services" / "authority" / "ca.pem"
    place = f"https://{state.address(lab.prefix, state.ACME_OFFSET)}:{authority.MANAGEMENT_PORT}/roots/0"
    done = subprocess.run(["curl", "-sSf", "--cacert", believed, place], check=True, capture_output=True, text=True)
    path = folder / "root.pem"
    path.write_text(done.stdout, encoding="utf-8")
    return path


def _log(service: str) -> str:
    name = podman.name_of(lab_record().name, service)
    return subprocess.run(
        ["podman", "logs", name], check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ).stdout
