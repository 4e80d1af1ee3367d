# SPDX-License-Identifier: GPL-3.0-or-later
"""What ingress-nginx made of several objects of a host, of TLS and of hosts without a name."""

from __future__ import annotations

import datetime
import typing as t

import pytest

from tests.unit.translate.support import HOST, HTPASSWD, Json, an_ingress, failures, line, route, translated

TLS = [{"hosts": [HOST], "secretName": "shop-tls"}]
CLUSTER_ISSUER = {"cert-manager.io/cluster-issuer": "letsencrypt"}


def services(found: Json) -> dict[str, str]:
    """Return the Service by path."""
    return {path["path"]: path["service"] for path in found["paths"]}


def test_objects_of_one_host_become_one_route() -> None:
    objects = [an_ingress("/", day=2, limit_rps="5"), an_ingress("/api", name="api", limit_rps="5")]
    found = translated(*objects)
    assert found.sources == {"shop-example-org": ["shop/api", "shop/web"]}
    assert services(route(*objects)) == {"/": "web", "/api": "api"}


def test_the_oldest_has_a_path_and_the_report_says_so() -> None:
    objects = [an_ingress("/", "/api", day=2), an_ingress("/api", name="old", day=1)]
    assert services(route(*objects)) == {"/": "web", "/api": "old"}
    told = line(translated(*objects), f"spec.rules of {HOST}/api")
    assert (told.outcome, told.text) == (
        "dropped",
        "shop/old of 2024-01-01T00:00:00 has this path, and the oldest was served",
    )


def test_of_the_same_second_the_last_by_name_comes_first() -> None:
    assert services(route(an_ingress(name="a"), an_ingress(name="b"))) == {"/": "b"}


def test_a_time_may_be_a_date_of_yaml() -> None:
    older, younger = an_ingress(name="a"), an_ingress(name="b", day=2)
    older["metadata"]["creationTimestamp"] = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
    assert services(route(younger, older)) == {"/": "a"}


def test_exact_and_prefix_are_two_paths() -> None:
    exact = an_ingress("/api", name="api")
    exact["spec"]["rules"][0]["http"]["paths"][0]["pathType"] = "Exact"
    found = route(an_ingress("/api"), exact)
    assert [(path["service"], path.get("match", "prefix")) for path in found["paths"]] == [
        ("web", "prefix"),
        ("api", "exact"),
    ]


def test_an_object_that_serves_no_path_says_nothing() -> None:
    """Its annotations had no effect, so they neither conflict nor become part of the route."""
    objects = [an_ingress(), an_ingress(name="late", day=2, limit_rps="5")]
    assert "rate_limit" not in route(*objects)
    assert line(translated(*objects), "limit-rps", "shop/late").text == "no path of this object is served"


CONFLICTS = {
    "two rates": ({"limit_rps": "5"}, {"limit_rps": "6"}, "rate_limit"),
    "a rate and none": ({"limit_rps": "5"}, {}, "rate_limit"),
    "none and a rate": ({}, {"limit_rps": "5"}, "rate_limit"),
    "two sizes": ({"proxy_body_size": "1m"}, {"proxy_body_size": "2m"}, "max_body"),
    "sources for one": ({"whitelist_source_range": "10.0.0.0/8"}, {}, "sources"),
    "auth for one": ({"auth_type": "basic", "auth_secret": "htpasswd"}, {}, "auth"),
    "auth for the other": ({}, {"auth_type": "basic", "auth_secret": "htpasswd"}, "auth"),
    "two namespaces": ({}, {"namespace": "other"}, "namespace"),
    "https for one": ({"tls": TLS}, {"ssl_redirect": "false"}, "tls.redirect"),
    "a redirect for one": ({"permanent_redirect": "https://example.com"}, {}, "redirect"),
}


@pytest.mark.parametrize(("first", "second", "key"), CONFLICTS.values(), ids=CONFLICTS)
def test_what_one_route_cannot_hold_fails(first: Json, second: Json, key: str) -> None:
    later = an_ingress("/api", name="api", day=2, **second)
    found = translated(an_ingress(**first), later, HTPASSWD)
    assert [item.key for item in found.failures] == [f"{key} of {HOST}"]
    assert found.failures[0].object == f"{later['metadata']['namespace']}/api"
    assert "$2y$" not in str(found.failures)


def test_every_path_has_websockets_and_the_report_says_why() -> None:
    found = translated(an_ingress("/", "/api"))
    assert all(path["websockets"] for path in found.routes["shop-example-org"]["paths"])
    assert any("websockets: true" in note and "ingress-nginx passed WebSockets" in note for note in found.notes)


def test_grpc_has_none() -> None:
    assert "websockets" not in route(an_ingress(backend_protocol="GRPC"))["paths"][0]


def test_one_object_with_two_hosts_becomes_two_routes() -> None:
    ingress = an_ingress(limit_rps="5")
    ingress["spec"]["rules"].append({**ingress["spec"]["rules"][0], "host": "*.apps.example.org"})
    found = translated(ingress)
    assert {name: item["host"] for name, item in found.routes.items()} == {
        "shop-example-org": HOST,
        "wildcard-apps-example-org": "*.apps.example.org",
    }
    assert all(item["rate_limit"]["per_second"] == 5 for item in found.routes.values())


def test_names_of_routes_are_labels_and_different() -> None:
    long = f"{'a' * 60}.example.org"
    found = translated(*(an_ingress(name=f"n{at}", host=host) for at, host in enumerate(("a.b-c", "a-b.c", long))))
    assert len(found.routes) == 3
    assert max(map(len, found.routes)) == 59


def test_a_backend_for_all_other_paths() -> None:
    backend = {"service": {"name": "rest", "port": {"number": 81}}}
    assert services(route(an_ingress("/api", defaultBackend=backend))) == {"/api": "web", "/": "rest"}
    assert services(route(an_ingress("/", defaultBackend=backend))) == {"/": "web"}


def test_hosts_without_a_name_fail() -> None:
    backend = {"service": {"name": "rest", "port": {"number": 81}}}
    assert failures(an_ingress(rules=[], defaultBackend=backend)) == ["shop/web spec"]
    assert failures(an_ingress(host="")) == ["shop/web spec"]
    assert failures(an_ingress(host="Shop.example.org")) == ["shop/web spec.rules.host"]


def test_a_canary_is_no_path_of_its_host() -> None:
    objects = [an_ingress(), an_ingress("/new", name="canary", day=2, canary="true", canary_weight="10")]
    assert failures(*objects) == ["shop/canary canary"]
    assert services(translated(*objects).routes["shop-example-org"]) == {"/": "web"}


def test_a_backend_that_is_no_service_is_passed_over() -> None:
    ingress = an_ingress("/", "/files")
    ingress["spec"]["rules"][0]["http"]["paths"][1] = {
        "path": "/files",
        "pathType": "Prefix",
        "backend": {"resource": {"apiGroup": "k8s.example.com", "kind": "Bucket", "name": "files"}},
    }
    assert services(route(ingress)) == {"/": "web"}
    assert line(translated(ingress), f"spec.rules of {HOST}/files").outcome == "dropped"


def test_a_host_without_paths_has_no_route() -> None:
    found = translated(an_ingress(rules=[{"host": HOST}]))
    assert found.routes == {}
    assert line(found, f"spec.rules of {HOST}").outcome == "dropped"


def test_a_port_by_name_is_that_of_the_service() -> None:
    ingress = an_ingress()
    ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["port"] = {"name": "web"}
    service: Json = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"ports": [{"name": "metrics", "port": 9090}, {"name": "web", "port": 8080}]},
    }
    assert route(ingress, service)["paths"][0]["port"] == 8080
    assert failures(ingress) == ["shop/web spec.rules.port"]


def test_only_the_class_is_translated() -> None:
    legacy = an_ingress(annotations={"kubernetes.io/ingress.class": "nginx"})
    del legacy["spec"]["ingressClassName"]
    found = translated(
        legacy,
        an_ingress(name="other", ingressClassName="traefik", annotations={"kubernetes.io/ingress.class": "nginx"}),
    )
    assert found.sources == {"shop-example-org": ["shop/web"]}
    assert found.notes[0] == "left alone, being of another class: shop/other (traefik)"


CERTIFIED: dict[str, tuple[list[Json], str, Json | None]] = {
    "none": ([an_ingress()], "", None),
    "a Secret": ([an_ingress(tls=TLS)], "", {"secret": "shop-tls", "redirect": True}),
    "a Secret for any host": (
        [an_ingress(tls=[{"secretName": "any"}])],
        "",
        {"secret": "any", "redirect": True},
    ),
    "a Secret for a wildcard": (
        [an_ingress(tls=[{"hosts": ["*.example.org"], "secretName": "wild"}])],
        "internal",
        {"secret": "wild", "redirect": True},
    ),
    "http stays": ([an_ingress(tls=TLS, ssl_redirect="false")], "", {"secret": "shop-tls", "redirect": False}),
    "force wins": (
        [an_ingress(tls=TLS, ssl_redirect="false", force_ssl_redirect="true")],
        "",
        {"secret": "shop-tls", "redirect": True},
    ),
    "the default certificate": (
        [an_ingress(tls=[{"hosts": [HOST]}])],
        "internal",
        {"issuer": "internal", "redirect": True},
    ),
    "another host's Secret": (
        [an_ingress(tls=[{"hosts": ["x.example.com"], "secretName": "x"}])],
        "internal",
        {"issuer": "internal", "redirect": True},
    ),
    "force without TLS": (
        [an_ingress(force_ssl_redirect="true")],
        "internal",
        {"issuer": "internal", "redirect": True},
    ),
    "an issuer of the lab": (
        [an_ingress(tls=TLS, annotations=CLUSTER_ISSUER)],
        "internal",
        {"issuer": "letsencrypt", "redirect": True},
    ),
    "an issuer elsewhere, and none of the lab": (
        [an_ingress(tls=TLS, annotations={"cert-manager.io/cluster-issuer": "le-prod"})],
        "",
        {"secret": "shop-tls", "redirect": True},
    ),
    "an issuer elsewhere": (
        [an_ingress(tls=TLS, annotations={"cert-manager.io/cluster-issuer": "le-prod"})],
        "letsencrypt",
        {"issuer": "letsencrypt", "redirect": True},
    ),
    "the oldest decides": (
        [an_ingress(day=2, tls=TLS), an_ingress("/api", name="api", tls=[{"hosts": [HOST], "secretName": "old"}])],
        "",
        {"secret": "old", "redirect": True},
    ),
}


@pytest.mark.parametrize(("objects", "issuer", "expected"), CERTIFIED.values(), ids=CERTIFIED)
def test_tls(objects: list[Json], issuer: str, expected: Json | None) -> None:
    assert route(*objects, issuer=issuer).get("tls") == expected


UNCERTIFIED = {
    "the default certificate": [an_ingress(tls=[{"hosts": [HOST]}])],
    "another host's Secret": [an_ingress(tls=[{"hosts": ["x.example.com"], "secretName": "x"}])],
    "force without TLS": [an_ingress(force_ssl_redirect="true")],
    "a Secret out of reach": [
        an_ingress("/api"),
        an_ingress("/api", name="tls", namespace="other", day=2, tls=TLS),
    ],
}


@pytest.mark.parametrize("objects", UNCERTIFIED.values(), ids=UNCERTIFIED)
def test_a_host_that_nobody_certifies_fails(objects: list[Json]) -> None:
    assert [item.rpartition(" ")[2] for item in failures(*objects)] == ["spec.tls"]


def test_of_objects_with_tls_the_one_of_the_route_s_namespace_decides() -> None:
    """ingress-nginx took the oldest; a route reaches the Secrets of its own namespace only."""
    elsewhere = an_ingress("/api", name="tls", namespace="other", tls=[{"hosts": [HOST], "secretName": "old"}])
    younger = an_ingress("/", "/api", day=2, tls=TLS)
    elsewhere["spec"]["rules"][0]["http"] = None
    found = translated(elsewhere, younger)
    assert found.routes["shop-example-org"]["tls"] == {"secret": "shop-tls", "redirect": True}
    told = line(found, "spec.tls", "other/tls")
    assert (told.outcome, told.value) == ("dropped", "old")
    assert told.text == f"shop/web decides now, as it is in the namespace of the route of {HOST}"


def test_a_redirect_of_some_paths_fails() -> None:
    assert failures(an_ingress("/old", permanent_redirect="https://example.com")) == [f"shop/web redirect of {HOST}"]


PROXY = {"service": {"name": "oauth2-proxy", "port": {"name": "http"}}}
PROXY_SERVICE: Json = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "oauth2-proxy", "namespace": "auth"},
    "spec": {"ports": [{"name": "http", "port": 4180}]},
}
EXTERNAL = {"service": "oauth2-proxy", "namespace": "auth", "port": 4180, "path": "/oauth2/auth"}
IN_CLUSTER = "http://oauth2-proxy.auth.svc.cluster.local:4180/oauth2/auth"


def the_app(url: str = "https://$host/oauth2/auth", start: str = "/oauth2/start", **more: t.Any) -> Json:
    """Return an app's object, guarded by oauth2-proxy."""
    return an_ingress(auth_url=url, auth_signin=f"https://$host{start}?rd=$escaped_request_uri", **more)


def the_proxy(*paths: str, backend: Json = PROXY, **more: t.Any) -> Json:
    """Return the object of oauth2-proxy itself: the same host, and no authentication."""
    found = an_ingress(*paths or ["/oauth2"], name="oauth2-proxy", namespace="auth", **more)
    for path in found["spec"]["rules"][0]["http"]["paths"]:
        path["backend"] = backend
    return found


@pytest.mark.parametrize("url", ["https://$host/oauth2/auth", f"https://{HOST}/oauth2/auth", IN_CLUSTER])
@pytest.mark.parametrize("age", [1, 3], ids=["older", "younger"])
@pytest.mark.parametrize("paths", [["/oauth2"], ["/oauth2/start", "/oauth2/callback", "/oauth2/auth"]], ids=len)
def test_signing_in_has_an_object_of_its_own(url: str, age: int, paths: list[str]) -> None:
    """Of another namespace, with TLS of its own; the route answers there without authentication, by sign_in."""
    tls = {"tls": [{"hosts": [HOST], "secretName": "proxy-tls"}]}
    objects = [the_app(url, day=2, tls=TLS), the_proxy(*paths, day=age, **tls), PROXY_SERVICE]
    found = route(*objects)
    assert found["namespace"] == "shop"
    assert services(found) == {"/": "web"}
    assert found["auth"] == {"external": {**EXTERNAL, "sign_in": "/oauth2/start"}}
    assert found["tls"] == {"secret": "shop-tls", "redirect": True}
    whole = translated(*objects)
    assert sorted(whole.sources["shop-example-org"]) == ["auth/oauth2-proxy", "shop/web"]
    for path in paths:
        told = line(whole, f"spec.rules of {HOST}{path}", "auth/oauth2-proxy")
        assert (told.outcome, told.value) == ("translated", "oauth2-proxy")
        assert told.text.startswith("auth.external.sign_in: ")


OTHER_PROXY = {"service": {"name": "other", "port": {"number": 4180}}}
SIGN_IN_FAILS: dict[str, tuple[list[Json], str]] = {
    "to another Service": (
        [the_app(IN_CLUSTER), the_proxy(backend=OTHER_PROXY)],
        f"auth/oauth2-proxy spec.rules of {HOST}/oauth2",
    ),
    "by https": (
        [the_app(IN_CLUSTER), the_proxy(backend_protocol="HTTPS"), PROXY_SERVICE],
        f"auth/oauth2-proxy spec.rules of {HOST}/oauth2",
    ),
    "for some networks": (
        [the_app(IN_CLUSTER), the_proxy(whitelist_source_range="10.0.0.0/8"), PROXY_SERVICE],
        f"auth/oauth2-proxy sources of {HOST}",
    ),
    "a port that is not there": ([the_app(IN_CLUSTER), the_proxy()], "auth/oauth2-proxy spec.rules.port"),
    "asked at a port that is not there": ([the_app(), the_proxy(day=2)], "shop/web auth-url"),
    "asked where nobody answers": ([the_app()], "shop/web auth-url"),
    "asked by https": ([the_app(), the_proxy(backend_protocol="HTTPS"), PROXY_SERVICE], "shop/web auth-url"),
}


@pytest.mark.parametrize(("objects", "failure"), SIGN_IN_FAILS.values(), ids=SIGN_IN_FAILS)
def test_signing_in_that_no_route_has_fails(objects: list[Json], failure: str) -> None:
    assert failure in failures(*objects)


def test_signing_in_without_sign_in_is_a_path_that_would_be_guarded() -> None:
    """Nobody could sign in; the fix says how a route knows of it."""
    found = translated(an_ingress(auth_url=IN_CLUSTER), the_proxy(day=2), PROXY_SERVICE)
    told = next(item for item in found.failures if item.key == f"auth of {HOST}")
    assert told.object == "auth/oauth2-proxy"
    assert told.fix.endswith("; what people need for signing in is found by auth-signin")


def test_what_a_request_for_authentication_reaches_is_the_longest_path() -> None:
    exact = the_proxy("/oauth2/auth", backend={"service": {"name": "exact", "port": {"number": 1}}}, day=3)
    exact["metadata"]["name"], exact["spec"]["rules"][0]["http"]["paths"][0]["pathType"] = "exact", "Exact"
    objects = [the_app(start="/sign/in"), the_proxy(day=2), PROXY_SERVICE]
    found = translated(*objects).routes["shop-example-org"]["auth"]["external"]["service"]
    longest = translated(*objects, exact).routes["shop-example-org"]["auth"]["external"]["service"]
    assert (found, longest) == ("oauth2-proxy", "exact")


def test_two_hosts_that_authenticate_elsewhere_fail() -> None:
    app, other = the_app(), the_proxy(host="other.example.org")
    app["spec"]["rules"].append({**app["spec"]["rules"][0], "host": "other.example.org"})
    assert failures(app, the_proxy(), PROXY_SERVICE) == [
        "shop/web auth-url",
        "auth/oauth2-proxy namespace of shop.example.org",
    ]
    other["metadata"]["name"] = "second"
    both = translated(app, the_proxy(), other, PROXY_SERVICE)
    assert [str(item) for item in both.failures] == []
    assert [item["auth"]["external"]["service"] for item in both.routes.values()] == ["oauth2-proxy"] * 2
