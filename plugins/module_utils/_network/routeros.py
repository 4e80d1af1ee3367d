# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The router's rules as a script for RouterOS 7, for `/import`. Pure.

All of it lies in chains and lists of our own, which the script replaces; the user's rules are not touched. See
https://help.mikrotik.com/docs/spaces/ROS/pages/48660574/Filter for the words.
"""

from __future__ import annotations

import typing as t

from . import router, spans
from .evaluate import Json
from .router import PREFIX, Group

_DROP = f"{PREFIX}-drop"
_GUARD = f"{PREFIX}: import under way"
_SEGMENTS = f"{PREFIX}_segments"
_INSIDE = f"{PREFIX}_inside"
# As netfilter's multiport, a rule takes 15 ports, and a range counts for two.
_PORTS_A_RULE = 7


def render(network: Json, title: str) -> str:
    """Return the script; imported again, it replaces what it made before."""
    groups = router.groups(network)
    parts = [
        _head(title),
        [_refusal(name, segment) for name, segment in network["segments"].items()],
        _opening(),
        [
            *(line for name, segment in network["segments"].items() for line in _interfaces(name, segment)),
            _interface_list(_SEGMENTS, "the segments"),
            _all_interfaces(network),
        ],
        ["/ip firewall address-list", *_lists(network, groups)],
        ["/ip firewall filter", *_rules(network, groups)],
        _closing(),
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _head(title: str) -> list[str]:
    return [
        f"# {title}: what the router passes between the segments. Made by atarnet.homelab from homelab_network.",
        "# Copy it to the router, then: /import file-name=THIS-FILE",
        f"# Everything is in the chains {PREFIX} and {_DROP} and in lists named {PREFIX}_*; your own rules stay.",
        "# IPv6, and what is sent to the router itself (chain input), are not decided here.",
    ]


def _refusal(name: str, segment: Json) -> str:
    address = _gateway(segment)
    why = f"{PREFIX}: this router has no {address}, the gateway of {name}. Nothing was changed."
    return f':if ([:len [/ip address find where address="{address}"]] = 0) do={{ :error "{why}" }}'


def _gateway(segment: Json) -> str:
    return f"{segment['gateway']}/{segment['prefix'].partition('/')[2]}"


def _opening() -> list[str]:
    return [
        "# Until the end of the import no new connection passes; if it breaks off, import again.",
        f'/ip firewall filter add chain={PREFIX} action=drop connection-state=new comment="{_GUARD}"',
        f'/ip firewall filter remove [find where chain={PREFIX} comment!="{_GUARD}"]',
        f"/ip firewall filter remove [find where chain={_DROP}]",
        f'/ip firewall address-list remove [find where list~"^{PREFIX}_"]',
        f'/interface list member remove [find where list~"^{PREFIX}_"]',
    ]


def _interfaces(name: str, segment: Json) -> list[str]:
    """Return what finds the interface of a segment: the one that has its gateway's address."""
    found = f'[/ip address find where address="{_gateway(segment)}"]'
    member = f"/interface list member add list={_interface_of(name)} interface=[/ip address get $gateway interface]"
    return [
        _interface_list(_interface_of(name), f"segment {name}"),
        f":foreach gateway in={found} do={{ {member} }}",
    ]


def _interface_list(name: str, words: str) -> str:
    add = f'/interface list add name={name} comment="{PREFIX}: {words}"'
    return f":if ([:len [/interface list find where name={name}]] = 0) do={{ {add} }}"


def _all_interfaces(network: Json) -> str:
    own = ",".join(_interface_of(name) for name in network["segments"])
    return f"/interface list set [find where name={_SEGMENTS}] include={own}"


def _interface_of(segment: str) -> str:
    return f"{PREFIX}_in_{segment}"


def _lists(network: Json, groups: t.Sequence[Group]) -> list[str]:
    lines = [_entry(_INSIDE, spans.show_span(span), "segments, pods, Services") for span in router.inside(network)]
    for group in groups:
        lines += [_entry(_from(group), spans.show_span(span), why) for span, why in group.sources]
        lines += [_entry(_to(group), spans.show_span(span), group.words) for span in group.targets]
    return lines


def _entry(name: str, address: str, why: str) -> str:
    return f'add list={name} address={address} comment="{PREFIX}: {why}"'


def _from(group: Group) -> str:
    return f"{PREFIX}_from_{group.name}"


def _to(group: Group) -> str:
    return f"{PREFIX}_to_{group.name}"


def _rules(network: Json, groups: t.Sequence[Group]) -> list[str]:
    lines = [
        _rule(PREFIX, "accept", "connection-state=established,related", "what belongs to an allowed connection"),
        _rule(PREFIX, "drop", "connection-state=invalid", "what belongs to none"),
    ]
    for name, segment in network["segments"].items():
        forged = f"src-address={segment['prefix']} in-interface-list=!{_interface_of(name)}"
        lines.append(_dropped(forged, f"forged, the addresses of {name} come by its own interface only"))
    lines.append(_dropped(f"in-interface-list={_SEGMENTS} src-address-list=!{_INSIDE}", "forged, of no segment"))
    lines += [line for group in groups for line in _of_group(group)]
    lines += [_dropped(f"{side}-address-list={_INSIDE}", "what no flow allows") for side in ("src", "dst")]
    lines.append(_rule(_DROP, "log", f'limit=10,20:packet log-prefix="{PREFIX} drop"', "ten a second"))
    lines.append(_rule(_DROP, "drop", "", "dropped"))
    return lines


def _of_group(group: Group) -> t.Iterator[str]:
    target = f"dst-address-list={_to(group)}" if group.targets else f"dst-address-list=!{_INSIDE}"
    match = f"src-address-list={_from(group)} {target}"
    action = "accept" if group.allows else f"jump jump-target={_DROP}"
    if not group.ports:
        yield _rule(PREFIX, action, match, group.words)
    for protocol, ports in group.ports.items():
        for start in range(0, len(ports), _PORTS_A_RULE):
            shown = ",".join(_port(span) for span in ports[start : start + _PORTS_A_RULE])
            yield _rule(PREFIX, action, f"{match} protocol={protocol} dst-port={shown}", group.words)


def _port(span: spans.Span) -> str:
    return str(span[0]) if span[0] == span[1] else f"{span[0]}-{span[1]}"


def _dropped(match: str, why: str) -> str:
    return _rule(PREFIX, f"jump jump-target={_DROP}", match, why)


def _rule(chain: str, action: str, match: str, why: str) -> str:
    return " ".join(filter(None, [f"add chain={chain} action={action}", match, f'comment="{PREFIX}: {why}"']))


def _closing() -> list[str]:
    add = f'/ip firewall filter add chain=forward action=jump jump-target={PREFIX} comment="{PREFIX}: between segments"'
    own = "[/ip firewall filter find where chain=forward dynamic=no]"
    first = f":if ([:len {own}] > 0) do={{ {add} place-before=[:pick {own} 0] }} else={{ {add} }}"
    jump = f"[/ip firewall filter find where chain=forward jump-target={PREFIX}]"
    return [
        "# The jump is put before your own rules once, and stays where you move it.",
        f":if ([:len {jump}] = 0) do={{ {first} }}",
        f'/ip firewall filter remove [find where comment="{_GUARD}"]',
    ]
