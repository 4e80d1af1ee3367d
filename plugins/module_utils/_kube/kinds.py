# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every API server knows by itself: resource names, scopes and the order in which kinds are applied.

Knowing the built-in kinds saves the discovery requests, and lets a blank lab be planned without a server.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Resource:
    """Where a kind lives on the server: its plural name and whether its objects belong to a namespace."""

    plural: str
    namespaced: bool


# apiVersion: namespaced kinds | cluster-wide kinds
_BUILT_IN = """
v1: ConfigMap Endpoints Event LimitRange PersistentVolumeClaim Pod PodTemplate ReplicationController ResourceQuota Secret Service ServiceAccount | Namespace Node PersistentVolume
apps/v1: ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet |
autoscaling/v1: HorizontalPodAutoscaler |
autoscaling/v2: HorizontalPodAutoscaler |
batch/v1: CronJob Job |
policy/v1: PodDisruptionBudget |
discovery.k8s.io/v1: EndpointSlice |
networking.k8s.io/v1: Ingress NetworkPolicy | IngressClass
rbac.authorization.k8s.io/v1: Role RoleBinding | ClusterRole ClusterRoleBinding
coordination.k8s.io/v1: Lease |
storage.k8s.io/v1: CSIStorageCapacity | CSIDriver CSINode StorageClass VolumeAttachment
scheduling.k8s.io/v1: | PriorityClass
node.k8s.io/v1: | RuntimeClass
apiextensions.k8s.io/v1: | CustomResourceDefinition
apiregistration.k8s.io/v1: | APIService
admissionregistration.k8s.io/v1: | MutatingAdmissionPolicy MutatingAdmissionPolicyBinding MutatingWebhookConfiguration ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding ValidatingWebhookConfiguration
flowcontrol.apiserver.k8s.io/v1: | FlowSchema PriorityLevelConfiguration
certificates.k8s.io/v1: | CertificateSigningRequest
"""  # noqa: E501


def _plural(kind: str) -> str:
    name = kind.lower()
    if name == "endpoints":
        return name
    if name.endswith("y"):
        return f"{name[:-1]}ies"
    return f"{name}es" if name.endswith("s") else f"{name}s"


def _built_in() -> dict[tuple[str, str], Resource]:
    known = {}
    for line in _BUILT_IN.strip().splitlines():
        api_version, _colon, kinds = line.partition(": ")
        namespaced, _bar, cluster_wide = kinds.partition("|")
        for kind in namespaced.split():
            known[api_version, kind] = Resource(_plural(kind), True)
        for kind in cluster_wide.split():
            known[api_version, kind] = Resource(_plural(kind), False)
    return known


BUILT_IN = _built_in()
BUILT_IN_KINDS = frozenset(kind for _version, kind in BUILT_IN)

# Never pruned: with them goes data or everybody else's objects.
PROTECTED = frozenset({"Namespace", "PersistentVolume", "PersistentVolumeClaim", "CustomResourceDefinition"})

NAMESPACES, DEFINITIONS, ACCESS, CONFIG, SERVICES, WORKLOADS, CUSTOM, WEBHOOKS = range(8)

# Policies that change objects come before what makes such objects, and go after it: nobody has to answer for them.
_STAGES = {
    NAMESPACES: "Namespace",
    DEFINITIONS: "CustomResourceDefinition",
    ACCESS: "ServiceAccount Role RoleBinding ClusterRole ClusterRoleBinding",
    CONFIG: (
        "ConfigMap Secret LimitRange ResourceQuota PriorityClass RuntimeClass StorageClass CSIDriver IngressClass"
        " PersistentVolume PersistentVolumeClaim NetworkPolicy MutatingAdmissionPolicy MutatingAdmissionPolicyBinding"
    ),
    SERVICES: "Service Endpoints EndpointSlice Ingress",
    WEBHOOKS: (
        "APIService MutatingWebhookConfiguration ValidatingWebhookConfiguration"
        " ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding"
    ),
}
_STAGE_OF = {kind: stage for stage, kinds in _STAGES.items() for kind in kinds.split()}


def stage(api_version: str, kind: str) -> int:
    """Return the place of a kind in the order of application; smaller comes first, deletion goes backwards."""
    if (api_version, kind) not in BUILT_IN:
        return CUSTOM
    return _STAGE_OF.get(kind, WORKLOADS)
