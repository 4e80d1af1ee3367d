# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about prefixes: well-formed, large enough, and none inside another."""

from __future__ import annotations

import itertools
from ipaddress import AddressValueError, IPv4Network, IPv6Network, NetmaskValueError

from .problems import Findings
from .specs import Values

Networks = dict[str, IPv4Network]

# Each node takes one of these from the pod prefix (kube-controller-manager's --node-cidr-mask-size).
NODE_POD_BITS = 24
# Largest first: kube-controller-manager allows 16 bits of nodes; kube-apiserver allows 20 bits of Services.
_POD_BITS = (8, NODE_POD_BITS)
_SERVICE_BITS = (12, 24)
_EXAMPLES = {
    "homelab_node_prefix": "192.168.20.0/24",
    "homelab_pod_prefix": "10.244.0.0/16",
    "homelab_service_prefix": "10.96.0.0/16",
}


def check_networks(known: Values, findings: Findings) -> Networks:
    """Return the prefixes that are well-formed, by key; report those that are not, too small, or overlap."""
    networks = {}
    for key in _EXAMPLES:
        if key in known:
            network = parse_network(key, known[key], _EXAMPLES[key], findings)
            if network is not None:
                networks[key] = network
    _check_sizes(networks, len(known.get("homelab_nodes", ())), findings)
    _check_overlaps(networks, findings)
    return networks


def parse_network(key: str, text: str, sample: str, findings: Findings) -> IPv4Network | None:
    """Return the IPv4 network *text*, or None when it is none that hosts can have; *sample* goes into the fix."""
    example = f"Write an IPv4 network, for example {sample}"
    if "," in text:
        findings.add(key, text, "it is a list of networks, and dual-stack is not supported yet", example)
        return None
    if ":" in text:
        try:
            IPv6Network(text, strict=False)
        except ValueError:
            findings.add(key, text, "it is not a network in CIDR notation", example)
        else:
            findings.add(key, text, "IPv6 and dual-stack are not supported yet", example)
        return None
    if "/" not in text:
        findings.add(key, text, "it has no prefix length", example)
        return None
    try:
        network = IPv4Network(text, strict=False)
    except (AddressValueError, NetmaskValueError) as error:
        findings.add(key, text, f"it is not a network in CIDR notation ({error})", example)
        return None
    if str(network) != text:
        findings.add(key, text, "it is not the address of a network: host bits are set", f'Write "{network}"')
        return None
    if network.is_loopback or network.is_multicast or network.is_link_local or network.is_reserved:
        findings.add(key, text, "it is a loopback, link-local, multicast or reserved network", example)
        return None
    return network


def _check_sizes(networks: Networks, nodes: int, findings: Findings) -> None:
    node, pod = networks.get("homelab_node_prefix"), networks.get("homelab_pod_prefix")
    service = networks.get("homelab_service_prefix")
    if node and node.num_addresses - 2 < nodes:
        reason = f"it holds {max(node.num_addresses - 2, 0)} addresses for {nodes} nodes"
        findings.add("homelab_node_prefix", str(node), reason, "Choose a shorter prefix length, for example /24")
    if pod:
        if not _POD_BITS[0] <= pod.prefixlen <= _POD_BITS[1]:
            reason = f"every node takes a /{NODE_POD_BITS} of it, so it must be a /{_POD_BITS[0]} to a /{_POD_BITS[1]}"
            findings.add("homelab_pod_prefix", str(pod), reason, "Choose, for example, 10.244.0.0/16")
        elif 2 ** (NODE_POD_BITS - pod.prefixlen) < nodes:
            room = 2 ** (NODE_POD_BITS - pod.prefixlen)
            reason = f"it holds {room} networks of /{NODE_POD_BITS}, one a node, for {nodes} nodes"
            findings.add("homelab_pod_prefix", str(pod), reason, "Choose a shorter prefix length, for example /16")
    if service and not _SERVICE_BITS[0] <= service.prefixlen <= _SERVICE_BITS[1]:
        reason = f"Kubernetes takes a /{_SERVICE_BITS[0]} at most, and a /{_SERVICE_BITS[1]} is the least to be of use"
        findings.add("homelab_service_prefix", str(service), reason, "Choose, for example, 10.96.0.0/16")


def _check_overlaps(networks: Networks, findings: Findings) -> None:
    for (first, one), (second, other) in itertools.combinations(networks.items(), 2):
        if one.overlaps(other):
            reason = f'it overlaps {first} "{one}", so that a packet for one would be sent to the other'
            fix = f"Choose networks that share no address, for example {_EXAMPLES[second]}"
            findings.add(second, str(other), reason, fix)
