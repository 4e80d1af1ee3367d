# SPDX-License-Identifier: GPL-3.0-or-later
"""The report: nothing is lost, nothing secret is told, and it reads the same every time."""

from __future__ import annotations

import json
import random
import typing as t

import pytest
import yaml
from ansible_collections.atarnet.homelab.plugins.module_utils._translate import report
from ansible_collections.atarnet.homelab.plugins.module_utils._translate.model import PREFIX
from ansible_collections.atarnet.homelab.plugins.module_utils._translate.verdicts import VERDICTS

from tests.unit.translate.support import HASH, HTPASSWD, Json, an_ingress, translated

VALUES = (
    "true",
    "false",
    "0",
    "1",
    "60",
    "8m",
    "on",
    "off",
    "basic",
    "htpasswd",
    "shop/x",
    "10.0.0.0/8",
    "GRPC",
    "?",
    "",
)
TLS = [{"hosts": ["shop.example.org"], "secretName": "shop-tls"}]
OTHERS = ("kubernetes.io/ingress.class", "cert-manager.io/cluster-issuer", "nginx.org/rewrites", f"{PREFIX}of-mine")

# One object for each kind of verdict, and the lines (E501) as people read them.
GOLDEN = {
    "direct": (
        {"proxy_body_size": "8M", "use_regex": "false", "proxy_buffer_size": "16k"},
        """\
lost        proxy-buffer-size = "16k": buffers are those of the controller. Set them for the whole controller if answers fail or stall.
translated  proxy-body-size = "8M": max_body: "8m".
dropped     use-regex = "false": it is the default.""",  # noqa: E501
    ),
    "policy": (
        {"denylist_source_range": "10.0.0.1", "enable_cors": "true", "cors_max_age": "60"},
        """\
failed      denylist-source-range = "10.0.0.1": a route names the sources that may ask, none that may not. Refuse them in the firewall, or name those that may ask in whitelist-source-range.
failed      enable-cors = "true": a route does not answer for other origins. Let the app answer them, then remove the annotation.
lost        cors-max-age = "60": it goes with enable-cors. See there.""",  # noqa: E501
    ),
    "needs_object": (
        {"default_backend": "errors", "ssl_passthrough": "true", "canary_weight": "10"},
        """\
failed      ssl-passthrough = "true": a route ends TLS itself, so traffic would be in the clear where it passes. Give the Service an address of its own.
lost        default-backend = "errors": errors are answered by the app or the controller, not by another Service. Remove the annotation if it is not needed.
dropped     canary-weight = "10": it has no effect without canary.""",  # noqa: E501
    ),
    "config": (
        {"enable_access_log": "false", "http2_push_preload": "false", "stream_snippet": "server { listen 1; }"},
        """\
failed      stream-snippet = "server { listen 1; }": a route takes no piece of NGINX's own configuration, and this one may be what guards the host. Say what it does with keys of a route, then remove the annotation; without allow-snippet-annotations it did nothing.
lost        enable-access-log = "false": logs and traces are those of the controller. Set them for the whole controller if they are needed.
dropped     http2-push-preload = "false": it is the default.""",  # noqa: E501
    ),
    "snippet": (
        {"limit_connections": "5", "proxy_request_buffering": "off", "from_to_www_redirect": "false"},
        """\
failed      limit-connections = "5": a route limits requests per second, not connections or bandwidth. Use limit-rps instead, or remove the annotation if the limit is not needed.
lost        proxy-request-buffering = "off": buffers are those of the controller. Set them for the whole controller if answers fail or stall.
dropped     from-to-www-redirect = "false": it is the default.""",  # noqa: E501
    ),
    "none": (
        {"enable_modsecurity": "true", "enable_owasp_core_rules": "false", "use_port_in_redirects": "true"},
        """\
failed      enable-modsecurity = "true": no controller here has ModSecurity, so nothing would inspect requests. Put a firewall for web requests in front, then remove the annotation.
lost        use-port-in-redirects = "true": redirects are written as the controller does for all. Remove the annotation if it is not needed.
dropped     enable-owasp-core-rules = "false": it is the default.""",  # noqa: E501
    ),
}


WHOLE = """\
# Routes translated from Ingress objects of ingress-nginx. It may hold password hashes.
homelab_routes:
  shop-example-org:
    host: shop.example.org
    namespace: shop
    paths:
    - path: /
      service: web
      port: 80
      websockets: true
    - path: /api
      service: web
      port: 80
      websockets: true
    tls:
      secret: shop-tls
      redirect: true
    rate_limit:
      per_second: 10
      burst: 50
    max_body: 10m
    sources:
    - 192.168.50.0/24
    auth:
      basic:
        realm: Shop
        users:
          anna: (hidden)
          bob: (hidden)
    timeouts:
      read: 300
"""


@pytest.mark.parametrize(("annotations", "expected"), GOLDEN.values(), ids=GOLDEN)
def test_a_report_for_each_kind_of_verdict(annotations: dict[str, str], expected: str) -> None:
    text = report.as_text(translated(an_ingress(**annotations)), "Ingress")
    lines = [entry[2:].replace(PREFIX, "") for entry in text.splitlines() if entry.startswith("  ")]
    assert lines == expected.splitlines()


@pytest.mark.parametrize("seed", range(200))
def test_nothing_is_lost(seed: int) -> None:
    """Whatever is annotated: one line for each annotation, with its value, and the same report again."""
    chance = random.Random(seed)
    objects = []
    for number in range(chance.randint(1, 3)):
        names = chance.sample(sorted(VERDICTS), chance.randint(0, 25))
        annotations = {PREFIX + name: chance.choice([*VALUES, VERDICTS[name].default]) for name in names}
        annotations.update((name, chance.choice(VALUES)) for name in chance.sample(OTHERS, 2))
        host = chance.choice(["a.example.org", "b.example.org"])
        paths = chance.sample(["/", "/a", "/b"], chance.randint(1, 2))
        objects.append(an_ingress(*paths, name=f"n{number}", host=host, day=number + 1, annotations=annotations))
    found = translated(*objects, HTPASSWD)
    given = [
        (f"shop/{item['metadata']['name']}", *pair)
        for item in objects
        for pair in sorted(item["metadata"]["annotations"].items())
    ]
    annotated = {key for _name, key, _value in given}
    assert sorted((line.object, line.key, line.value) for line in found.lines if line.key in annotated) == sorted(given)
    assert all(line.fix for line in found.failures)
    assert report.as_data(translated(*objects, HTPASSWD)) == report.as_data(found)
    assert json.loads(json.dumps(report.as_data(found))) == report.as_data(found)


def test_a_whole_host() -> None:
    everything = an_ingress(
        "/",
        "/api",
        tls=[{"hosts": ["shop.example.org"], "secretName": "shop-tls"}],
        auth_type="basic",
        auth_secret="htpasswd",
        auth_realm="Shop",
        limit_rps="10",
        proxy_body_size="10m",
        proxy_read_timeout="300",
        whitelist_source_range="192.168.50.0/24",
    )
    assert report.hide(report.as_variables(translated(everything, HTPASSWD))) == WHOLE


def guarded() -> t.Any:
    """Return the translation of a host with users."""
    return translated(an_ingress(auth_type="basic", auth_secret="htpasswd", limit_rps="10"), HTPASSWD)


def test_the_variables_are_routes() -> None:
    assert yaml.safe_load(report.as_variables(guarded()))["homelab_routes"] == guarded().routes


def test_hashes_are_told_nowhere_else() -> None:
    found = guarded()
    assert HASH in report.as_variables(found)
    for told in (
        report.hide(report.as_variables(found)),
        str(report.hidden(found.routes)),
        report.as_text(found, ""),
        str(report.as_data(found)),
    ):
        assert "$2y$" not in told and "$apr1$" not in told
    assert report.hidden(found.routes)["shop-example-org"]["auth"]["basic"]["users"]["anna"] == "(hidden)"


def test_the_report_of_a_merged_host() -> None:
    found = translated(an_ingress(tls=[{"hosts": ["shop.example.org"], "secretName": "s"}]), an_ingress("/a", name="a"))
    assert [item for item in report.as_text(found, "Translating").splitlines() if "note" not in item] == [
        "Translating: 1 route",
        "host shop.example.org: route shop-example-org, merged from shop/web and shop/a, oldest first",
    ]
    assert report.as_data(found)["hosts"] == [
        {"host": "shop.example.org", "route": "shop-example-org", "objects": ["shop/web", "shop/a"]}
    ]


def test_a_failure_names_object_annotation_value_reason_and_fix() -> None:
    found = translated(an_ingress(satisfy="any"))
    assert report.as_failure(found, "Translating").splitlines() == [
        "Translating: 1 problem, nothing was written.",
        f'  1. Ingress shop/web {PREFIX}satisfy = "any": a route wants every check to pass, it is not content with one '
        "of them. Set it to all, or give the unguarded way a host of its own.",
    ]


TEMPLATES: dict[str, list[Json]] = {
    "a realm": [
        an_ingress(auth_type="basic", auth_secret="htpasswd", auth_realm="{{ lookup('pipe', 'id') }}"),
        HTPASSWD,
    ],
    "a user": [
        an_ingress(auth_type="basic", auth_secret="htpasswd"),
        {**HTPASSWD, "stringData": {"auth": f"{{{{ x }}}}:{HASH}"}},
    ],
    "a path": [an_ingress("/{% x %}")],
    "a header": [
        an_ingress(custom_headers="h"),
        {"kind": "ConfigMap", "metadata": {"name": "h", "namespace": "shop"}, "data": {"X-A": "{{ x }}"}},
    ],
    "the name of a header": [
        an_ingress(custom_headers="h"),
        {"kind": "ConfigMap", "metadata": {"name": "h", "namespace": "shop"}, "data": {"{{ x }}": "a"}},
    ],
    "a host": [an_ingress(upstream_vhost="{{ x }}")],
    "what the authentication hands on": [
        an_ingress(auth_url="http://a.b.svc/auth", auth_response_headers="{{ x }}"),
    ],
}


@pytest.mark.parametrize("objects", TEMPLATES.values(), ids=TEMPLATES)
def test_what_ansible_would_run_is_refused(objects: list[Json]) -> None:
    """Who may write an Ingress may not run commands where the routes are read."""
    found = translated(*objects)
    assert [item.key.startswith("homelab_routes.shop-example-org.") for item in found.failures] == [True]


EXTERNAL = {"auth_url": "http://proxy.auth.svc:4180/oauth2/auth"}
SIGN_IN = {**EXTERNAL, "auth_signin": "https://$host/oauth2/start"}
HANDED_ON = {**EXTERNAL, "auth_response_headers": "X-User"}
# Annotations: which provider refuses the route, and the key it names.
REFUSED_BY = {
    "signing in": (SIGN_IN, "traefik", "auth.external.sign_in"),
    "headers of the user": (HANDED_ON, "nginx", "auth.external.response_headers"),
    "time to send": ({"proxy_send_timeout": "60"}, "traefik", "timeouts.send"),
}


@pytest.mark.parametrize(("annotations", "provider", "key"), REFUSED_BY.values(), ids=REFUSED_BY)
def test_what_one_provider_refuses(annotations: dict[str, str], provider: str, key: str) -> None:
    """It stops the translation for that one, and is a note while it is not known which one it will be."""
    where = f"homelab_routes.shop-example-org.{key}"
    found = {name: translated(an_ingress(**annotations), provider=name) for name in ("", "nginx", "traefik")}
    assert {name: [item.key for item in told.failures] for name, told in found.items()} == {
        "": [],
        "nginx": [],
        "traefik": [],
        provider: [where],
    }
    assert found[provider].failures[0].object == "shop/web"
    assert [note for note in found[""].notes if note.startswith(f"{provider} would refuse {where} = ")]
    assert not [note for name in ("nginx", "traefik") for note in found[name].notes if "would refuse" in note]


def test_what_no_provider_takes_fails_without_one() -> None:
    found = translated(an_ingress("/a b"), an_ingress(name="slow", host="b.example.org", proxy_read_timeout="86401"))
    assert [(item.object, item.key) for item in found.failures] == [
        ("shop/web", "homelab_routes.shop-example-org.paths[0].path"),
        ("shop/slow", "homelab_routes.b-example-org.timeouts.read"),
    ]
    assert not [note for note in found.notes if "would refuse" in note]


NOTES = {
    "Strict-Transport-Security": ({"tls": TLS}, True),
    "without max_body": ({}, True),
    "without max_body ": ({"proxy_body_size": "0"}, False),
    "308": ({"tls": TLS, "ssl_redirect": "false"}, False),
    "without tls": ({}, True),
    "without tls ": ({"tls": TLS}, False),
    "websockets": ({"permanent_redirect": "https://www.example.org"}, False),
}


@pytest.mark.parametrize(("word", "given", "expected"), [(key.strip(), *row) for key, row in NOTES.items()])
def test_what_all_routes_do_differently_is_noted_where_it_matters(word: str, given: Json, expected: bool) -> None:
    assert any(word in note for note in translated(an_ingress(**given)).notes) == expected


def test_no_object_no_route() -> None:
    found = translated()
    assert (found.routes, found.lines, found.notes) == ({}, [], [])
    assert yaml.safe_load(report.as_variables(found)) == {"homelab_routes": {}}
