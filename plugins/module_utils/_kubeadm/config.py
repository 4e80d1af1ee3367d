# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kubeadm documents (kubeadm.k8s.io/v1beta4) that a cluster is made from."""

from __future__ import annotations

import hashlib
import json
import typing as t

from .model import CONTROL_PLANE, Cluster, Node

CRI_SOCKET = "unix:///run/containerd/containerd.sock"
AUDIT_POLICY = "/etc/kubernetes/audit-policy.yaml"
AUDIT_LOG_FOLDER = "/var/log/kubernetes"
ENCRYPTION_CONFIG = "/etc/kubernetes/encryption.yaml"
KUBEADM_API = "kubeadm.k8s.io/v1beta4"

# CIS 1.12 §1.3/§1.4 and the defaults a small lab outgrows first: pods' garbage, unauthenticated profiling.
_API_SERVER_ARGS = {
    "audit-log-maxage": "30",
    "audit-log-maxbackup": "10",
    "audit-log-maxsize": "100",
    "audit-log-path": f"{AUDIT_LOG_FOLDER}/audit.log",
    "audit-policy-file": AUDIT_POLICY,
    "encryption-provider-config": ENCRYPTION_CONFIG,
    "enable-admission-plugins": "NodeRestriction",
    "profiling": "false",
    "request-timeout": "60s",
    "tls-min-version": "VersionTLS12",
}
_CONTROLLER_MANAGER_ARGS = {"profiling": "false", "terminated-pod-gc-threshold": "200"}
_SCHEDULER_ARGS = {"profiling": "false"}
# Twice, and four times, what kubeadm would give a slow machine: an API server that is killed because it starts slowly
# begins anew, and one that has started may not answer for a minute.
_TIMEOUTS = {"controlPlaneComponentHealthCheck": "8m0s", "kubernetesAPICall": "4m0s"}


# A control plane that is alone has nobody to elect: its controllers act at once after a restart, and do not end because
# the API server was slow for ten seconds.
_ALONE = {"leader-elect": "false"}


def _args(values: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in sorted(values.items())]


def _volume(name: str, path: str, kind: str, read_only: bool) -> dict[str, t.Any]:
    return {"name": name, "hostPath": path, "mountPath": path, "pathType": kind, "readOnly": read_only}


def cluster_configuration(cluster: Cluster) -> dict[str, t.Any]:
    """Return the ClusterConfiguration: what all control planes share."""
    names = [cluster.endpoint_host]
    for node in cluster.control_planes:
        names += [node.name, node.address]
    alone = _ALONE if len(cluster.control_planes) == 1 else {}
    return {
        "apiVersion": KUBEADM_API,
        "kind": "ClusterConfiguration",
        "clusterName": cluster.name,
        "kubernetesVersion": f"v{cluster.version}",
        "controlPlaneEndpoint": cluster.endpoint,
        "networking": {
            "podSubnet": cluster.pod_prefix,
            "serviceSubnet": cluster.service_prefix,
            "dnsDomain": cluster.cluster_domain,
        },
        # CoreDNS is the role coredns': kubeadm would take its settings back with each upgrade.
        "dns": {"disabled": True},
        "etcd": {"local": {"dataDir": "/var/lib/etcd", "imageTag": cluster.etcd_tag}},
        "apiServer": {
            "certSANs": names,
            "extraArgs": _args(_API_SERVER_ARGS),
            "extraVolumes": [
                _volume("audit-policy", AUDIT_POLICY, "File", True),
                _volume("audit-log", AUDIT_LOG_FOLDER, "DirectoryOrCreate", False),
                _volume("encryption", ENCRYPTION_CONFIG, "File", True),
            ],
        },
        "controllerManager": {"extraArgs": _args({**_CONTROLLER_MANAGER_ARGS, **alone})},
        "scheduler": {"extraArgs": _args({**_SCHEDULER_ARGS, **alone})},
    }


def kubelet_configuration(cluster: Cluster) -> dict[str, t.Any]:
    """Return the KubeletConfiguration every node shares; the user's keys win over ours."""
    ours: dict[str, t.Any] = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "cgroupDriver": cluster.cgroup_driver,
        "clusterDNS": [cluster.dns_address],
        "clusterDomain": cluster.cluster_domain,
        "serverTLSBootstrap": True,
        "rotateCertificates": True,
        "containerLogMaxSize": "20Mi",
        "containerLogMaxFiles": 4,
        "imageGCHighThresholdPercent": 80,
        "imageGCLowThresholdPercent": 70,
        "shutdownGracePeriod": "60s",
        "shutdownGracePeriodCriticalPods": "20s",
        "systemReserved": {"cpu": "100m", "memory": "256Mi"},
        "kubeReserved": {"cpu": "100m", "memory": "256Mi"},
        "evictionHard": {
            "memory.available": "200Mi",
            "nodefs.available": "10%",
            "nodefs.inodesFree": "5%",
            "imagefs.available": "10%",
        },
    }
    return {**ours, **cluster.kubelet_config}


def kube_proxy_configuration(cluster: Cluster) -> dict[str, t.Any]:
    """Return the KubeProxyConfiguration; nftables because ipvs is deprecated and iptables scales worst."""
    ours: dict[str, t.Any] = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clusterCIDR": cluster.pod_prefix,
        "metricsBindAddress": "0.0.0.0:10249",
    }
    return {**ours, **cluster.kube_proxy_config}


def _registration(cluster: Cluster, node: Node, resume: tuple[str, ...]) -> dict[str, t.Any]:
    # kubeadm keeps pods off control planes, also where there is no other place for them.
    carries_pods = node.role == CONTROL_PLANE and node.name in cluster.pod_nodes
    return {
        "name": node.name,
        **({"taints": []} if carries_pods else {}),
        "criSocket": CRI_SOCKET,
        "imagePullSerial": False,
        "kubeletExtraArgs": [{"name": "node-ip", "value": node.address}],
        "ignorePreflightErrors": sorted({*cluster.preflight_ignore, *resume}),
    }


def init_documents(cluster: Cluster, node: Node, resume: tuple[str, ...] = ()) -> list[dict[str, t.Any]]:
    """Return the documents of `kubeadm init` on *node*; *resume* names checks that an interrupted run trips."""
    init = {
        "apiVersion": KUBEADM_API,
        "kind": "InitConfiguration",
        "localAPIEndpoint": {"advertiseAddress": node.address, "bindPort": cluster.endpoint_port},
        "nodeRegistration": _registration(cluster, node, resume),
        "timeouts": dict(_TIMEOUTS),
    }
    return [
        init,
        cluster_configuration(cluster),
        kubelet_configuration(cluster),
        kube_proxy_configuration(cluster),
    ]


def join_document(cluster: Cluster, node: Node, resume: tuple[str, ...] = ()) -> dict[str, t.Any]:
    """Return the JoinConfiguration of *node* without its secrets, which the node adds from the join material."""
    document: dict[str, t.Any] = {
        "apiVersion": KUBEADM_API,
        "kind": "JoinConfiguration",
        "nodeRegistration": _registration(cluster, node, resume),
        "timeouts": dict(_TIMEOUTS),
        "discovery": {"bootstrapToken": {"apiServerEndpoint": cluster.endpoint}},
    }
    if node.role == CONTROL_PLANE:
        document["controlPlane"] = {
            "localAPIEndpoint": {"advertiseAddress": node.address, "bindPort": cluster.endpoint_port}
        }
    return document


def digest(document: t.Any) -> str:
    """Return the sha256 of a document, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def desired_hashes(cluster: Cluster) -> dict[str, str]:
    """Return the sha256 of each shared document: "cluster", "kubelet" and "kube_proxy"."""
    return {
        "cluster": digest(cluster_configuration(cluster)),
        "kubelet": digest(kubelet_configuration(cluster)),
        "kube_proxy": digest(kube_proxy_configuration(cluster)),
    }
