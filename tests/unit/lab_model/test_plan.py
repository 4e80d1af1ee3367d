# SPDX-License-Identifier: GPL-3.0-or-later
"""The compiler: what follows from the input and the lock."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.atarnet.homelab.plugins.module_utils._lab import lock, model, specs
from ansible_collections.atarnet.homelab.plugins.module_utils._lab.plan import compile_plan, mirrored

CHECKOUT = Path(__file__).resolve().parents[3]
INPUT = {
    "homelab_name": "home",
    "homelab_domain": "lab.home.arpa",
    "homelab_node_prefix": "192.168.20.0/24",
    "homelab_nodes": [
        {"name": "b", "address": "192.168.20.12", "role": "worker"},
        {"name": "a", "address": "192.168.20.11", "role": "control_plane"},
    ],
}
RUNC = "https://github.com/opencontainers/runc/releases/download/v1.4.3/runc.amd64"


def compiled(**values: t.Any) -> dict[str, t.Any]:
    """Return the plan of INPUT with some keys (without their prefix) replaced."""
    the_lock = lock.parse(yaml.safe_load((CHECKOUT / "meta" / "artifacts.yml").read_text(encoding="utf-8")))
    path = CHECKOUT / "roles" / "validate" / "meta" / "argument_specs.yml"
    options = specs.parse_options(yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"])
    given = {**INPUT, **{f"homelab_{name}": value for name, value in values.items()}}
    return compile_plan(model.parse(given, options, model.Surroundings(lock=the_lock)), the_lock)


def test_the_whole_plan() -> None:
    plan = compiled()
    artifacts, images, charts, manifests = (plan.pop(kind) for kind in ("artifacts", "images", "charts", "manifests"))
    # Its rules have tests of their own.
    assert [group["name"] for group in plan.pop("alerts")["groups"]] == ["homelab-nodes"]
    assert plan == {
        "name": "home",
        "domain": "lab.home.arpa",
        "endpoint": {"host": "api.lab.home.arpa", "port": 6443},
        "prefixes": {"node": "192.168.20.0/24", "pod": "10.244.0.0/16", "service": "10.96.0.0/16"},
        "cluster_domain": "cluster.local",
        "dns_address": "10.96.0.10",
        "cluster_dns": {"zones": []},
        "kubernetes": {
            "version": "1.36.4",
            "kubelet_config": {},
            "kube_proxy_config": {},
            "preflight_ignore": [],
            "cgroup_driver": "systemd",
        },
        "cni": {"engine": "flannel", "backend": "vxlan"},
        "timezone": "UTC",
        "time_sync": True,
        "time_servers": [],
        "kernel_modules": ["overlay", "br_netfilter", "nft_queue"],
        "containerd_runtime_config": {},
        "hardware": {},
        "kubeconfig": "~/.kube/{{ homelab_name }}.conf",
        "nodes": {
            "b": {
                "name": "b",
                "fqdn": "b.lab.home.arpa",
                "address": "192.168.20.12",
                "role": "worker",
                "minimum_memory": 700,
            },
            "a": {
                "name": "a",
                "fqdn": "a.lab.home.arpa",
                "address": "192.168.20.11",
                "role": "control_plane",
                "minimum_memory": 1700,
            },
        },
        "control_planes": ["a"],
        "workers": ["b"],
        "pod_nodes": ["b"],
        "hosts_entries": [
            {"address": "192.168.20.12", "names": ["b.lab.home.arpa", "b"]},
            {"address": "192.168.20.11", "names": ["a.lab.home.arpa", "a", "api.lab.home.arpa"]},
        ],
        "registry_mirrors": {},
        "network": None,
        "ingress": None,
        "routes": None,
        "policies": {"namespaces": [], "objects": []},
        "certificates": None,
        "storage": None,
        "backup": None,
    }
    programs = {
        "kubeadm",
        "kubelet",
        "kubectl",
        "crictl",
        "helm",
        "restic",
        "etcd",
        "containerd",
        "runc",
        "cni_plugins",
    }
    assert set(artifacts) == programs
    assert set(charts) == {"metallb", "metrics-server", "cert-manager", "topolvm"}
    snapshots = {f"{name}_crd" for name in ("volumesnapshotclasses", "volumesnapshotcontents", "volumesnapshots")}
    assert set(manifests) == {"nginx_crds", "traefik_crds", *snapshots}
    assert images["etcd"] == "registry.k8s.io/etcd:3.6.14-0"


def test_the_plan_is_plain_and_repeatable() -> None:
    assert json.loads(json.dumps(compiled())) == compiled()


@pytest.mark.parametrize(
    ("name", "version", "url"),
    [
        ("kubeadm", "1.36.2", "https://dl.k8s.io/release/v1.36.2/bin/linux/arm64/kubeadm"),
        ("runc", "1.4.3", "https://github.com/opencontainers/runc/releases/download/v1.4.3/runc.arm64"),
    ],
    ids=["follows", "does not follow"],
)
def test_kubernetes_version(name: str, version: str, url: str) -> None:
    """Only Kubernetes' own programs and images follow the version asked for."""
    plan = compiled(kubernetes_version="1.36.2")
    assert plan["artifacts"][name]["version"] == version
    assert plan["artifacts"][name]["sources"]["arm64"]["urls"] == [url]
    assert plan["images"]["kube_apiserver"] == "registry.k8s.io/kube-apiserver:v1.36.2"
    assert plan["images"]["coredns"] == "registry.k8s.io/coredns/coredns:v1.14.2"


@pytest.mark.parametrize(
    ("mirrors", "urls"),
    [
        ([], ["https://host/a/b"]),
        (["http://m"], ["http://m/host/a/b", "https://host/a/b"]),
        (["http://m/x/", "https://n:8443"], ["http://m/x/host/a/b", "https://n:8443/host/a/b", "https://host/a/b"]),
    ],
    ids=["none", "one", "two, one with a slash"],
)
def test_mirrored(mirrors: list[str], urls: list[str]) -> None:
    """Mirrors are asked in their order, upstream last."""
    assert mirrored("https://host/a/b", mirrors) == urls


def test_own_checksum_replaces_only_its_architecture() -> None:
    before, after = compiled(), compiled(artifact_checksums={"runc": {"amd64": "0" * 64}})
    assert after["artifacts"]["runc"]["sources"]["amd64"] == {"urls": [RUNC], "sha256": "0" * 64}
    assert after["artifacts"]["runc"]["sources"]["arm64"] == before["artifacts"]["runc"]["sources"]["arm64"]
    assert after["artifacts"]["kubeadm"] == before["artifacts"]["kubeadm"]


def test_dns_is_the_tenth_address_of_the_services() -> None:
    assert compiled(service_prefix="10.43.5.0/24")["dns_address"] == "10.43.5.10"


POOL = {
    "segments": {
        "management": {"vlan": 10, "prefix": "192.168.10.0/24", "purpose": "management"},
        "cluster": {
            "vlan": 20,
            "prefix": "192.168.20.0/24",
            "purpose": "cluster",
            "pool": "192.168.20.200-192.168.20.209",
        },
    }
}
ROUTE = {"host": "shop.example.org", "namespace": "shop", "paths": [{"path": "/", "service": "web", "port": 80}]}


@pytest.mark.parametrize(
    ("asked", "address"), [({}, "192.168.20.200"), ({"address": "192.168.20.205"}, "192.168.20.205")]
)
def test_routes_are_compiled_for_the_controller_that_serves_them(asked: dict[str, str], address: str) -> None:
    for provider, kind in (("nginx", "VirtualServer"), ("traefik", "IngressRoute")):
        plan = compiled(network=POOL, ingress={"provider": provider, **asked}, routes={"shop": ROUTE})
        assert plan["ingress"] == {"provider": provider, "address": address, "nginx_config": {}}
        assert [item["kind"] for item in plan["routes"]["objects"]] == [kind]
        assert list(plan["routes"]["hosts"]) == ["shop.example.org"]


def test_mirrors_and_own_checksums_are_of_charts_and_manifests_too() -> None:
    own = {"metallb": {"any": "a" * 64}, "traefik_crds": {"any": "b" * 64}}
    plan = compiled(artifact_mirrors=["http://mirror.lan/"], artifact_checksums=own)
    chart, manifest = plan["charts"]["metallb"], plan["manifests"]["traefik_crds"]
    assert chart["repositories"] == ["http://mirror.lan/metallb.github.io/metallb", "https://metallb.github.io/metallb"]
    assert manifest["urls"][0].startswith("http://mirror.lan/raw.githubusercontent.com/traefik/")
    assert (chart["digest"], manifest["sha256"]) == ("a" * 64, "b" * 64)
