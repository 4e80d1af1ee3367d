# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates for the tests: an input with everything in it, and what inputs are compiled to."""

from __future__ import annotations

import typing as t

from ansible_collections.atarnet.homelab.plugins.module_utils._lab import plan

from tests.negative.cases import Case, parse, read_cases, the_lock

Json = dict[str, t.Any]
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
TOKEN = "a-token-of-the-tests"
FULL: Json = {
    "email": "you@example.org",
    "cloudflare": {"token": TOKEN, "zones": ["example.org"]},
    "resolvers": ["192.0.2.1", "192.0.2.2:5353"],
    "authorities": {"letsencrypt-staging": {"directory": "https://step.home.arpa:9000/dir", "ca": PEM, "profile": ""}},
}


def route(host: str, issuer: str, **more: t.Any) -> Json:
    redirect = {"to": "https://elsewhere.example.com"}
    return {"host": host, "namespace": "shop", "redirect": redirect, "tls": {"issuer": issuer}, **more}


def compiled(certificates: Json, routes: Json, provider: str = "traefik") -> Json:
    """Return the whole plan; nothing may be wrong with the input."""
    base = next(case for case in read_cases("accepted") if case.name == "certificates")
    changes = {
        "homelab_certificates": certificates,
        "homelab_routes": routes,
        "homelab_ingress": {"provider": provider},
        "homelab_kubeconfig": "~/.kube/home.conf",
    }
    case = Case("made", {**base.variables, **changes}, base.hosts, (), (), {})
    return plan.compile_plan(parse(case), the_lock())
