# SPDX-License-Identifier: GPL-3.0-or-later
"""What the cluster layer left on each node, by testinfra."""

from __future__ import annotations

import os
import typing as t

import pytest

CONTROL_PLANE = "cp1"


@pytest.mark.parametrize("name", ["containerd", "kubelet"])
def test_service_runs_and_starts_at_boot(host: t.Any, name: str) -> None:
    service = host.service(name)
    assert service.is_running, host.run(f"journalctl -u {name} -n 20 --no-pager").stdout
    assert service.is_enabled


@pytest.mark.parametrize("name", ["kubeadm", "kubelet", "kubectl", "crictl", "containerd", "runc"])
def test_program_is_roots_and_executable(host: t.Any, name: str) -> None:
    program = host.file(f"/usr/local/bin/{name}")
    assert (program.user, program.group, oct(program.mode)) == ("root", "root", "0o755")


def test_versions(host: t.Any) -> None:
    assert host.check_output("kubelet --version") == "Kubernetes v1.36.4"
    assert "v2.3.4" in host.check_output("containerd --version")
    assert "1.4.3" in host.check_output("runc --version")


def test_kubelet_listens_and_its_read_only_port_is_closed(host: t.Any) -> None:
    assert host.socket("tcp://:::10250").is_listening
    assert not host.socket("tcp://0.0.0.0:10255").is_listening


def test_forwarding_is_on(host: t.Any) -> None:
    assert host.sysctl("net.ipv4.ip_forward") == 1


def test_every_name_of_the_lab_resolves_without_dns(host: t.Any) -> None:
    for name in ("cp1", "w1", "w2", f"api.{os.environ.get('LAB', 'lab')}.home.arpa"):
        assert host.run(f"getent ahostsv4 {name}").rc == 0


def test_secrets_are_roots_alone(host: t.Any) -> None:
    secrets = ["/var/lib/atarnet-homelab/ledger.json", "/etc/kubernetes/kubelet.conf"]
    if host.backend.get_hostname() == CONTROL_PLANE:
        secrets += ["/etc/kubernetes/encryption.yaml", "/etc/kubernetes/admin.conf", "/etc/kubernetes/pki/ca.key"]
    for path in secrets:
        assert oct(host.file(path).mode) == "0o600", path


def test_no_token_is_left_behind(host: t.Any) -> None:
    assert host.run("ls /var/lib/atarnet-homelab/*.join").rc != 0
    assert host.run("ls /etc/kubernetes/bootstrap-kubelet.conf").rc != 0


def test_system_folders_kept_their_mode(host: t.Any) -> None:
    for path in ("/etc", "/usr/local/bin", "/var/lib"):
        assert oct(host.file(path).mode) == "0o755", path
