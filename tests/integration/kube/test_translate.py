# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook that translates Ingress objects, against an API server that has them: it reads, and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml

from tests.integration.kube.conftest import Lab

Json = dict[str, t.Any]
PREFIX = "nginx.ingress.kubernetes.io/"
HASH = "$2y$05$" + "c" * 53
PROVIDERS = ("nginx", "traefik")
# A lab whose plan is asked for: the input, and hosts that are this machine.
INPUT: Json = {
    "homelab_name": "home",
    "homelab_domain": "lab.home.arpa",
    "homelab_node_prefix": "192.168.20.0/24",
    "homelab_nodes": [{"name": "node1", "address": "192.168.20.11", "role": "control_plane"}],
    "homelab_network": {
        "segments": {
            "management": {"vlan": 10, "prefix": "192.168.10.0/24", "purpose": "management"},
            "cluster": {
                "vlan": 20,
                "prefix": "192.168.20.0/24",
                "purpose": "cluster",
                "pool": "192.168.20.200-192.168.20.239",
            },
        },
        "flows": [{"from": "management", "to": ["ssh", "kubernetes_api"]}],
    },
}
KEEP = [
    {"name": "Compile", "atarnet.homelab.lab_plan": {}, "register": "compiled"},
    {
        "name": "Keep",
        "ansible.builtin.copy": {
            "content": "{{ compiled.plan.routes | to_json }}",
            "dest": "{{ keep }}",
            "mode": "0600",
        },
    },
]


class Cluster:
    """Objects of a class of their own on the shared server, and playbooks that read them."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab, self.folder, self.space = lab, folder, lab.namespace
        self.file = folder / "routes.yml"
        (folder / "ansible.cfg").write_text("[defaults]\n", encoding="utf-8")
        self.create("/api/v1/namespaces", lab.namespace_object())

    def create(self, path: str, body: Json) -> None:
        """Make an object."""
        self.lab.server.call("POST", path, body)

    def ingress(self, name: str, host: str, paths: list[Json], tls: str = "", **annotations: str) -> None:
        """Make an Ingress; *annotations* are those of ingress-nginx, with underscores."""
        spec: Json = {"ingressClassName": self.space, "rules": [{"host": host, "http": {"paths": paths}}]}
        if tls:
            spec["tls"] = [{"hosts": [host], "secretName": tls}]
        named = {f"{PREFIX}{key.replace('_', '-')}": value for key, value in annotations.items()}
        body = {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {"name": name, "annotations": named},
            "spec": spec,
        }
        self.create(f"/apis/networking.k8s.io/v1/namespaces/{self.space}/ingresses", body)

    def shop(self) -> None:
        """Make an app as people have them: users, limits, a port by name, headers, and a second object for its API."""
        space = f"/api/v1/namespaces/{self.space}"
        self.create(f"{space}/secrets", {"metadata": {"name": "users"}, "stringData": {"auth": f"anna:{HASH}\n"}})
        self.create(f"{space}/configmaps", {"metadata": {"name": "headers"}, "data": {"X-Frame-Options": "DENY"}})
        port = {"name": "http", "port": 8080}
        self.create(f"{space}/services", {"metadata": {"name": "web"}, "spec": {"ports": [port]}})
        guarded = {
            "auth_type": "basic",
            "auth_secret": "users",
            "whitelist_source_range": "192.168.50.0/24,10.0.0.7",
            "proxy_body_size": "0",
            "proxy_read_timeout": "300",
            "custom_headers": f"{self.space}/headers",
            "ssl_redirect": "true",
            "enable_cors": "false",
        }
        self.ingress("web", "shop.example.org", [path("/", "web", name="http")], "shop-tls", **guarded)
        self.ingress("api", "shop.example.org", [path("/api", "api", number=80)], proxy_buffer_size="16k", **guarded)
        self.ingress("docs", "docs.example.org", [path("/", "docs", number=80)], limit_rps="10")

    def written(self, kind: str, base: str, plural: str) -> Json:
        """Return the objects of a kind as kubectl writes them."""
        found = self.lab.server.call("GET", f"/{base}/namespaces/{self.space}/{plural}")
        items = [{"apiVersion": found["apiVersion"], "kind": kind, **item} for item in found["items"]]
        return {"apiVersion": "v1", "kind": "List", "items": items}

    def translate(self, *options: str, code: int = 0, **variables: t.Any) -> str:
        """Run the playbook of the collection, and return what it printed."""
        told = {"translate_class": self.space, "translate_file": str(self.file), **variables}
        return self._run(["atarnet.homelab.ingress_nginx_translate", *options], told, code)

    def compiled(self, provider: str) -> Json:
        """Return what lab_plan makes of the file of routes."""
        keep, play = self.folder / f"{provider}.json", self.folder / "plan.yml"
        play.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": KEEP}]), encoding="utf-8")
        variables = {"keep": str(keep), "homelab_ingress": {"provider": provider}}
        self._run([str(play), "-e", f"@{self.file}"], variables, 0)
        return dict(json.loads(keep.read_text(encoding="utf-8")))

    def _run(self, arguments: list[str], variables: Json, code: int) -> str:
        host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        given = {**INPUT, "homelab_kubeconfig": str(self.lab.server.kubeconfig), **variables}
        inventory = self.folder / "inventory.json"
        inventory.write_text(json.dumps({"all": {"hosts": {"node1": host}, "vars": given}}), encoding="utf-8")
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": next(p for p in sys.path if (Path(p) / "ansible_collections/atarnet").exists()),
            "ANSIBLE_CONFIG": str(self.folder / "ansible.cfg"),
            "ANSIBLE_LOCAL_TEMP": str(self.folder / "tmp"),
            "ANSIBLE_NOCOLOR": "1",
        }
        command = [sys.executable, "-m", "ansible", "playbook", "-i", str(inventory), *arguments]
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr


def path(where: str, service: str, **port: t.Any) -> Json:
    """Return a path of an Ingress."""
    return {"path": where, "pathType": "Prefix", "backend": {"service": {"name": service, "port": port}}}


@pytest.fixture
def cluster(lab: Lab, tmp_path: Path) -> Cluster:
    """Give a class of Ingress objects of its own."""
    return Cluster(lab, tmp_path)


def requests(lab: Lab, start: int) -> list[str]:
    """Return what the tested client asked for since audit entry *start*."""
    entries = [entry for entry in lab.server.audit()[start:] if entry["userAgent"] == "atarnet-homelab"]
    return [f"{entry['verb']} {entry['requestURI'].partition('?')[0]}" for entry in entries]


def test_objects_become_routes_that_the_plan_takes(cluster: Cluster, lab: Lab) -> None:
    """A check writes nothing, a run writes the routes, a second one changes nothing; all of them only read."""
    cluster.shop()
    start = len(lab.server.audit())
    checked = cluster.translate("--check", "--diff")
    assert not cluster.file.exists()
    first, again = cluster.translate("--diff"), cluster.translate()
    assert [f"changed={number} " in text for number, text in ((1, checked), (1, first), (0, again))] == [True] * 3
    base = f"/api/v1/namespaces/{cluster.space}"
    assert requests(lab, start) == 3 * [
        "list /apis/networking.k8s.io/v1/ingresses",
        f"get {base}/secrets/users",
        f"get {base}/configmaps/headers",
        f"get {base}/services/web",
    ]
    for text in (checked, first):
        assert "anna: (hidden)" in text
        assert HASH[:8] not in text
        assert f'{PREFIX}proxy-buffer-size = \\"16k\\": buffers are those of the controller' in text
        assert f'{PREFIX}enable-cors = \\"false\\": it is the default' in text
    routes = yaml.safe_load(cluster.file.read_text(encoding="utf-8"))["homelab_routes"]
    common = {"service": "web", "port": 8080, "websockets": True}
    assert routes["shop-example-org"] == {
        "host": "shop.example.org",
        "namespace": cluster.space,
        "paths": [{"path": "/", **common}, {"path": "/api", **common, "service": "api", "port": 80}],
        "tls": {"secret": "shop-tls", "redirect": True},
        "max_body": "0",
        "sources": ["192.168.50.0/24", "10.0.0.7/32"],
        "headers": {"response": {"X-Frame-Options": "DENY"}},
        "auth": {"basic": {"users": {"anna": HASH}}},
        "timeouts": {"read": 300},
    }
    for provider in PROVIDERS:
        plan = cluster.compiled(provider)
        assert plan["hosts"] == {
            "shop.example.org": {"route": "shop-example-org", "public": False, "tls": True, "issuer": None},
            "docs.example.org": {"route": "docs-example-org", "public": False, "tls": False, "issuer": None},
        }
        secret = next(item for item in plan["objects"] if item["kind"] == "Secret")
        assert f"anna:{HASH}\n" in secret["stringData"].values()


LOST = {
    "modsecurity": {"enable_modsecurity": "true"},
    "certificates of clients": {"auth_tls_secret": "shop/ca", "auth_tls_verify_client": "on"},
    "who may not": {"denylist_source_range": "203.0.113.0/24"},
    "connections": {"limit_connections": "5"},
    "either check": {"satisfy": "any"},
    "a misspelt name": {"whitelist_source_ranges": "192.168.50.0/24"},
}


def test_a_protection_without_equivalent_fails_with_its_name(cluster: Cluster, lab: Lab) -> None:
    """All of them are told at once; what was written before stays, and the cluster is only read."""
    cluster.translate()
    before = cluster.file.read_bytes()
    cluster.shop()
    for number, lost in enumerate(LOST.values()):
        cluster.ingress(f"lost-{number}", f"lost-{number}.example.org", [path("/", "web", number=80)], **lost)
    start = len(lab.server.audit())
    text = cluster.translate(code=2)
    for number, lost in enumerate(LOST.values()):
        for name, value in lost.items():
            told = f'Ingress {cluster.space}/lost-{number} {PREFIX}{name.replace("_", "-")} = "{value}": '
            assert told in text.replace('\\"', '"')
    assert f"{sum(map(len, LOST.values()))} problems, nothing was written." in text
    assert cluster.file.read_bytes() == before
    assert {line.split()[0] for line in requests(lab, start)} == {"list", "get"}


def test_the_controller_of_the_plan_decides_what_is_refused(cluster: Cluster) -> None:
    """By default both are asked, and what only one refuses is a note."""
    cluster.ingress("app", "app.example.org", [path("/", "app", number=80)], proxy_send_timeout="60")
    assert "traefik would refuse homelab_routes.app-example-org.timeouts.send" in cluster.translate()
    assert "would refuse" not in cluster.translate(homelab_ingress={"provider": "nginx"})
    text = cluster.translate(code=2, homelab_ingress={"provider": "traefik"})
    assert f"Ingress {cluster.space}/app homelab_routes.app-example-org.timeouts.send = 60: Traefik has no such" in text


def test_objects_that_kubectl_wrote_are_translated_without_the_cluster(cluster: Cluster, lab: Lab) -> None:
    """People change a copy, and what is served stays as it is."""
    cluster.shop()
    cluster.ingress("app", "app.example.org", [path("/", "app", number=80)], satisfy="any", proxy_body_size="8m")
    kept = [cluster.written("Ingress", "apis/networking.k8s.io/v1", "ingresses")]
    kept += [cluster.written(kind, "api/v1", f"{kind.lower()}s") for kind in ("Secret", "ConfigMap", "Service")]
    app = next(item for item in kept[0]["items"] if item["metadata"]["name"] == "app")
    del app["metadata"]["annotations"][f"{PREFIX}satisfy"]
    objects, start = cluster.folder / "objects.yml", len(lab.server.audit())
    objects.write_text(yaml.safe_dump_all(kept), encoding="utf-8")
    cluster.translate(translate_objects=str(objects))
    assert requests(lab, start) == []
    assert sorted(cluster.compiled("nginx")["hosts"]) == ["app.example.org", "docs.example.org", "shop.example.org"]


def test_who_may_not_read_is_told_so(cluster: Cluster, lab: Lab) -> None:
    guest = lab.server.write_kubeconfig(cluster.folder / "guest.conf", token=lab.server.guest)
    text = cluster.translate(code=2, translate_kubeconfig=str(guest))
    assert "ingresses" in text and "guest" in text
    assert not cluster.file.exists()
