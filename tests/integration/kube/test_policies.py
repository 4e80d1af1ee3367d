# SPDX-License-Identifier: GPL-3.0-or-later
"""The NetworkPolicies of the lab plan, judged by the API server."""

from __future__ import annotations

import typing as t

from tests.unit.network.support import compiled

FLOWS = [{"from": "pods", "to": ["nfs", "internet", "ssh"]}, {"from": "management", "to": "ssh"}]


def test_the_api_server_takes_the_policies(lab: t.Any) -> None:
    """By its own validation and strict about fields; and as its defaults spell them, so that a second run rests."""
    objects = compiled({"flows": FLOWS})["policies"]
    assert len(objects) == 5
    lab.apply([lab.namespace_object()], namespace=None)
    path = lab.path("networkpolicies", "", "/apis/networking.k8s.io/v1").rstrip("/")
    for item in objects:
        answer = lab.server.call("POST", f"{path}?dryRun=All&fieldValidation=Strict", item)
        assert answer["spec"]["policyTypes"] == item["spec"]["policyTypes"]
    assert lab.server.call("GET", path)["items"] == []
    everything = [lab.namespace_object(), *objects]
    done = lab.apply(everything)
    assert len(done["changes"]) == 5
    lab.assert_rests(everything)
