# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab takes for public DNS: a stand-in with two public domains, which knows of no other."""

from __future__ import annotations

from lab.state import NODE_OFFSET, Lab, address

HEALTH_PORT = 8080
# Addresses for documentation (RFC 5737).
ADDRESSES = {
    "www": "203.0.113.2",
    "app": "203.0.113.3",
    "deep.dev": "203.0.113.4",
    "dev": "203.0.113.5",
    # Known for a second only.
    "brief": "203.0.113.6",
}
_START = """$TTL 30
@ IN SOA ns.example.org. hostmaster.example.org. 1 3600 600 86400 30
@ IN NS ns.example.org.
"""


def corefile() -> str:
    """Return the configuration of CoreDNS; every question is logged."""
    blocks = "".join(f"{domain} {{\n  log\n  file /lab/{domain}\n}}\n" for domain in ("example.org", "example.net"))
    nothing = "  template ANY ANY {\n    rcode NXDOMAIN\n  }\n"
    return f"{blocks}. {{\n  health :{HEALTH_PORT}\n  log\n{nothing}}}\n"


def zones(lab: Lab) -> dict[str, str]:
    """Return the zone of each public domain. example.net belongs to somebody who means no good."""
    home = f"{lab.name}.home.arpa."
    kind = "@ IN MX 10 mail\nns IN A 203.0.113.1\n"
    kind += "".join(f"{name}{' 1' if name == 'brief' else ''} IN A {place}\n" for name, place in ADDRESSES.items())
    unkind = f"rebind IN A {address(lab.prefix, NODE_OFFSET)}\n"
    unkind += f"host IN CNAME cp1.{home}\ncluster IN CNAME kubernetes.default.svc.cluster.local.\n"
    return {"example.org": _START + kind, "example.net": _START + unkind}
