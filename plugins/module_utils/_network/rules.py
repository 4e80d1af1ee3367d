# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The input homelab_network, checked as a whole."""

from __future__ import annotations

import typing as t
from ipaddress import IPv4Address, IPv4Network

from .._lab.problems import UNSET, Findings
from .._lab.specs import Values
from . import model, parse
from .model import Host, Network, Service
from .names import check_names
from .parse import KEY
from .parse_dns import parse_dns
from .parse_interfaces import parse_resolvers
from .rules_flows import check_flows, parse_flows
from .rules_places import check_hosts, check_segments
from .zones import check_forwarders


def check_network(
    known: Values, prefixes: t.Mapping[str, IPv4Network], endpoint: str, api_port: int, findings: Findings
) -> Network | None:
    """Return the network of the input, None when there is none or something is wrong with it.

    *prefixes* are the sound ones of nodes, pods and Services by key; *endpoint* is the label the API is reached by.
    Flows are judged only when everything they stand on is sound.
    """
    given: Values = known.get(KEY) or {}
    if not given:
        return None
    before = len(findings.problems)
    if not given.get("segments"):
        if not any(problem.key == f"{KEY}.segments" for problem in findings.problems):
            fix = "Write NAME: {vlan: ID, prefix: NETWORK, purpose: ...}"
            findings.add(f"{KEY}.segments", UNSET, "a network has segments, and none is given", fix)
        return None
    domain = known.get("homelab_domain", "")
    nodes = {entry["name"]: entry for entry in known.get("homelab_nodes", ()) if _is_sound(entry)}
    segments = parse.parse_segments(given, findings)
    hosts = parse.parse_hosts(given, segments, nodes, domain, findings)
    services = parse.parse_services(given, segments, hosts, findings)
    controllers = parse.parse_controllers(given, findings)
    resolvers = parse_resolvers(given, findings)
    dns = parse_dns(given, hosts, findings)
    check_segments(segments, prefixes, len(segments) == len(given["segments"]), findings)
    check_hosts(segments, hosts, findings)
    services = {**_built_in(hosts, api_port), **services}
    flows = parse_flows(given, given["segments"], services, findings)
    cluster_domain = known.get("homelab_cluster_domain", "")
    complete = len(prefixes) == 3 and len(nodes) == len(known.get("homelab_nodes", ())) > 0 and domain
    if len(findings.problems) > before or not (complete and cluster_domain):
        return None
    network = Network(
        domain=domain,
        endpoint=f"{endpoint}.{domain}",
        pod_prefix=prefixes["homelab_pod_prefix"],
        service_prefix=prefixes["homelab_service_prefix"],
        controllers=controllers,
        segments=segments,
        hosts=hosts,
        services=services,
        flows=flows,
        cluster_domain=cluster_domain,
        resolvers=resolvers,
        dns=dns,
    )
    check_names(network, findings)
    check_forwarders(network, findings)
    check_flows(network, findings)
    return network


def _is_sound(node: Values) -> bool:
    try:
        IPv4Address(node["address"])
    except (KeyError, ValueError):
        return False
    return "name" in node and "role" in node


def _built_in(hosts: t.Mapping[str, Host], api_port: int) -> dict[str, Service]:
    def everywhere(at: t.Iterable[Host]) -> tuple[IPv4Address, ...]:
        return tuple(address for host in at for address in host.addresses.values())

    planes = [host for host in hosts.values() if host.role == "control_plane"]
    api = tuple(host.addresses[host.home] for host in planes if host.home in host.addresses)
    services = (
        Service(model.SSH, everywhere(hosts.values()), model.SSH_PORTS),
        Service(model.KUBERNETES_API, api, (f"tcp/{api_port}",)),
        Service(model.DNS, everywhere(host for host in hosts.values() if host.dns), model.DNS_PORTS),
    )
    return {service.name: service for service in services}
