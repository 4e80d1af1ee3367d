# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a shared firewall table is the cluster's."""

from __future__ import annotations

import shlex

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._kubeadm.firewall import (
    calls,
    is_empty,
    own_chains,
    own_tables,
)

SHARED = """\
-P INPUT ACCEPT
-P FORWARD ACCEPT
-N KUBE-FIREWALL
-N CNI-HOSTPORT-DNAT
-N MINE
-A INPUT -j KUBE-FIREWALL
-A INPUT -p tcp --dport 22 -j MINE
-A FORWARD -m comment --comment "CNI portfwd" -j CNI-HOSTPORT-DNAT
-A KUBE-FIREWALL -m comment --comment "block incoming" -j DROP
-A MINE -j ACCEPT
"""


def words(text: str) -> list[list[str]]:
    return [shlex.split(line) for line in text.splitlines()]


def test_only_the_clusters_chains_and_the_jumps_into_them_are_taken() -> None:
    rules = words(SHARED)
    assert own_chains(rules) == ["KUBE-FIREWALL", "CNI-HOSTPORT-DNAT"]
    assert [" ".join(rule) for rule in calls(rules)] == [
        "-A INPUT -j KUBE-FIREWALL",
        "-A FORWARD -m comment --comment CNI portfwd -j CNI-HOSTPORT-DNAT",
    ]


def test_only_tables_of_the_clusters_programs_are_taken() -> None:
    theirs = {"inet mine", "ip nat", "inet kube-proxy", "inet kube-network-policies2", "inet atarnet_homelab"}
    own = ["inet kube-network-policies", "inet kube-network-policies-dnscache", "ip flannel-ipv4", "ip6 kube-proxy"]
    assert own_tables(theirs | set(own)) == own


@pytest.mark.parametrize(
    ("text", "empty"),
    [
        ("-P INPUT ACCEPT\n-P FORWARD ACCEPT", True),
        ("-P INPUT DROP", False),
        ("-P INPUT ACCEPT\n-N MINE", False),
        ("-P INPUT ACCEPT\n-A INPUT -j ACCEPT", False),
    ],
    ids=["accepts all", "drops", "foreign chain", "foreign rule"],
)
def test_empty(text: str, empty: bool) -> None:
    assert is_empty(words(text)) is empty
