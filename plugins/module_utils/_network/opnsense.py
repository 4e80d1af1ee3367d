# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The router's rules for OPNsense 26.1 or later, as the two files its pages import. Pure.

Firewall > Aliases takes JSON and knows an alias by its name; Firewall > Rules takes CSV and knows a rule by its UUID.
What they may hold is in OPNsense's models Firewall/Alias.xml and Firewall/Filter.xml.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import typing as t
import uuid

from . import router, spans
from .evaluate import Json
from .router import PREFIX, Group

Row = dict[str, str]
COLUMNS = (
    "@uuid",
    "enabled",
    "sequence",
    "action",
    "quick",
    "interfacenot",
    "interface",
    "direction",
    "ipprotocol",
    "protocol",
    "source_net",
    "source_not",
    "destination_net",
    "destination_not",
    "destination_port",
    "log",
    "description",
)
_SEGMENTS, _INSIDE, _SELF = f"{PREFIX}_segments", f"{PREFIX}_inside", "(self)"
# Leaves room for floating rules of the user before ours.
_FIRST, _STEP = 1000, 10
_LONGEST_DESCRIPTION = 255


def aliases(network: Json) -> str:
    """Return the aliases as JSON; imported again, they replace those of the same name."""
    prefixes = [segment["prefix"] for segment in network["segments"].values()]
    # What is sent to the firewall itself is left to the rules of the user, and it has the gateways' addresses.
    gateways = [f"!{segment['gateway']}" for segment in network["segments"].values()]
    found = [
        _alias(_SEGMENTS, "network", [*prefixes, *gateways], "segments without their gateways"),
        _alias(_INSIDE, "network", map(spans.show_span, router.inside(network)), "segments, pods and Services"),
    ]
    for group in router.groups(network):
        why = ", ".join(dict.fromkeys(why for _span, why in group.sources))
        found.append(_alias(_from(group), "network", (spans.show_span(span) for span, _why in group.sources), why))
        if group.targets:
            found.append(_alias(_to(group), "network", map(spans.show_span, group.targets), group.words))
        for protocol, ports in group.ports.items():
            found.append(_alias(_on(group, protocol), "port", map(_port, ports), group.words))
    return json.dumps({"aliases": {"alias": dict(found)}}, indent=1) + "\n"


def rules(network: Json, interfaces: t.Mapping[str, str]) -> str:
    """Return the rules as CSV; *interfaces* are OPNsense's identifiers ("lan", "opt3") by segment."""
    rows = []
    for name, segment in network["segments"].items():
        # The firewall's own antispoof rule is no quick one, so that a rule which allows would overrule it.
        only = {"interface": interfaces[name], "interfacenot": "1", "source_net": segment["prefix"]}
        why = f"forged, the addresses of {name} come by its own interface only"
        rows.append(_row(f"forged {name}", "block", why, **only))
    rows += [row for group in router.groups(network) for row in _of_group(group)]
    none = "what no flow allows"
    rows.append(_row("from", "block", none, source_net=_SEGMENTS, destination_net=_SELF, destination_not="1"))
    rows.append(_row("to", "block", none, destination_net=_SEGMENTS))
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for index, row in enumerate(rows):
        writer.writerow({**row, "sequence": str(_FIRST + _STEP * index)})
    return text.getvalue()


def _of_group(group: Group) -> t.Iterator[Row]:
    target = {"destination_net": _to(group)} if group.targets else {"destination_net": _INSIDE, "destination_not": "1"}
    match = {"source_net": _from(group), **target}
    action = "pass" if group.allows else "block"
    if not group.ports:
        yield _row(group.name, action, group.words, **match)
    for protocol in group.ports:
        way = {"protocol": protocol.upper(), "destination_port": _on(group, protocol)}
        yield _row(f"{group.name} {protocol}", action, group.words, **match, **way)


def _row(name: str, action: str, why: str, **match: str) -> Row:
    # No interface is every interface; a rule keeps state, so that answers pass by what allowed the question.
    return {
        "@uuid": _uuid(name),
        "enabled": "1",
        "action": action,
        "quick": "1",
        "interfacenot": "0",
        "direction": "in",
        "ipprotocol": "inet",
        "protocol": "any",
        "source_net": "any",
        "source_not": "0",
        "destination_net": "any",
        "destination_not": "0",
        "log": "1" if action == "block" else "0",
        "description": _described(why),
        **match,
    }


def _alias(name: str, kind: str, content: t.Iterable[str], why: str) -> tuple[str, Row]:
    entry = {"enabled": "1", "name": name, "type": kind, "content": "\n".join(content), "description": _described(why)}
    return _uuid(f"alias {name}"), entry


def _described(why: str) -> str:
    return f"{PREFIX}: {why}"[:_LONGEST_DESCRIPTION]


def _uuid(name: str) -> str:
    """Return always the same UUID for a name; version 4 by its bits, as OPNsense takes no other."""
    digest = hashlib.sha256(f"atarnet.homelab {name}".encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


def _from(group: Group) -> str:
    return f"{PREFIX}_from_{group.name}"


def _to(group: Group) -> str:
    return f"{PREFIX}_to_{group.name}"


def _on(group: Group, protocol: str) -> str:
    return f"{PREFIX}_on_{protocol}_{group.name}"


def _port(span: spans.Span) -> str:
    return str(span[0]) if span[0] == span[1] else f"{span[0]}:{span[1]}"
