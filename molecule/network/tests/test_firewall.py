# SPDX-License-Identifier: GPL-3.0-or-later
"""What the network layer left on each machine, by testinfra."""

from __future__ import annotations

import typing as t


def test_the_table_is_in_force_and_comes_back_at_boot(host: t.Any) -> None:
    table = host.check_output("nft -s list table inet homelab")
    assert "hook input priority filter; policy drop;" in table
    for unit in ("homelab-firewall", "homelab-network-revert"):
        assert host.service(unit).is_enabled
    boot = host.file("/etc/atarnet-homelab/firewall.nft")
    assert (boot.user, boot.group, oct(boot.mode)) == ("root", "root", "0o644")
    host.check_output("nft -c -f /etc/atarnet-homelab/firewall.nft")


def test_nothing_is_pending(host: t.Any) -> None:
    assert host.file("/var/lib/atarnet-homelab/network/applied.json").exists
    assert not host.file("/var/lib/atarnet-homelab/network/pending.json").exists
    assert "homelab-network-revert.timer" not in host.check_output("systemctl list-timers --all --no-pager")


def test_state_is_roots_alone(host: t.Any) -> None:
    folder = host.file("/var/lib/atarnet-homelab/network")
    assert (folder.user, oct(folder.mode)) == ("root", "0o700")


def test_only_the_router_routes_between_segments(host: t.Any) -> None:
    chain = host.check_output("nft -s list chain inet homelab forward")
    router = host.check_output("hostname") == "gw"
    assert ("policy drop" in chain) == router
    assert ("ip saddr @segments ip daddr @segments" in chain) != router
