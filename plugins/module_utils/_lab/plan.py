# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The compiler: from the checked input and the lock to the lab plan that every role reads.

Nothing else in the collection computes an address, a name or a URL.
"""

from __future__ import annotations

import typing as t

from .._alerts.plan import compile_alerts
from .._backup_plan.plan import compile_backup
from .._certificates.plan import compile_certificates
from .._network.model import CLUSTER_DNS
from .._network.plan import compile_network
from .._routes.ingress import compile_ingress
from .._routes.plan import compile_routes
from .._storage.model import Storage
from .._storage.plan import compile_storage
from .cluster_dns import compile_cluster_dns
from .hardware import compile_hardware
from .lock import ANY, KUBERNETES_ARTIFACTS, Artifact, Chart, Lock, Manifest
from .model import API_PORT, CONTROL_PLANE, WORKER, Lab, Node
from .namespaces import compile_policies
from .rules_names import ENDPOINT
from .rules_nodes import pod_nodes

Plan = dict[str, t.Any]


def compile_plan(lab: Lab, lock: Lock) -> Plan:
    """Return the lab plan: JSON-able, the same for the same input, sorted as the input is."""
    network = compile_network(lab.network) if lab.network else None
    storage = compile_storage(lab.storage) if lab.storage else None
    pools = ((storage or {}).get("topolvm") or {}).get("pools", {})
    backup = _backup(lab)
    return {
        "name": lab.name,
        "domain": lab.domain,
        "endpoint": {"host": endpoint_host(lab), "port": API_PORT},
        "prefixes": {
            "node": str(lab.node_prefix),
            "pod": str(lab.pod_prefix),
            "service": str(lab.service_prefix),
        },
        "cluster_domain": lab.cluster_domain,
        "dns_address": str(lab.service_prefix[CLUSTER_DNS]),
        "cluster_dns": compile_cluster_dns(lab.network, lab.stub_zones),
        "kubernetes": {
            "version": lab.kubernetes_version,
            "kubelet_config": dict(lab.kubelet_config),
            "kube_proxy_config": dict(lab.kube_proxy_config),
            "preflight_ignore": list(lab.preflight_ignore),
            "cgroup_driver": lab.cgroup_driver,
        },
        "cni": {"engine": lab.cni, "backend": lab.cni_backend},
        "timezone": lab.timezone,
        "time_sync": lab.time_sync,
        "time_servers": list(lab.time_servers),
        "kernel_modules": list(lab.kernel_modules),
        "containerd_runtime_config": dict(lab.containerd_runtime_config),
        "kubeconfig": lab.kubeconfig,
        "nodes": {node.name: _node(lab, node) for node in lab.nodes},
        "control_planes": [node.name for node in lab.nodes if node.role == CONTROL_PLANE],
        "workers": [node.name for node in lab.nodes if node.role == WORKER],
        "pod_nodes": pod_nodes({node.name: node.role for node in lab.nodes}),
        "hosts_entries": [_hosts_entry(lab, node) for node in lab.nodes],
        "artifacts": {name: _artifact(lab, artifact) for name, artifact in lock.artifacts.items()},
        "charts": {name: _chart(lab, chart) for name, chart in lock.charts.items()},
        "manifests": {name: _manifest(lab, manifest) for name, manifest in lock.manifests.items()},
        "images": {name: image.reference(lab.kubernetes_version) for name, image in lock.images.items()},
        "registry_mirrors": {host: list(urls) for host, urls in lab.registry_mirrors.items()},
        "network": network,
        "ingress": compile_ingress(lab.ingress) if lab.ingress else None,
        "routes": compile_routes(lab.routes, lab.ingress.provider) if lab.ingress else None,
        "policies": compile_policies(lab.namespaces, network, lab.ingress),
        "certificates": _certificates(lab),
        "storage": storage,
        "backup": backup,
        "alerts": compile_alerts([node.name for node in lab.nodes], lab.storage or Storage(), backup),
        "hardware": compile_hardware(lab.hardware, pools, [node.name for node in lab.nodes]),
    }


def _certificates(lab: Lab) -> Plan | None:
    if lab.certificates is None:
        return None
    provider = lab.ingress.provider if lab.ingress else None
    return compile_certificates(lab.certificates, lab.routes, provider, lab.name)


def _backup(lab: Lab) -> Plan | None:
    if lab.backup is None:
        return None
    control_planes = [node.name for node in lab.nodes if node.role == CONTROL_PLANE]
    return compile_backup(lab.backup, lab.storage or Storage(), control_planes)


def endpoint_host(lab: Lab) -> str:
    """Return the name the API is reached by, always a name so that control planes can be added later."""
    return f"{ENDPOINT}.{lab.domain}"


def mirrored(url: str, mirrors: t.Sequence[str]) -> list[str]:
    """Return where to fetch an upstream *url* from: each mirror's copy in order, upstream last."""
    path = url.partition("://")[2]
    return [f"{mirror.rstrip('/')}/{path}" for mirror in mirrors] + [url]


def _node(lab: Lab, node: Node) -> Plan:
    return {
        "name": node.name,
        "fqdn": f"{node.name}.{lab.domain}",
        "address": str(node.address),
        "role": node.role,
        "minimum_memory": lab.minimum_memory[node.role],
    }


def _hosts_entry(lab: Lab, node: Node) -> Plan:
    names = [f"{node.name}.{lab.domain}", node.name]
    if node.role == CONTROL_PLANE:
        names.append(endpoint_host(lab))
    return {"address": str(node.address), "names": names}


def _artifact(lab: Lab, artifact: Artifact) -> Plan:
    version = lab.kubernetes_version if artifact.name in KUBERNETES_ARTIFACTS else artifact.version
    overrides = lab.artifact_checksums.get(artifact.name, {})
    return {
        "version": version,
        "sources": {
            arch: {"urls": mirrored(source.url, lab.artifact_mirrors), "sha256": overrides.get(arch, source.sha256)}
            for arch, source in artifact.versions[version].items()
        },
    }


def _chart(lab: Lab, chart: Chart) -> Plan:
    return {
        "name": chart.name,
        "repositories": mirrored(chart.repository, lab.artifact_mirrors),
        "version": chart.version,
        "digest": lab.artifact_checksums.get(chart.name, {}).get(ANY, chart.sha256),
    }


def _manifest(lab: Lab, manifest: Manifest) -> Plan:
    override = lab.artifact_checksums.get(manifest.name, {}).get(ANY, manifest.source.sha256)
    return {
        "name": manifest.name,
        "urls": mirrored(manifest.source.url, lab.artifact_mirrors),
        "sha256": override,
    }
