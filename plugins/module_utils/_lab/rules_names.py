# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about names: what DNS allows (RFC 1123), and names that would shadow each other."""

from __future__ import annotations

import re

from .problems import Findings
from .specs import Values

# The name every node and the administrator reach the API by: ENDPOINT.<homelab_domain>.
ENDPOINT = "api"
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_LONGEST_NAME = 253
_RESERVED_HOSTS = {ENDPOINT: "the API endpoint is called so", "localhost": "every host calls itself so"}


def is_label(text: str) -> bool:
    """Tell whether *text* is one lower-case DNS label."""
    return _LABEL.fullmatch(text) is not None


def is_name(text: str) -> bool:
    """Tell whether *text* is a DNS name of one or more lower-case labels that cannot be taken for an address."""
    labels = text.split(".")
    return len(text) <= _LONGEST_NAME and all(map(is_label, labels)) and not labels[-1].isdigit()


def check_names(known: Values, findings: Findings) -> None:
    """Report names that DNS would not carry, or that mean two things."""
    check_label("homelab_name", known.get("homelab_name"), findings)
    for index, node in enumerate(known.get("homelab_nodes", ())):
        check_host(f"homelab_nodes[{index}].name", node.get("name"), known.get("homelab_domain"), findings)
    domain = _check_domain("homelab_domain", known, findings)
    cluster = _check_domain("homelab_cluster_domain", known, findings)
    if domain:
        _check_mdns(domain, findings)
    if domain and cluster:
        _check_shadow(domain, cluster, findings)


def check_label(key: str, value: str | None, findings: Findings) -> bool:
    """Report a *value* that is no DNS label; tell whether it is one."""
    if value is None or is_label(value):
        return value is not None
    reason = "it is not a DNS label (RFC 1123): lower-case letters, digits and inner hyphens, at most 63"
    findings.add(key, value, reason, f'Write, for example, "{_suggest(value)}"')
    return False


def _suggest(value: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", value.lower()).strip("-")[:63].strip("-") or "lab"


def check_host(key: str, name: str | None, domain: str | None, findings: Findings) -> None:
    """Report a host's *name* that is no DNS label, is taken, or too long below *domain*."""
    if not check_label(key, name, findings) or name is None:
        return
    if name in _RESERVED_HOSTS:
        findings.add(
            key, name, f"the name is taken: {_RESERVED_HOSTS[name]}", "Rename the host, here and in the inventory"
        )
    elif domain and len(f"{name}.{domain}") > _LONGEST_NAME:
        reason = f"with homelab_domain it is longer than {_LONGEST_NAME} characters"
        findings.add(key, name, reason, "Shorten the name or the domain")


def _check_domain(key: str, known: Values, findings: Findings) -> str | None:
    value: str | None = known.get(key)
    if value is None or is_name(value):
        return value
    reason = "it is not a DNS name (RFC 1123): lower-case labels joined by dots, no leading or trailing dot"
    example = "lab.home.arpa" if key == "homelab_domain" else "cluster.local"
    findings.add(key, value, reason, f"Write, for example, {example}")
    return None


def _check_mdns(domain: str, findings: Findings) -> None:
    if domain.rpartition(".")[2] == "local":
        reason = "names under .local are answered by multicast DNS (RFC 6762), not by a DNS server"
        findings.add("homelab_domain", domain, reason, "Use a domain you own, or one under home.arpa (RFC 8375)")


def _check_shadow(domain: str, cluster: str, findings: Findings) -> None:
    if domain == cluster or domain.endswith(f".{cluster}"):
        reason = f'homelab_domain "{domain}" is the same or lies inside it, so pods could not resolve the nodes'
        findings.add("homelab_cluster_domain", cluster, reason, "Use another domain, for example cluster.local")
