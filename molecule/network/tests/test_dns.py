# SPDX-License-Identifier: GPL-3.0-or-later
"""Who serves names after the network layer, and how, by testinfra."""

from __future__ import annotations

import typing as t

SERVERS = ("w1", "w2")


def test_servers_serve_and_others_do_not(host: t.Any) -> None:
    serves = host.check_output("hostname") in SERVERS
    assert host.package("unbound").is_installed == serves
    if serves:
        service = host.service("unbound")
        assert service.is_running and service.is_enabled
        host.check_output("unbound-checkconf")


def test_nobody_listens_anywhere_but_at_the_plans_address(host: t.Any) -> None:
    sockets = host.check_output("ss -Hlnut sport = :53").split()
    listening = {word.rpartition(":")[0] for word in sockets if word.endswith(":53")}
    own = host.check_output("hostname -I").split()
    assert listening <= set(own) and bool(listening) == (host.check_output("hostname") in SERVERS)


def test_who_the_host_itself_asks_is_not_the_packages_business(host: t.Any) -> None:
    assert "unbound" not in host.file("/etc/resolv.conf").content_string
