# SPDX-License-Identifier: GPL-3.0-or-later
"""Every annotation of ingress-nginx has a verdict, and every verdict ends in a line of its own."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._translate.model import PREFIX
from ansible_collections.atarnet.homelab.plugins.module_utils._translate.verdicts import PROTECTION, TUNING, VERDICTS

from tests.unit.translate.support import an_ingress, failures, line, translated

DOCUMENTED = frozenset(
    name
    for name in Path(__file__).with_name("documented.txt").read_text(encoding="utf-8").splitlines()
    if not name.startswith("#")
)
UNDOCUMENTED = {
    "allowlist-source-range",
    "disable-proxy-intercept-errors",
    "fastcgi-index",
    "fastcgi-params-configmap",
    "limit-allowlist",
    "opentelemetry-operation-name",
    "relative-redirects",
    "use-port-in-redirects",
}
# Names that a person would expect to guard something.
GUARDS = (
    "enable-modsecurity enable-owasp-core-rules modsecurity-snippet configuration-snippet server-snippet"
    " limit-connections limit-rps limit-rpm auth-type auth-secret auth-url auth-signin auth-snippet auth-tls-secret"
    " auth-tls-verify-client auth-tls-match-cn satisfy whitelist-source-range allowlist-source-range"
    " denylist-source-range ssl-passthrough proxy-ssl-secret proxy-ssl-verify ssl-redirect proxy-body-size"
)


def test_all_130_names_have_a_verdict() -> None:
    assert len(DOCUMENTED) == 130
    assert set(VERDICTS) == DOCUMENTED | UNDOCUMENTED


def test_the_documented_ones_by_kind() -> None:
    assert Counter(VERDICTS[name].kind for name in DOCUMENTED) == {
        "direct": 40,
        "policy": 21,
        "needs_object": 14,
        "config": 8,
        "snippet": 29,
        "none": 18,
    }


def test_what_guards_protects() -> None:
    assert [name for name in GUARDS.split() if VERDICTS[name].loss != PROTECTION] == []


@pytest.mark.parametrize("name", sorted(VERDICTS))
def test_a_verdict_is_complete(name: str) -> None:
    verdict = VERDICTS[name]
    assert bool(verdict.intent) != bool(verdict.reason and verdict.fix)
    assert not (verdict.reason + verdict.fix).endswith(".")
    assert set(verdict.needs) <= set(VERDICTS)


@pytest.mark.parametrize("name", sorted(VERDICTS))
def test_each_stops_or_is_reported(name: str) -> None:
    """With a value that is not its default, and with what it needs, nothing is lost in silence."""
    verdict = VERDICTS[name]
    heads = {PREFIX + head: "on" for head in verdict.needs[:1]}
    found = translated(an_ingress(annotations={**heads, PREFIX + name: "?"}))
    expected = "lost" if verdict.loss == TUNING and not verdict.intent else "failed"
    told = dict.fromkeys(("auth-realm", "auth-response-headers", "upstream-vhost"), "translated")
    assert line(found, name).outcome == told.get(name, expected)
    assert line(found, name).verdict == verdict.kind
    assert line(found, name).protects == (verdict.loss == PROTECTION)


@pytest.mark.parametrize("name", [name for name, verdict in sorted(VERDICTS.items()) if verdict.default])
def test_a_default_is_dropped(name: str) -> None:
    found = translated(an_ingress(annotations={PREFIX + name: VERDICTS[name].default}))
    assert (line(found, name).outcome, line(found, name).text) == ("dropped", "it is the default")


@pytest.mark.parametrize("name", [name for name, verdict in sorted(VERDICTS.items()) if verdict.needs])
def test_without_what_it_needs_it_is_dropped(name: str) -> None:
    found = translated(an_ingress(annotations={PREFIX + name: "?"}))
    assert line(found, name).outcome == "dropped"
    assert line(found, name).text.startswith("it has no effect without ")


@pytest.mark.parametrize("spelling", ["false", "False", "f", "0"])
def test_a_default_has_many_spellings(spelling: str) -> None:
    assert failures(an_ingress(use_regex=spelling)) == []


def test_an_unknown_name_fails_and_says_what_may_be_meant() -> None:
    found = line(translated(an_ingress(proxy_bodysize="8m")), "proxy-bodysize")
    assert (found.verdict, found.outcome) == ("unknown", "failed")
    assert 'Did you mean "proxy-body-size"? ' in found.fix


def test_a_value_that_is_no_text_fails() -> None:
    assert failures(an_ingress(ssl_redirect=False)) == ["shop/web ssl-redirect"]


def test_all_failures_are_told_at_once() -> None:
    guarded = an_ingress(
        enable_modsecurity="true", satisfy="any", limit_connections="5", denylist_source_range="10.0.0.1"
    )
    other = an_ingress(name="api", host="api.example.org", rewrite_target="/$1", use_regex="true")
    assert failures(guarded, other) == [
        "shop/web denylist-source-range",
        "shop/web enable-modsecurity",
        "shop/web limit-connections",
        "shop/web satisfy",
        "shop/api rewrite-target",
        "shop/api use-regex",
    ]


def test_annotations_of_others_are_told_too() -> None:
    others = {
        "kubernetes.io/ingress.class": "nginx",
        "cert-manager.io/cluster-issuer": "letsencrypt",
        "cert-manager.io/issuer": "mine",
        "kubernetes.io/tls-acme": "false",
        "external-dns.alpha.kubernetes.io/ttl": "60",
    }
    found = translated(an_ingress(annotations=others, tls=[{"secretName": "shop-tls"}]))
    assert [line(found, key).outcome for key in others] == ["dropped", "translated", "lost", "foreign", "foreign"]


@pytest.mark.parametrize("key", [f"{PREFIX}ssl-redirect", "cert-manager.io/cluster-issuer"])
def test_what_is_about_tls_is_dropped_without_it(key: str) -> None:
    values = {f"{PREFIX}ssl-redirect": "false", "cert-manager.io/cluster-issuer": "internal"}
    plain, secured = an_ingress(annotations=values), an_ingress(annotations=values, tls=[{"hosts": []}])
    assert [line(translated(item), key).outcome for item in (plain, secured)] == ["dropped", "translated"]


def test_tls_that_nobody_certifies_is_tls() -> None:
    """It fails, and not also as if there were none."""
    found = translated(an_ingress(ssl_redirect="false", tls=[{"hosts": ["shop.example.org"]}]))
    assert [item.key for item in found.failures] == ["spec.tls"]
    assert line(found, "ssl-redirect").outcome == "translated"
