# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about flows: names that exist, nothing said twice, no promise that is broken, no way in that is cut."""

from __future__ import annotations

import itertools
import typing as t
from ipaddress import IPv4Address

from .._lab.problems import Findings, did_you_mean
from .._lab.specs import Values
from . import model, spans
from .evaluate import Judge
from .flows import MANAGED, Rule, expand
from .model import Flow, Host, Network, Segment, Service
from .parse import KEY
from .plan import facts


def parse_flows(
    given: Values, segments: t.Collection[str], services: t.Mapping[str, Service], findings: Findings
) -> tuple[Flow, ...]:
    """Return the sound flows; report those that name what is not there, or lead nowhere."""
    flows = []
    for index, entry in enumerate(given.get("flows", ())):
        if "from" not in entry or "to" not in entry:
            continue
        key = f"{KEY}.flows[{index}]"
        sources = _names(f"{key}.from", entry["from"], findings)
        targets = _names(f"{key}.to", entry["to"], findings)
        for name in sources:
            _check_source(f"{key}.from", name, segments, services, findings)
        for name in targets:
            _check_target(f"{key}.to", name, segments, services, findings)
        flows.append(Flow(key, sources, targets, entry.get("action", model.ALLOW)))
    return tuple(flows)


def _names(key: str, value: t.Any, findings: Findings) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        findings.add(key, value, "it must be a name or a list of names", "Write, for example, users or [users, iot]")
        return ()
    return tuple(dict.fromkeys(names))


def _check_source(
    key: str, name: str, segments: t.Collection[str], services: t.Mapping[str, Service], findings: Findings
) -> None:
    known = [*segments, model.PODS]
    if name in known:
        return
    reason = "it is a service, and flows come from segments" if name in services else "there is no such segment"
    findings.add(key, name, reason, f"{did_you_mean(name, known)}Use one of {', '.join(known)}")


def _check_target(
    key: str, name: str, segments: t.Collection[str], services: t.Mapping[str, Service], findings: Findings
) -> None:
    known = [*services, model.INTERNET]
    if name not in known:
        reason, hint = "there is no such service", did_you_mean(name, known)
        if name in segments:
            reason, hint = "it is a segment, and flows go to services", ""
        fix = f"{hint}Use one of {', '.join(known)}, or add it to {KEY}.services"
        findings.add(key, name, reason, fix)
    elif name == model.DNS and not services[name].addresses:
        findings.add(key, name, "no host serves it, so the flow leads nowhere", "Set dns: true on a host")


def check_flows(network: Network, findings: Findings) -> None:
    """Report flows that are refused, said already, contradicted, or kept by nobody, and a management path that is cut.

    *network* is sound but for its flows.
    """
    rules = expand(network)
    _check_isolated(network, findings)
    _check_shadows(network, rules, findings)
    _check_contradictions(rules, findings)
    _check_promises(network, rules, findings)
    _check_management(network, rules, findings)


def _check_isolated(network: Network, findings: Findings) -> None:
    isolated = [segment for segment in network.segments.values() if segment.purpose == model.ISOLATED]
    for flow in network.flows:
        for segment in isolated:
            if segment.name not in flow.sources or flow.action == model.DENY:
                continue
            for target in flow.targets:
                if target in (model.DNS, model.INTERNET) or _all_in(network.services[target], segment):
                    continue
                reason = f'segment "{segment.name}" is isolated: it reaches dns, the internet and its own services only'
                findings.add(f"{flow.key}.to", target, reason, "Remove the flow, or give the segment another purpose")
    for index, span in enumerate(network.controllers):
        for segment in isolated:
            if spans.meet(span, spans.span_of(segment.prefix)):
                reason = f'it is in segment "{segment.name}", which is isolated'
                fix = "Manage the lab from another segment"
                findings.add(f"{KEY}.controllers[{index}]", spans.show_span(span), reason, fix)


def _all_in(service: Service, segment: Segment) -> bool:
    return all(address in segment.prefix for address in service.addresses)


def _check_shadows(network: Network, rules: t.Sequence[Rule], findings: Findings) -> None:
    """Report each user's flow that is wholly inside another flow; of two equal ones, the later."""
    groups = _by_flow(rules)
    for index, flow in enumerate(network.flows):
        mine = groups[flow.key]
        for key, other in groups.items():
            if key == flow.key or other[0].action != flow.action or not _covers(other, mine):
                continue
            later = key in [earlier.key for earlier in network.flows[:index]]
            if key.startswith(KEY) and not later and _covers(mine, other):
                continue  # equal: reported at the other
            shown = {"from": list(flow.sources), "to": list(flow.targets)}
            what = other[0].key or f'the flow "{other[0].words}" ({other[0].why})'
            reason = f"{what} says so already" if flow.action == model.ALLOW else f"{what} promises so already"
            findings.add(flow.key, shown, reason, "Remove one of them" if other[0].key else "Remove it")
            break


def _by_flow(rules: t.Sequence[Rule]) -> dict[str, list[Rule]]:
    groups: dict[str, list[Rule]] = {}
    for index, rule in enumerate(rules):
        groups.setdefault(rule.key or f"built-in {index}", []).append(rule)
    return groups


def _covers(outer: t.Sequence[Rule], inner: t.Sequence[Rule]) -> bool:
    holes = [box for rule in outer for box in rule.boxes()]
    return all(not spans.without([box], holes) for rule in inner for box in rule.boxes())


def _check_contradictions(rules: t.Sequence[Rule], findings: Findings) -> None:
    for promise in rules:
        if promise.action != model.DENY:
            continue
        for allowed in rules:
            if allowed.action != model.ALLOW:
                continue
            shared = _shared(promise, allowed)
            if shared:
                what = f"{allowed.key or allowed.why}, allows {shared}"
                reason = f'the flow "{allowed.words}", {what}'
                shown = {"from": promise.source, "to": promise.target}
                findings.add(promise.key, shown, reason, "Remove the promise, or narrow the flow that breaks it")


def _shared(one: Rule, other: Rule) -> str:
    """Return packets that both rules are about, like "10.0.0.5 to 10.0.1.7 by tcp/22"; "" when there are none."""
    for box in one.boxes():
        for hole in other.boxes():
            if spans.boxes_meet(box, hole):
                source, target, (low, high) = (
                    (max(a[0], b[0]), min(a[1], b[1]))
                    for a, b in ((box.source, hole.source), (box.target, hole.target), (box.ports, hole.ports))
                )
                if one.target == model.INTERNET:
                    return f"{spans.show_span(source)} to the internet"
                ports = f"{low}" if low == high else f"{low}-{high}"
                return f"{spans.show_span(source)} to {spans.show_span(target)} by {box.protocol}/{ports}"
    return ""


def _check_promises(network: Network, rules: t.Sequence[Rule], findings: Findings) -> None:
    """Report promises that no machine of the plan can keep: nothing of it is on the way."""
    hosts = [(int(address),) * 2 for host in network.hosts.values() for address in host.addresses.values()]
    for rule in rules:
        if rule.action != model.DENY:
            continue
        for first, _last in spans.common(rule.targets, spans.outside(hosts)):
            source, target = network.segment_at(rule.sources[0][0]), network.segment_at(first)
            if network.router is None or (source == target and source is not None):
                cause = "the plan has no router" if network.router is None else "within a segment no router is passed"
                reason = f"nothing keeps the promise: {cause}, and {IPv4Address(first)} is no host of the plan"
                shown = {"from": rule.source, "to": rule.target}
                findings.add(rule.key, shown, reason, f"Remove it, or name the machine in {KEY}.hosts")
                break


def _check_management(network: Network, rules: t.Sequence[Rule], findings: Findings) -> None:
    judge = Judge(facts(network, rules))
    management = network.segment_for(model.MANAGEMENT)
    sources = {f'the management segment "{management.name}"': judge.member(management.name)}
    sources |= {f"the controller at {spans.show_span(span)}": IPv4Address(span[0]) for span in network.controllers}
    for (words, source), name in itertools.product(sources.items(), MANAGED):
        service = network.services[name]
        _protocol, (port, _last) = spans.parse_ports(service.ports[0])
        hosts = [host for host in network.hosts.values() if {*host.addresses.values()} & {*service.addresses}]
        cut = [host.name for host in hosts if not _reaches(judge, source, host, port)]
        if cut:
            reason = f"{words} could not reach {name} of {', '.join(cut)}: applied, it would cut the management path"
            shown = [f"{' '.join(flow.sources)} -> {' '.join(flow.targets)}" for flow in network.flows]
            fix = f"Add {{from: {management.name}, to: {name}}}"
            findings.add(f"{KEY}.flows", shown, reason, fix)


def _reaches(judge: Judge, source: IPv4Address, host: Host, port: int) -> bool:
    return any(judge.verdict(source, address, "tcp", port).allowed for address in host.addresses.values())
