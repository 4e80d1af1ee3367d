# SPDX-License-Identifier: GPL-3.0-or-later
"""What the network layer left on the hosts that serve names, by testinfra."""

from __future__ import annotations

import typing as t

import pytest

SERVERS = ("w1", "w2")


def test_servers_serve_and_others_do_not(host: t.Any) -> None:
    serves = host.check_output("hostname") in SERVERS
    assert host.package("unbound").is_installed == serves
    assert host.service("unbound").is_running == host.service("unbound").is_enabled == serves


def test_the_configuration_is_sound_and_its_own(host: t.Any) -> None:
    if host.check_output("hostname") not in SERVERS:
        pytest.skip("serves no names")
    host.check_output("unbound-checkconf")
    sockets = host.check_output("ss -Hlnu sport = :53")
    assert "0.0.0.0:53" not in sockets and "127.0.0.1:53" not in sockets
    assert "unbound" not in host.file("/etc/resolv.conf").content_string
