# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The input homelab_ingress: which controller serves the routes, how, and at which address of the LAN."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field
from ipaddress import AddressValueError, IPv4Address

from .._lab.problems import UNSET, Findings
from .._lab.specs import Values
from .._network import spans
from .._network.model import Network
from .model import KEY as ROUTES
from .objects import Json
from .rules import NGINX, TRAEFIK

KEY = "homelab_ingress"
RETIRED = "ingress-nginx"
PROVIDERS = (NGINX, TRAEFIK, RETIRED)


@dataclass(frozen=True)
class Ingress:
    """The controller, the address of a pool that it is reached at, and what is laid over its own settings."""

    provider: str
    address: IPv4Address
    nginx_config: t.Mapping[str, str] = field(default_factory=dict)


def check_ingress(known: Values, network: Network | None, findings: Findings) -> Ingress | None:
    """Return what homelab_ingress asks for, None when that is nothing, or something is wrong with it."""
    given: Values = known.get(KEY) or {}
    if not given:
        if known.get(ROUTES):
            fix = f"Write {KEY}: {{provider: {NGINX}}}, or {TRAEFIK}"
            findings.add(ROUTES, sorted(map(str, known[ROUTES])), "there is no controller that would serve them", fix)
        return None
    before = len(findings.problems)
    # No default of the spec: Ansible would fill it in where nothing is given.
    provider = str(given.get("provider") or NGINX)
    if provider == RETIRED:
        reason = (
            "it was retired in March 2026, and holes found since then (CVE-2026-42945, CVE-2026-9256, CVE-2026-42533) "
            "are not mended"
        )
        fix = (
            f"Use {NGINX} (F5 NGINX Ingress Controller) or {TRAEFIK}; playbook ingress_nginx_translate makes routes "
            "of the Ingress objects, see docs/migrate.md"
        )
        findings.add(f"{KEY}.provider", provider, reason, fix)
    config = _nginx_config(given.get("nginx_config") or {}, provider, findings)
    pools = [segment.pool for segment in network.segments.values() if segment.pool] if network else []
    if not pools:
        fix = "Give the cluster's segment in homelab_network a pool: FIRST-LAST"
        findings.add(KEY, UNSET, "it is reached at an address of a pool, and no segment has one", fix)
        return None
    address = _address(given.get("address"), pools, findings)
    return Ingress(provider, address, config) if address and len(findings.problems) == before else None


def _nginx_config(config: Values, provider: str, findings: Findings) -> dict[str, str]:
    key = f"{KEY}.nginx_config"
    if config and provider != NGINX:
        findings.add(key, sorted(map(str, config)), f"{provider} has no such settings", f"Remove it, or use {NGINX}")
    for name, value in config.items():
        # What is no text to YAML is none to a ConfigMap.
        if not isinstance(value, str):
            findings.add(f"{key}.{name}", value, "a ConfigMap holds texts only", "Write it in quotes")
    return {str(name): str(value) for name, value in config.items()}


def _address(text: t.Any, pools: t.Sequence[spans.Span], findings: Findings) -> IPv4Address | None:
    """Return the address; the first of the first pool when none is asked for."""
    if not text:
        return IPv4Address(spans.ends(pools[0])[0])
    try:
        address = IPv4Address(text)
    except AddressValueError:
        findings.add(f"{KEY}.address", text, "it is no IPv4 address", f"Write one of {spans.show_range(pools[0])}")
        return None
    if not any(spans.meet(pool, (int(address), int(address))) for pool in pools):
        shown = ", ".join(spans.show_range(pool) for pool in pools)
        findings.add(
            f"{KEY}.address", text, "no pool has it, so that nobody would answer there", f"Choose one of {shown}"
        )
        return None
    return address


def compile_ingress(ingress: Ingress) -> Json:
    """Return plan["ingress"]."""
    return {
        "provider": ingress.provider,
        "address": str(ingress.address),
        "nginx_config": dict(ingress.nginx_config),
    }
