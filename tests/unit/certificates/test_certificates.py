# SPDX-License-Identifier: GPL-3.0-or-later
"""What homelab_certificates becomes, with the routes that ask for certificates."""

from __future__ import annotations

import base64
import json

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._certificates.model import Certificates
from ansible_collections.atarnet.homelab.plugins.module_utils._routes import traefik

from tests.unit.certificates.support import FULL, PEM, TOKEN, Json, compiled, route


def issuer(certificates: Json, name: str) -> Json:
    found = [
        item for item in certificates["objects"] if (item["kind"], item["metadata"]["name"]) == ("ClusterIssuer", name)
    ]
    return dict(found[0]["spec"])


def test_nobody_asks_for_a_certificate() -> None:
    assert compiled({}, {})["certificates"] is None


def test_the_internal_authority_needs_nothing_but_a_route() -> None:
    found = compiled({}, {"a": route("a.home.arpa", "internal")})["certificates"]
    names = [(item["kind"], item["metadata"]["name"]) for item in found["objects"]]
    assert names == [("ClusterIssuer", "self-signed"), ("Certificate", "internal-ca"), ("ClusterIssuer", "internal")]
    assert found["kept"] == [{"namespace": "cert-manager", "name": "internal-ca", "issuer": "self-signed"}]
    assert found["resolvers"] == ["1.1.1.1:53", "9.9.9.9:53"]
    assert found["folder"] == "~/.kube/home.certificates"


def test_the_internal_authority_keeps_its_key() -> None:
    spec = compiled({}, {"a": route("a.home.arpa", "internal")})["certificates"]["objects"][1]["spec"]
    assert spec["isCA"] and spec["privateKey"]["rotationPolicy"] == "Never"
    assert spec["commonName"] == "home internal authority"


def test_names_of_zones_are_proven_by_dns_and_all_others_by_http() -> None:
    found = issuer(compiled(FULL, {})["certificates"], "letsencrypt")["acme"]
    assert found == {
        "server": "https://acme-v02.api.letsencrypt.org/directory",
        "email": "you@example.org",
        "profile": "tlsserver",
        "privateKeySecretRef": {"name": "letsencrypt-account"},
        "solvers": [
            {
                "selector": {"dnsZones": ["example.org"]},
                "dns01": {"cloudflare": {"apiTokenSecretRef": {"name": "cloudflare", "key": "token"}}},
            },
            {"http01": {"ingress": {"serviceType": "ClusterIP", "ingressTemplate": traefik.CHALLENGES}}},
        ],
    }


def test_another_authority_is_believed_by_its_own_certificate() -> None:
    found = compiled(FULL, {})["certificates"]
    acme = issuer(found, "letsencrypt-staging")["acme"]
    assert acme["server"] == "https://step.home.arpa:9000/dir"
    assert base64.b64decode(acme["caBundle"]).decode() == PEM
    assert "profile" not in acme
    assert found["ports"] == {"tcp": [53, 80, 443, 5353, 9000], "udp": [53, 5353]}


def test_nginx_takes_challenges_by_its_class() -> None:
    acme = issuer(compiled(FULL, {}, "nginx")["certificates"], "letsencrypt")["acme"]
    assert acme["solvers"][1] == {"http01": {"ingress": {"serviceType": "ClusterIP", "ingressClassName": "nginx"}}}


def test_without_zones_there_is_no_proof_by_dns() -> None:
    given = {"email": "you@example.org"}
    found = compiled(given, {"a": route("a.example.org", "letsencrypt", public=True)})["certificates"]
    assert [list(solver) for solver in issuer(found, "letsencrypt")["acme"]["solvers"]] == [["http01"]]


def test_what_authorities_count_is_kept() -> None:
    routes = {
        "a": route("*.example.org", "letsencrypt"),
        "b": route("b.home.arpa", "internal"),
        "c": route("c.home.arpa", "letsencrypt-staging"),
    }
    kept = compiled(FULL, routes)["certificates"]["kept"]
    assert [(one["namespace"], one["name"], one["issuer"]) for one in kept] == [
        ("cert-manager", "internal-ca", "self-signed"),
        ("cert-manager", "letsencrypt-account", ""),
        ("cert-manager", "letsencrypt-staging-account", ""),
        ("shop", "a-tls", "letsencrypt"),
        ("shop", "c-tls", "letsencrypt-staging"),
    ]


def test_the_plan_has_no_token() -> None:
    assert TOKEN not in json.dumps(compiled(FULL, {"a": route("a.example.org", "letsencrypt")}))


def test_challenges_come_before_every_route() -> None:
    """The longest host and path there can be, whose rule sends to https."""
    label = "a" * 63
    host = ".".join([label, label, label, "b" * 57, "org"])
    path = {"path": "/" + "p" * 498, "match": "exact", "service": "web", "port": 80}
    longest = {"host": host, "namespace": "shop", "paths": [path, {**path, "path": "/", "match": "prefix"}]}
    objects = compiled({}, {"a": longest})["routes"]["objects"]
    rules = [rule for item in objects if item["kind"] == "IngressRoute" for rule in item["spec"]["routes"]]
    given = traefik.CHALLENGES["metadata"]["annotations"]["traefik.ingress.kubernetes.io/router.priority"]
    assert max(rule["priority"] for rule in rules) < int(given)


@pytest.mark.parametrize(
    ("host", "expected"),
    [("example.org", True), ("a.example.org", True), ("*.example.org", True), ("*.a.example.org", True),
     ("anexample.org", False), ("example.org.net", False), ("*.org", False)],
)  # fmt: skip
def test_names_of_a_zone(host: str, expected: bool) -> None:
    assert Certificates("", ("example.org",), (), "").by_dns(host) == expected
