# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's own firewall as nftables text: the body of `table inet homelab { ... }`. Pure.

The number of rules does not depend on the network: flows are elements of interval sets, each with a counter and its
words as comment. No other table is named.
"""

from __future__ import annotations

import typing as t

from . import model, spans
from .flows import Rule, inside
from .model import Host, Network, Segment
from .parse_interfaces import interface
from .spans import Box, Span

# nftables stores comments of at most 128 bytes, the final NUL counted.
_LONGEST_COMMENT = 127
_FLOW = "ip saddr . ip daddr . meta l4proto . th dport"
_FLOW_HERE = "ip saddr . meta l4proto . th dport"
_STATES = "ct state vmap { established : accept, related : accept, invalid : drop }"
_FORGED_WAY = 'meta nfproto ipv4 fib saddr . iif oif missing counter name "forged" drop'
_LOG = 'limit rate 10/second burst 20 packets log prefix "homelab drop: "'
# RFC 4890 4.4.1: what a host needs to find its neighbours and routers; RFC 4861: none of it was ever forwarded.
_NEIGHBOURS = "nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert"
_COUNTERS = ("forged", "ssh_flood", "ipv6", "dropped", "not_forwarded")


def render(network: Network, rules: t.Sequence[Rule], host: Host) -> str:
    """Return the firewall of *host* under the *rules* of the network."""
    elements = _elements(network, rules, host)
    blocks = [
        *(f"counter {name} {{ }}" for name in _COUNTERS),
        _set("allowed", f"typeof {_FLOW}", elements[model.ALLOW]),
        _set("denied", f"typeof {_FLOW}", elements[model.DENY]),
        "set ssh_sources {\n\ttype ipv4_addr\n\tsize 65536\n\tflags dynamic,timeout\n\ttimeout 2m\n}",
    ]
    if host.router:
        own = [(spans.show_span(span), "") for span in _own(host)]
        blocks.append(_set("own", "type ipv4_addr", own, counted=False))
        blocks.append(_set("allowed_here", f"typeof {_FLOW_HERE}", _here(rules, host)))
    if host.role:
        peers = [(_single(address), node.name) for node in network.nodes for address in node.addresses.values()]
        blocks.append(_set("peers", "type ipv4_addr", _intervals(peers)))
    blocks.append(_chain("input", "filter", "drop", _input(bool(host.role), host.router)))
    if host.router:
        blocks += _router_sets(network, rules, host)
        blocks.append(_chain("forward", "filter", "drop", _routing(bool(host.port))))
        if host.uplink:
            blocks.append(_translation(host.uplink))
    else:
        segments = [(spans.span_of(segment.prefix), name) for name, segment in network.segments.items()]
        blocks.append(_set("segments", "type ipv4_addr", _intervals(segments), counted=False))
        blocks.append(_chain("forward", "filter - 5", "accept", _passing()))
    return "\n".join(blocks) + "\n"


def _input(node: bool, router: bool) -> list[str]:
    return [
        _STATES,
        'iif "lo" accept',
        # RFC 2131 4.1: a client that asks a router for an address has none yet, and is no forger.
        *(["udp sport 68 udp dport 67 accept"] if router else []),
        _FORGED_WAY,
        "icmp type { destination-unreachable, time-exceeded, parameter-problem } accept",
        "icmp type echo-request limit rate 10/second burst 50 packets accept",
        f"icmpv6 type {{ {_NEIGHBOURS} }} ip6 hoplimit 255 accept",
        'meta nfproto ipv6 counter name "ipv6" drop',
        "tcp dport 22 ct state new update @ssh_sources { ip saddr limit rate over 20/minute burst 20 packets } "
        'counter name "ssh_flood" drop',
        *(["ip saddr @peers accept"] if node else []),
        *([f"ip daddr @own {_FLOW_HERE} @allowed_here accept"] if router else []),
        f"{_FLOW} @allowed accept",
        f"{_FLOW} @denied drop",
        _LOG,
        'counter name "dropped" drop',
    ]


def _passing() -> list[str]:
    """A host that is no router forwards for its pods, and never between segments."""
    return [
        "ct state established,related accept",
        "ct status dnat accept",
        'ip saddr @segments ip daddr @segments counter name "not_forwarded" drop',
    ]


def _routing(ports_known: bool) -> list[str]:
    forged = 'ip saddr @inside iifname . ip saddr != @interfaces counter name "forged" drop'
    return [
        _STATES,
        forged if ports_known else _FORGED_WAY,
        f"{_FLOW} @denied drop",
        f"{_FLOW} @allowed accept",
        "ip daddr != @inside ip saddr @no_internet drop",
        "ip daddr != @inside ip saddr @internet accept",
        _LOG,
        'counter name "not_forwarded" drop',
    ]


def _translation(uplink: model.Uplink) -> str:
    """The internet knows the address of the uplink only."""
    rule = f'oifname "{uplink.port}" ip saddr @inside masquerade'
    return f"chain postrouting {{\n\ttype nat hook postrouting priority srcnat; policy accept;\n\t{rule}\n}}"


def _router_sets(network: Network, rules: t.Sequence[Rule], host: Host) -> list[str]:
    def sources(action: str) -> list[tuple[str, str]]:
        found = [rule for rule in rules if rule.target == model.INTERNET and rule.action == action]
        return _intervals((span, rule.words) for rule in found for span in rule.sources)

    own = [spans.show_span(span) for span in spans.merged(inside(network))]
    blocks = [
        _set("inside", "type ipv4_addr", [(text, "") for text in own], counted=False),
        _set("internet", "type ipv4_addr", sources(model.ALLOW)),
        _set("no_internet", "type ipv4_addr", sources(model.DENY)),
    ]
    if host.port:
        ways = [_way(host, network.segments[name]) for name in host.addresses]
        blocks.append(_set("interfaces", "typeof iifname . ip saddr", ways, counted=False))
    return blocks


def _way(host: Host, segment: Segment) -> tuple[str, str]:
    return f'"{interface(host.port, host.native, segment)}" . {segment.prefix}', segment.name


def _own(host: Host) -> list[Span]:
    return spans.merged(_single(address) for address in host.addresses.values())


def _goes_to_all(rule: Rule, host: Host) -> bool:
    """Tell whether a rule allows all addresses of a router; one element each, they would be segments squared."""
    return host.router and rule.action == model.ALLOW and spans.common(rule.targets, _own(host)) == _own(host)


def _here(rules: t.Sequence[Rule], host: Host) -> list[tuple[str, str]]:
    """Return the elements of @allowed_here: what reaches a router at each of its addresses."""
    anywhere = spans.ALL_PORTS
    boxes = [
        (Box(source, anywhere, protocol, ports), rule.words)
        for rule in rules
        if rule.source != model.NODES and _goes_to_all(rule, host)
        for source in rule.sources
        for protocol, ports in spans.expand_ports(rule.ports)
    ]
    return [(_element(box, box.source), words) for box, words in spans.disjoint(boxes)]


def _elements(network: Network, rules: t.Sequence[Rule], host: Host) -> dict[str, list[tuple[str, str]]]:
    """Return the elements of @allowed and @denied: what reaches the host itself and, on a router, what it forwards."""
    own = _own(host)
    segments = [spans.span_of(segment.prefix) for segment in network.segments.values()]
    pods = spans.span_of(network.pod_prefix)
    found: dict[str, list[tuple[Box, str]]] = {model.ALLOW: [], model.DENY: []}
    for rule in rules:
        if rule.target == model.INTERNET or rule.source == model.NODES:
            continue
        here = [] if _goes_to_all(rule, host) else own
        for box in rule.boxes():
            targets = spans.common([box.target], here)
            if host.router and box.source != pods:  # a pod's own address never leaves its node
                same = [segment for segment in segments if spans.within(box.source, segment)]
                targets += spans.common([box.target], spans.outside([*same, *own]))
            found[rule.action] += [(box._replace(target=target), rule.words) for target in targets]
    return {
        action: [(_element(box, box.source, box.target), words) for box, words in spans.disjoint(boxes)]
        for action, boxes in found.items()
    }


def _element(box: Box, *addresses: Span) -> str:
    low, high = box.ports
    ports = f"{low}" if low == high else f"{low}-{high}"
    return " . ".join([*map(spans.show_span, addresses), box.protocol, ports])


def _intervals(labelled: t.Iterable[tuple[Span, str]]) -> list[tuple[str, str]]:
    """Return elements of one address interval each; where two overlap, the first keeps the addresses."""
    anywhere = spans.ALL_PORTS
    boxes = spans.disjoint((Box(span, anywhere, "", anywhere), label) for span, label in labelled)
    return [(spans.show_span(box.source), label) for box, label in boxes]


def _single(address: t.Any) -> Span:
    return int(address), int(address)


def _set(name: str, kind: str, elements: t.Sequence[tuple[str, str]], counted: bool = True) -> str:
    lines = [kind, "flags interval", *(["counter"] if counted else [])]
    if elements:
        shown = [f'{text} comment "{words[:_LONGEST_COMMENT]}"' if words else text for text, words in elements]
        lines.append("elements = {\n\t\t" + ",\n\t\t".join(shown) + "\n\t}")
    return f"set {name} {{\n\t" + "\n\t".join(lines) + "\n}"


def _chain(name: str, priority: str, policy: str, statements: t.Sequence[str]) -> str:
    head = f"type filter hook {name} priority {priority}; policy {policy};"
    return f"chain {name} {{\n\t" + "\n\t".join([head, *statements]) + "\n}"
