# SPDX-License-Identifier: GPL-3.0-or-later
"""Values one by one: what they become, and what is refused."""

from __future__ import annotations

import base64
import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._translate import values
from ansible_collections.atarnet.homelab.plugins.module_utils._translate.model import Refused

from tests.unit.translate.support import HASH, HTPASSWD, Json, an_ingress, failures, line, route, translated

AUTH = {"auth_type": "basic", "auth_secret": "htpasswd"}

# Annotations: the part of the route they become.
SAID: dict[str, tuple[dict[str, str], Json]] = {
    "size": ({"proxy_body_size": "8m"}, {"max_body": "8m"}),
    "size in capitals": ({"proxy_body_size": "08M"}, {"max_body": "8m"}),
    "bytes": ({"proxy_body_size": "1048576"}, {"max_body": "1048576"}),
    "no limit of size": ({"proxy_body_size": "0"}, {"max_body": "0"}),
    "no limit with unit": ({"proxy_body_size": "0m"}, {"max_body": "0"}),
    "another host": ({"upstream_vhost": "app.internal"}, {"headers": {"request": {"Host": "app.internal"}}}),
    "timeouts": (
        {"proxy_connect_timeout": "10", "proxy_read_timeout": "3600", "proxy_send_timeout": "60"},
        {"timeouts": {"connect": 10, "read": 3600, "send": 60}},
    ),
    "rate with its burst": ({"limit_rps": "10"}, {"rate_limit": {"per_second": 10, "burst": 50}}),
    "rate with a multiplier": (
        {"limit_rps": "10", "limit_burst_multiplier": "2"},
        {"rate_limit": {"per_second": 10, "burst": 20}},
    ),
    "rate per minute": ({"limit_rpm": "300"}, {"rate_limit": {"per_second": 5, "burst": 1500}}),
    "no rate": ({"limit_rps": "0", "limit_rpm": "60"}, {"rate_limit": {"per_second": 1, "burst": 300}}),
    "no burst": (
        {"limit_rps": "10", "limit_burst_multiplier": "0"},
        {"rate_limit": {"per_second": 10, "burst": 0}},
    ),
    "sources": (
        {"whitelist_source_range": "192.168.50.0/24, 10.0.0.7,fd00:50::/64,192.168.50.0/24"},
        {"sources": ["192.168.50.0/24", "10.0.0.7/32", "fd00:50::/64"]},
    ),
    "sources with host bits": ({"allowlist_source_range": "192.168.50.7/24"}, {"sources": ["192.168.50.0/24"]}),
    "sources by both names": (
        {"allowlist_source_range": "10.0.0.0/8", "whitelist_source_range": "192.168.0.0/16"},
        {"sources": ["10.0.0.0/8"]},
    ),
    "basic auth": (
        AUTH,
        {"auth": {"basic": {"users": {"anna": HASH, "bob": "$apr1$abcdefgh$abcdefghijklmnopqrstuv"}}}},
    ),
    "auth by a Service": (
        {
            "auth_url": "http://oauth2-proxy.auth.svc.cluster.local:4180/oauth2/auth",
            "auth_signin": "https://$host/oauth2/start?rd=$escaped_request_uri",
            "auth_response_headers": "X-Auth-Request-User, X-Auth-Request-Email",
        },
        {
            "auth": {
                "external": {
                    "service": "oauth2-proxy",
                    "namespace": "auth",
                    "port": 4180,
                    "path": "/oauth2/auth",
                    "sign_in": "/oauth2/start",
                    "response_headers": ["X-Auth-Request-User", "X-Auth-Request-Email"],
                }
            }
        },
    ),
}

WORDS = {
    "http": ({"backend_protocol": "HTTP"}, None),
    "https": ({"backend_protocol": "HTTPS"}, "https"),
    "grpc": ({"backend_protocol": "grpc"}, "grpc"),
}

# Annotations: what stops the translation, and a word of the reason.
REFUSED: dict[str, tuple[dict[str, str], str, str]] = {
    "size with a word": ({"proxy_body_size": "8 MB"}, "proxy-body-size", "no size"),
    "timeout with unit": ({"proxy_read_timeout": "60s"}, "proxy-read-timeout", "no bare number of seconds"),
    "timeout of nothing": ({"proxy_send_timeout": "0"}, "proxy-send-timeout", "no bare number of seconds"),
    "rate with unit": ({"limit_rps": "10r/s"}, "limit-rps", "no whole number"),
    "negative rate": ({"limit_rps": "-1"}, "limit-rps", "no whole number"),
    "rate per minute that is none per second": ({"limit_rpm": "90"}, "limit-rpm", "whole requests per second"),
    "two rates": ({"limit_rps": "1", "limit_rpm": "60"}, "limit-rpm", "one rate"),
    "negative multiplier": ({"limit_rps": "1", "limit_burst_multiplier": "-1"}, "limit-burst-multiplier", "no whole"),
    "a source that is none": ({"whitelist_source_range": "10.0.0.0/8,office"}, "whitelist-source-range", "'office'"),
    "no source": ({"whitelist_source_range": ""}, "whitelist-source-range", "''"),
    "neither true nor false": ({"ssl_redirect": "yes"}, "ssl-redirect", "neither true nor false"),
    "grpcs": ({"backend_protocol": "GRPCS"}, "backend-protocol", "http, https or grpc"),
    "the visitor's scheme": ({"backend_protocol": "AUTO_HTTP"}, "backend-protocol", "http, https or grpc"),
    "digest": ({**AUTH, "auth_type": "digest"}, "auth-type", "basic only"),
    "no secret": ({"auth_type": "basic"}, "auth-type", "auth-secret is missing"),
    "a secret that is not there": ({**AUTH, "auth_secret": "gone"}, "auth-secret", "Secret shop/gone is not there"),
    "a secret of nobody": ({**AUTH, "auth_secret": "a/b/c"}, "auth-secret", "no NAME and no NAMESPACE/NAME"),
    "a kind of secret": ({**AUTH, "auth_secret_type": "file"}, "auth-secret-type", "neither auth-file nor auth-map"),
    "two kinds of auth": (
        {**AUTH, "auth_url": "http://a.b.svc/auth"},
        "auth-url",
        "one kind of auth",
    ),
    "auth elsewhere": ({"auth_url": "https://auth.example.org/verify"}, "auth-url", "a Service of the cluster"),
    "auth by https": ({"auth_url": "https://a.b.svc/auth"}, "auth-url", "by http"),
    "auth with a query": ({"auth_url": "http://a.b.svc/auth?x=1"}, "auth-url", "without query"),
    "auth by variables": ({"auth_url": "http://a.b.svc/$host"}, "auth-url", "without query and variables"),
    "auth by no URL": ({"auth_url": "http://[a"}, "auth-url", "no URL"),
    "auth at no port": ({"auth_url": "http://a.b.svc:x/"}, "auth-url", "no URL"),
    "signing in elsewhere": (
        {"auth_url": "http://a.b.svc/auth", "auth_signin": "https://auth.example.org/start"},
        "auth-signin",
        "of its own host",
    ),
    "coming back elsewhere": (
        {"auth_url": "http://a.b.svc/auth", "auth_signin": "https://$host/start?rd=/home"},
        "auth-signin",
        "where they were",
    ),
    "headers that are not there": ({"custom_headers": "shop/gone"}, "custom-headers", "ConfigMap shop/gone is not"),
    "one page": ({"permanent_redirect": "https://example.org/new"}, "permanent-redirect", "not to one page"),
    "variables": ({"temporal_redirect": "https://$host.example.org"}, "temporal-redirect", "by other variables"),
    "no status of a redirect": (
        {"permanent_redirect": "https://example.org", "permanent_redirect_code": "303"},
        "permanent-redirect-code",
        "301, 302, 307, 308",
    ),
    "a rewrite": ({"rewrite_target": "/$2"}, "rewrite-target", "does not change the path"),
    "regular expressions": ({"use_regex": "true"}, "use-regex", "no regular expression"),
    "headers of a redirect": (
        {"permanent_redirect": "https://example.org", "custom_headers": "headers"},
        "custom-headers",
        "no headers of its own",
    ),
}

REDIRECTS = {
    "permanent": ({"permanent_redirect": "https://www.example.org"}, 301, "https://www.example.org"),
    "permanent with its code": (
        {"permanent_redirect": "https://www.example.org$request_uri", "permanent_redirect_code": "308"},
        308,
        "https://www.example.org",
    ),
    "temporal": ({"temporal_redirect": "http://other.example.org:8080/"}, 302, "http://other.example.org:8080"),
    "temporal comes first": (
        {"temporal_redirect": "https://a.example.org", "permanent_redirect": "https://b.example.org"},
        302,
        "https://a.example.org",
    ),
}
HEADERS: Json = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "headers", "namespace": "shop"},
    "data": {"X-Frame-Options": "DENY"},
}


@pytest.mark.parametrize(("annotations", "expected"), SAID.values(), ids=SAID)
def test_said(annotations: dict[str, str], expected: Json) -> None:
    found = route(an_ingress(**annotations), HTPASSWD)
    assert {key: value for key, value in found.items() if key not in ("host", "namespace", "paths")} == expected


@pytest.mark.parametrize(("annotations", "expected"), WORDS.values(), ids=WORDS)
def test_protocol(annotations: dict[str, str], expected: str | None) -> None:
    assert route(an_ingress(**annotations))["paths"][0].get("protocol") == expected


@pytest.mark.parametrize(("annotations", "name", "word"), REFUSED.values(), ids=REFUSED)
def test_refused(annotations: dict[str, str], name: str, word: str) -> None:
    found = translated(an_ingress(**annotations), HTPASSWD, HEADERS)
    assert [item.key.rpartition("/")[2] for item in found.failures] == [name]
    assert word in found.failures[0].text
    assert found.failures[0].fix


@pytest.mark.parametrize(("annotations", "code", "origin"), REDIRECTS.values(), ids=REDIRECTS)
def test_redirect(annotations: dict[str, str], code: int, origin: str) -> None:
    found = route(an_ingress(**annotations, proxy_body_size="8m", limit_rps="1"))
    assert found.pop("redirect") == {"to": origin, "code": code}
    assert sorted(found) == ["host", "namespace", "rate_limit"]


def test_a_redirect_says_that_it_keeps_the_path_now() -> None:
    fixed, kept = "https://www.example.org", "https://www.example.org$request_uri"
    texts = [line(translated(an_ingress(permanent_redirect=to)), "permanent-redirect").text for to in (fixed, kept)]
    assert ["keeps path and query from now on" in text for text in texts] == [True, False]


def test_headers_of_a_config_map() -> None:
    assert route(an_ingress(custom_headers="shop/headers"), HEADERS)["headers"] == {
        "response": {"X-Frame-Options": "DENY"}
    }


def test_users_of_a_map_and_a_realm() -> None:
    secret = {**HTPASSWD, "stringData": {}, "data": {"anna": base64.b64encode(HASH.encode()).decode()}}
    found = route(an_ingress(**AUTH, auth_secret_type="auth-map", auth_realm="The shop"), secret)
    assert found["auth"] == {"basic": {"realm": "The shop", "users": {"anna": HASH}}}


BAD_SECRETS: dict[str, tuple[dict[str, t.Any], str]] = {
    "in clear text": ({"stringData": {"auth": "anna:{PLAIN}hunter2"}}, "user 'anna' has no hash"),
    "unsalted": ({"stringData": {"auth": "anna:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="}}, "user 'anna' has no hash"),
    "no user": ({"stringData": {"auth": "\n# nobody\n"}}, "has no user"),
    "another key": ({"stringData": {"htpasswd": f"anna:{HASH}"}}, "has no key auth"),
    "no base64": ({"stringData": {}, "data": {"auth": "%"}}, "no text in base64"),
}


@pytest.mark.parametrize(("parts", "word"), BAD_SECRETS.values(), ids=BAD_SECRETS)
def test_secrets_that_no_route_takes(parts: Json, word: str) -> None:
    found = translated(an_ingress(**AUTH), {**HTPASSWD, **parts})
    assert word in found.failures[0].text
    assert "hunter2" not in str(found)


def test_of_a_user_twice_the_first_counts() -> None:
    secret = {**HTPASSWD, "stringData": {"auth": f"anna:{HASH}\nanna:{HASH[:-1]}x\n"}}
    assert route(an_ingress(**AUTH), secret)["auth"]["basic"]["users"] == {"anna": HASH}


def test_signing_in_at_the_only_host_by_name() -> None:
    found = values.sign_in("https://shop.example.org/start", ["shop.example.org"])
    assert found == "/start"
    with pytest.raises(Refused):
        values.sign_in("https://shop.example.org/start", ["shop.example.org", "other.example.org"])


@pytest.mark.parametrize(
    "back", ["", "?rd=$escaped_request_uri", "?rd=https://$host$request_uri", "?rd=$scheme://$http_host$request_uri"]
)
def test_signing_in_comes_back_to_where_it_began(back: str) -> None:
    assert values.sign_in(f"https://$host/start{back}", ["shop.example.org"]) == "/start"


def test_a_rewrite_to_the_path_itself_is_none() -> None:
    assert failures(an_ingress("/", rewrite_target="/")) == []
    assert failures(an_ingress("/", "/api", rewrite_target="/")) == ["shop/web rewrite-target"]
