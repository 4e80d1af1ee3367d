# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of a router that is no machine of the plan: read back, and judged like the router of the plan."""

from __future__ import annotations

import copy
import typing as t
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._network import opnsense, router, routeros
from ansible_collections.atarnet.homelab.plugins.module_utils._network.evaluate import Judge
from ansible_collections.atarnet.homelab.plugins.module_utils._network.router_files import files

from tests.negative.cases import read_cases
from tests.negative.playbook import run
from tests.unit.network.kernel import Packet, Ruleset
from tests.unit.network.opn_sense import OPNsense
from tests.unit.network.router_os import RouterOS, ScriptError
from tests.unit.network.support import Json, compiled, compiled_input, table
from tests.unit.network.test_agreement import PODS, PORTS, STRANGER, World, generated

DUMMY = {"chain": "forward", "action": "passthrough", "dynamic": "yes", "comment": "special dummy rule"}
USERS_OWN = [
    {"chain": "input", "action": "drop", "in-interface-list": "!LAN"},
    {"chain": "forward", "action": "fasttrack-connection", "connection-state": "established,related"},
]


def gateways(network: Json, interfaces: dict[str, str]) -> dict[str, str]:
    """Return the router's addresses, its interface by ADDRESS/LENGTH."""
    return {
        f"{segment['gateway']}/{segment['prefix'].partition('/')[2]}": interfaces[name]
        for name, segment in network["segments"].items()
    }


def mikrotik(network: Json, interfaces: dict[str, str], rules: t.Sequence[dict[str, str]] = ()) -> RouterOS:
    """Return a router with the rules of *network*, and what its user had before."""
    made = RouterOS(gateways(network, interfaces), rules)
    made.tables["/interface list"].append({".id": "*0", "name": "LAN"})
    made.import_(routeros.render(network, "home"))
    return made


def opn(network: Json, interfaces: dict[str, str]) -> OPNsense:
    """Return an OPNsense with the rules of *network*."""
    identifiers = {name: f"opt{number}" for number, name in enumerate(network["segments"])}
    own = [IPv4Address(segment["gateway"]) for segment in network["segments"].values()]
    made = OPNsense({interfaces[name]: identifier for name, identifier in identifiers.items()}, own)
    made.import_aliases(opnsense.aliases(network))
    made.import_rules(opnsense.rules(network, identifiers))
    return made


class Foreign:
    """A router of another make in the place of the plan's."""

    def __init__(self, passes: t.Callable[[Packet], bool | None]) -> None:
        self._passes = passes

    def passes(self, chain: str, packet: Packet) -> bool:
        """Tell whether a packet is passed on; what rules leave open, these tests take for dropped."""
        assert chain == "forward"
        return self._passes(packet) is True


@pytest.mark.parametrize("seed", [1, 2])
def test_they_pass_what_the_evaluator_says(seed: int) -> None:
    """Every source to every target on every port, but to the router itself: its own services are not decided."""
    values = generated(seed)
    network = compiled_input(values)
    world, judge = World.of(values), Judge(network)
    hosts: dict[str, t.Any] = {name: Ruleset(table(host)) for name, host in network["hosts"].items() if name != "gw"}
    routers = {make.__name__: Foreign(make(network, world.interfaces).passes) for make in (mikrotik, opn)}
    own = set(world.hosts["gw"].values())
    wrong, asked, crossed = [], 0, 0
    for source in world.sources():
        for target in world.targets(values["homelab_network"]["services"]):
            inside = bool(world.segment(source) or world.segment(target))
            if source in PODS or own & {source, target} or not inside:
                continue
            for way in PORTS:
                verdict = judge.verdict(source, target, *way)
                asked += 1
                crossed += verdict.allowed and world.segment(source) != world.segment(target)
                for make, router_rules in routers.items():
                    if verdict.allowed != world.passes({**hosts, "gw": router_rules}, source, target, way):
                        wrong.append(f"{make}: {source} -> {target} {way}: {verdict}")
    assert not wrong, wrong[:5]
    assert asked > 10000 and crossed > 20


def test_generated_networks_have_promises_and_the_internet() -> None:
    """The comparison above means little without them."""
    groups = [group for seed in (1, 2) for group in router.groups(compiled_input(generated(seed)))]
    assert [group for group in groups if not group.allows]
    assert [group for group in groups if not group.targets]
    assert [group for group in groups if len(group.sources) > 1]


FLOWS = [
    {"from": ["users", "services"], "to": ["ingress", "internet"]},
    {"from": "management", "to": ["ssh", "kubernetes_api"]},
    {"from": "pods", "to": "nfs"},
    {"from": "iot", "to": ["internet", "nfs"], "action": "deny"},
]
INTERFACES = {name: f"vlan-{name}" for name in ("management", "cluster", "services", "iot", "users")}
USER, NAS, NODE, THING = map(IPv4Address, ("192.168.50.9", "192.168.30.5", "192.168.20.11", "192.168.40.9"))


def packet(source: IPv4Address, target: IPv4Address, port: int, segment: str) -> Packet:
    """Return a packet that comes in by the interface of a segment, or by "wan"."""
    return Packet(source, target, "tcp", port, interface=INTERFACES.get(segment, segment))


@pytest.mark.parametrize("make", [mikrotik, opn])
@pytest.mark.parametrize(
    ("case", "passes"),
    [
        (packet(USER, IPv4Address("192.168.30.200"), 443, "users"), True),
        (packet(USER, IPv4Address("192.168.30.200"), 22, "users"), False),
        (packet(USER, STRANGER, 443, "users"), True),
        (packet(USER, STRANGER, 443, "iot"), False),
        (packet(USER, IPv4Address("192.168.30.200"), 443, "wan"), False),
        (packet(THING, STRANGER, 443, "iot"), False),
        (packet(NODE, NAS, 2049, "cluster"), True),
        (packet(IPv4Address("10.244.0.9"), NAS, 2049, "cluster"), False),
        (packet(STRANGER, NAS, 2049, "wan"), False),
    ],
    ids=lambda value: (
        f"{value.source}-{value.target}:{value.port} by {value.interface}" if isinstance(value, Packet) else ""
    ),
)
def test_some_packets(make: t.Callable[..., t.Any], case: Packet, passes: bool) -> None:
    assert bool(make(compiled({"flows": FLOWS}), INTERFACES).passes(case)) is passes


def test_what_is_not_of_the_segments_is_left_to_the_user() -> None:
    network = compiled({"flows": FLOWS})
    other = packet(IPv4Address("10.99.0.5"), STRANGER, 443, "guests")
    drops = [{"chain": "forward", "action": "drop", "in-interface-list": "LAN"}]
    made = mikrotik(network, INTERFACES, drops)
    assert made.passes(other) is True
    made.tables["/interface list member"].append({".id": "*00", "list": "LAN", "interface": "guests"})
    assert made.passes(other) is False
    firewall = opn(network, INTERFACES)
    assert firewall.passes(other) is None
    to_itself = packet(USER, IPv4Address("192.168.50.254"), 53, "users")
    assert firewall.passes(to_itself) is None


def test_without_a_router_in_the_plan() -> None:
    """What it is made for: the same rules, but for the addresses of the router that is a host."""
    flows = [flow for flow in FLOWS if "action" not in flow]
    with_router = mikrotik(compiled({"flows": flows, "hosts": {"gw": {"dns": False}}}), INTERFACES)
    without = mikrotik(compiled({"flows": flows, "hosts": {"gw": None}}), INTERFACES)
    rules = [[{**row, ".id": ""} for row in made.tables["/ip firewall filter"]] for made in (with_router, without)]
    assert rules[0] == rules[1]


def test_rules_grow_with_services_and_segments_not_with_pairs() -> None:
    ssh = {"from": "management", "to": "ssh"}
    segments = {"iot2": {"vlan": 60, "prefix": "192.168.60.0/24", "purpose": "other"}}
    hosts = {"gw": {"addresses": {"iot2": "192.168.60.1"}}}
    flow = {"from": ["users", "iot2", "services"], "to": "ingress"}
    one = compiled({"flows": [{"from": "users", "to": "ingress"}, ssh]})
    three = compiled({"flows": [flow, ssh], "segments": segments, "hosts": hosts})
    counts = [routeros.render(network, "home").count("add chain=homelab ") for network in (one, three)]
    # One more against forged addresses, of the segment that is new.
    assert counts[1] == counts[0] + 1


def test_promises_come_first_and_what_passes_no_router_not_at_all() -> None:
    changes = {
        "flows": FLOWS,
        "hosts": {
            "gw": {"dns": False},
            "node1": {"addresses": {"cluster": "192.168.20.11", "services": "192.168.30.11"}},
        },
    }
    groups = router.groups(compiled(changes))
    assert [group.name for group in groups][:3] == ["never_internet", "never_nfs", "ingress"]
    assert not [group for group in groups if "nodes" in group.words or "kubelet" in group.words]


def test_an_import_can_be_repeated() -> None:
    network = compiled({"flows": FLOWS})
    made = mikrotik(network, INTERFACES, [DUMMY, *USERS_OWN])
    first = copy.deepcopy(made.tables)
    made.import_(routeros.render(network, "home"))
    plain = [
        {path: [{**row, ".id": ""} for row in rows] for path, rows in tables.items()} for tables in (first, made.tables)
    ]
    assert {**plain[0], "/ip firewall filter": 0} == {**plain[1], "/ip firewall filter": 0}
    own = [[rule for rule in tables["/ip firewall filter"] if rule["chain"].startswith("homelab")] for tables in plain]
    assert own[0] == own[1]
    chains = [row for row in made.tables["/ip firewall filter"] if not row["chain"].startswith("homelab")]
    assert [row["action"] for row in chains] == ["passthrough", "drop", "jump", "fasttrack-connection"]


def test_the_jump_stays_where_the_user_moves_it() -> None:
    network = compiled({"flows": FLOWS})
    made = mikrotik(network, INTERFACES, USERS_OWN)
    rules = made.tables["/ip firewall filter"]
    jump = next(row for row in rules if row["chain"] == "forward" and row["action"] == "jump")
    rules.remove(jump)
    rules.append(jump)
    made.import_(routeros.render(network, "home"))
    forward = [row["action"] for row in made.tables["/ip firewall filter"] if row["chain"] == "forward"]
    assert forward == ["fasttrack-connection", "jump"]


def test_an_import_opens_nothing_on_its_way() -> None:
    """At no line of an import does a new connection pass that neither the old nor the new rules allow."""
    old, new = compiled({"flows": FLOWS}), compiled({"flows": [*FLOWS, {"from": "users", "to": "nfs"}]})
    made = mikrotik(old, INTERFACES)
    denied = [packet(USER, NAS, 22, "users"), packet(THING, STRANGER, 443, "iot"), packet(STRANGER, NAS, 2049, "wan")]
    seen = []
    made.import_(routeros.render(new, "home"), lambda: seen.append([made.passes(case) for case in denied]))
    assert len(seen) > 50 and not any(map(any, seen))
    assert made.passes(packet(USER, NAS, 2049, "users"))


def test_a_router_that_is_another_is_left_as_it_was() -> None:
    network = compiled({"flows": FLOWS})
    addresses = gateways(network, INTERFACES)
    del addresses["192.168.50.254/24"]
    other = RouterOS(addresses, USERS_OWN)
    before = copy.deepcopy(other.tables)
    with pytest.raises(ScriptError, match=r"no 192\.168\.50\.254/24, the gateway of users\. Nothing was changed"):
        other.import_(routeros.render(network, "home"))
    assert other.tables == before


def test_opnsense_knows_rules_and_aliases_again() -> None:
    """A second import replaces; the UUID of a rule does not depend on what else there is."""
    network = compiled({"flows": FLOWS})
    made = opn(network, INTERFACES)
    rules, names = dict(made.rules), set(made.aliases)
    identifiers = {name: f"opt{number}" for number, name in enumerate(network["segments"])}
    made.import_aliases(opnsense.aliases(network))
    made.import_rules(opnsense.rules(network, identifiers))
    assert (made.rules, set(made.aliases)) == (rules, names)
    less = opn(compiled({"flows": FLOWS[1:]}), INTERFACES)
    assert set(less.rules) < set(rules)


def test_long_names_stay_apart() -> None:
    services = {
        f"a-very-long-name-of-a-service-{letter}": {"segment": "services", "addresses": [f"192.168.30.{201 + n}"],
                                                    "ports": [f"tcp/{port}" for port in range(1000, 1040, 2)]}
        for n, letter in enumerate("ab")
    }  # fmt: skip
    flows = [*FLOWS, {"from": "users", "to": list(services)}]
    network = compiled({"services": services, "flows": flows})
    for made in (mikrotik(network, INTERFACES), opn(network, INTERFACES)):
        for n in (0, 1):
            target = IPv4Address(f"192.168.30.{201 + n}")
            assert made.passes(packet(USER, target, 1038, "users")) and not made.passes(
                packet(USER, target, 1039, "users")
            )


ALL = {name: f"opt{number}" for number, name in enumerate(INTERFACES)}
REFUSED = [
    ("routerso", "x", {}, True, 'router_rules = "routerso": .* Did you mean "routeros"'),
    ("routeros", "", {}, True, "router_file: the rules need a file"),
    ("", "x.rsc", {}, True, "router_rules: router_file is given, but not for which router"),
    ("routeros", "x.rsc", {}, False, "no network is planned"),
    ("opnsense", "x.csv", {}, True, "management, cluster, services, iot, users"),
    ("opnsense", "x.csv", {**ALL, "user": "opt9"}, True, 'router_interfaces.user = "opt9": .* Did you mean "users"'),
    ("opnsense", "x.csv", {**ALL, "users": "opt1"}, True, "two segments come in by the same interface"),
]


@pytest.mark.parametrize(("kind", "path", "interfaces", "planned", "error"), REFUSED)
def test_what_cannot_be_rendered(kind: str, path: str, interfaces: Json, planned: bool, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        files(compiled() if planned else None, "home", kind, path, interfaces)


def test_files() -> None:
    assert files(compiled(), "home", "", "", {}) == {}
    assert files(None, "home", "", "", {}) == {}
    assert list(files(compiled(), "home", "routeros", "a/b.rsc", {})) == ["a/b.rsc"]
    assert list(files(compiled(), "home", "opnsense", "a/b.csv", ALL)) == ["a/b.csv", "a/b.aliases.json"]


@pytest.mark.parametrize("make", ["opnsense", "routerso"])
def test_the_end_of_a_plan_writes_them(make: str, tmp_path: Path) -> None:
    case = next(case for case in read_cases("accepted") if case.name == "network_without_router")
    router_of = {"router_rules": make, "router_file": str(tmp_path / "rules"), "router_interfaces": ALL}
    done = run(tmp_path, "report", {**case.variables, "router_of": router_of}, case.hosts)
    if make == "routerso":
        assert done.code and 'Rendering the rules of a router: router_rules = "routerso"' in done.output
        return
    assert done.code == 0, done.output
    network = compiled({"hosts": {"gw": None}, "flows": [{"from": "users", "to": ["ingress", "nfs"]}]})
    wanted = files(network, "home", make, str(tmp_path / "rules"), ALL)
    assert {path: Path(path).read_text(encoding="utf-8") for path in wanted} == wanted


def test_every_segment_is_a_network() -> None:
    """The aliases are what pf loads into tables: networks, addresses, ranges, and exclusions of addresses."""
    made = opn(compiled({"flows": FLOWS}), INTERFACES)
    assert "!192.168.50.254" in made.aliases["homelab_segments"]["content"].split("\n")
    assert all(IPv4Network(line) for line in made.aliases["homelab_inside"]["content"].split("\n"))
