# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The NetworkPolicies that a namespace of apps begins with: all is denied but what apps live on and flows allow. Pure.

See https://kubernetes.io/docs/concepts/services-networking/network-policies/. Policies add up and only allow, so that a
promise (a flow that is denied) is kept by naming it nowhere.
"""

from __future__ import annotations

import typing as t
from ipaddress import IPv4Address, summarize_address_range

from . import spans
from .evaluate import Json
from .model import ALLOW, DNS_PORTS, INTERNET, PODS

# Where what every app is reached by lives.
INGRESS_NAMESPACE, MONITORING_NAMESPACE = "ingress", "monitoring"
_BUILT_IN = "built-in"


def policies(network: Json) -> list[Json]:
    """Return the policies, without a namespace, as kube_apply takes them with the namespace of an app.

    The built-in flows of pods are those of the cluster's own programs; an app that speaks to the API gets a policy of
    its own.
    """
    dns = {
        "namespaceSelector": _namespace("kube-system"),
        "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
    }
    found = [
        _policy("deny", "What no other policy allows is denied, in both directions.", ingress=[], egress=[]),
        _policy("dns", "Names are resolved.", egress=[{"to": [dns], "ports": _ports(DNS_PORTS)}]),
        reached("ingress", "What is published is reached.", [INGRESS_NAMESPACE]),
        reached("monitoring", "Metrics are read.", [MONITORING_NAMESPACE]),
    ]
    flows = [
        flow
        for flow in network["flows"]
        if flow["from"] == PODS and flow["action"] == ALLOW and not flow["why"].startswith(_BUILT_IN)
    ]
    if flows:
        words = ", ".join(dict.fromkeys(f"pods -> {flow['to']}" for flow in flows))
        found.append(_policy("flows", f"What flows allow: {words}.", egress=[_egress(network, flow) for flow in flows]))
    return found


def _egress(network: Json, flow: Json) -> Json:
    if flow["to"] == INTERNET:
        prefixes = [segment["prefix"] for segment in network["segments"].values()]
        return {"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": [*prefixes, *network["prefixes"].values()]}}]}
    blocks = [
        {"ipBlock": {"cidr": str(block)}}
        for text in flow["targets"]
        for block in summarize_address_range(*map(IPv4Address, spans.parse_span(text)))
    ]
    return {"to": blocks, "ports": _ports(flow["ports"])}


def _ports(ports: t.Iterable[str]) -> list[Json]:
    return [
        {"protocol": protocol.upper(), "port": first, **({"endPort": last} if last != first else {})}
        for protocol, (first, last) in spans.expand_ports(ports)
    ]


def _namespace(name: str) -> Json:
    return {"matchLabels": {"kubernetes.io/metadata.name": name}}


def reached(name: str, words: str, namespaces: t.Iterable[str]) -> Json:
    """Return a policy that lets the pods of *namespaces* in."""
    return _policy(name, words, ingress=[{"from": _peers(namespaces)}])


def reaches(name: str, words: str, namespaces: t.Iterable[str]) -> Json:
    """Return a policy that lets pods out to those of *namespaces*."""
    return _policy(name, words, egress=[{"to": _peers(namespaces)}])


def _peers(namespaces: t.Iterable[str]) -> list[Json]:
    return [{"namespaceSelector": _namespace(name)} for name in namespaces]


def _policy(name: str, words: str, **directions: list[Json]) -> Json:
    """Return a policy for all pods of a namespace in the *directions* given; an empty one lets nothing pass."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": f"homelab-{name}", "annotations": {"kubernetes.io/description": words}},
        "spec": {
            "podSelector": {},
            "policyTypes": [direction.capitalize() for direction in directions],
            **{direction: rules for direction, rules in directions.items() if rules},
        },
    }
