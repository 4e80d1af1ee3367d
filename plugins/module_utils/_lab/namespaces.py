# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which namespaces begin with a denial, and what beside the plan's flows is allowed there: homelab_namespaces."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._network import policies, spans
from .._network.model import ALLOW, PODS
from .._routes.ingress import Ingress
from .._routes.model import Route
from .._storage.model import TOPOLVM_NAMESPACE
from .problems import Findings
from .rules_names import is_label
from .specs import Values, check, parse_options

Json = dict[str, t.Any]

KEY = "homelab_namespaces"
# Where the platform itself lives: it needs more than flows say, and everybody needs it.
PLATFORM = (
    "cert-manager",
    policies.INGRESS_NAMESPACE,
    "kube-flannel",
    "kube-node-lease",
    "kube-public",
    "kube-system",
    "local-path-storage",
    "metallb-system",
    policies.MONITORING_NAMESPACE,
    TOPOLVM_NAMESPACE,
)
_NAMESPACE = parse_options(
    {
        "default_deny": {"type": "bool", "default": True},
        "reaches": {"type": "list", "elements": "str", "default": []},
    }
)


@dataclass(frozen=True)
class Namespace:
    """A namespace of apps: whether what nothing allows is denied there, and the namespaces that its pods reach."""

    name: str
    default_deny: bool = True
    reaches: tuple[str, ...] = ()


def check_namespaces(known: Values, routes: t.Mapping[str, Route], findings: Findings) -> dict[str, Namespace]:
    """Return the sound namespaces of the input by name, and those that routes name."""
    found = {}
    for name, entry in (known.get(KEY) or {}).items():
        key = f"{KEY}.{name}"
        if not isinstance(name, str) or not is_label(name):
            findings.add(key, entry, "the name is not a DNS label (RFC 1123)", 'Write, for example, "shop"')
        elif not isinstance(entry, dict):
            fix = f"Write {name}: {{}}, or with the keys {', '.join(_NAMESPACE)}"
            findings.add(key, entry, "it must be a mapping", fix)
        elif name in PLATFORM:
            reason = "the platform lives there, and would be cut from what it needs"
            findings.add(key, entry, reason, "Name namespaces of apps")
        else:
            found[name] = _namespace(name, check(entry, _NAMESPACE, findings, f"{key}."), findings)
    guarded = [name for name, namespace in found.items() if namespace.default_deny]
    if guarded and not known.get("homelab_network"):
        fix = "Describe the network with its flows, or set default_deny: false"
        findings.add(KEY, guarded, "flows say what may leave them, and there is no homelab_network", fix)
    for route in routes.values():
        if route.namespace not in PLATFORM:
            found.setdefault(route.namespace, Namespace(route.namespace))
    return found


def _namespace(name: str, entry: Values, findings: Findings) -> Namespace:
    for index, other in enumerate(entry.get("reaches", [])):
        if not is_label(other):
            fix = 'Write the name of a namespace, for example "databases"'
            findings.add(f"{KEY}.{name}.reaches[{index}]", other, "it is not a DNS label (RFC 1123)", fix)
    return Namespace(name, entry.get("default_deny", True), tuple(dict.fromkeys(entry.get("reaches", []))))


def compile_policies(namespaces: t.Mapping[str, Namespace], network: Json | None, ingress: Ingress | None) -> Json:
    """Return plan["policies"]: the namespaces that deny by default, and all objects that make it so."""
    guarded = [one for _name, one in sorted(namespaces.items()) if one.default_deny] if network else []
    objects = [item for one in guarded for item in _objects(one, namespaces.values(), network or {}, ingress)]
    return {"namespaces": [namespace.name for namespace in guarded], "objects": objects}


def _objects(
    namespace: Namespace, others: t.Iterable[Namespace], network: Json, ingress: Ingress | None
) -> t.Iterator[Json]:
    yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace.name}}
    found = [*network["policies"]]
    if ingress and _reached(str(ingress.address), network):
        # A Service's address is its pods' by the time that policies are asked.
        found.append(policies.reaches("published", "What is published is asked for.", [policies.INGRESS_NAMESPACE]))
    if namespace.reaches:
        found.append(policies.reaches("reaches", "Other namespaces are reached.", namespace.reaches))
    reached_by = sorted(other.name for other in others if namespace.name in other.reaches)
    if reached_by:
        found.append(policies.reached("reached", "Other namespaces reach it.", reached_by))
    for item in found:
        yield {**item, "metadata": {**item["metadata"], "namespace": namespace.name}}


def _reached(address: str, network: Json) -> bool:
    """Tell whether a flow allows pods to reach an address."""
    span = spans.parse_span(address)
    return any(
        spans.meet(spans.parse_span(target), span)
        for flow in network["flows"]
        if flow["from"] == PODS and flow["action"] == ALLOW
        for target in flow["targets"]
    )
