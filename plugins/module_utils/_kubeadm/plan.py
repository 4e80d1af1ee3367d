# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decide, from what was seen on all hosts, what each of them has to do: pure, no side effects."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .config import desired_hashes
from .model import CONTROL_PLANE, Cluster, KubeadmError, Node, Observation

INIT, RECOVER, INVITE, JOIN, START, RECONFIGURE = "init", "recover", "invite", "join", "start", "reconfigure"

# Checks of kubeadm that the leftovers of its own interrupted run fail.
_RESUME_JOIN = (
    "DirAvailable--etc-kubernetes-manifests",
    "FileAvailable--etc-kubernetes-bootstrap-kubelet.conf",
    "FileAvailable--etc-kubernetes-kubelet.conf",
    "FileAvailable--etc-kubernetes-pki-ca.crt",
    "Port-10250",
)
_RESUME_INIT = (
    *_RESUME_JOIN,
    "DirAvailable--var-lib-etcd",
    "FileAvailable--etc-kubernetes-manifests-etcd.yaml",
    "FileAvailable--etc-kubernetes-manifests-kube-apiserver.yaml",
    "FileAvailable--etc-kubernetes-manifests-kube-controller-manager.yaml",
    "FileAvailable--etc-kubernetes-manifests-kube-scheduler.yaml",
    "Port-10257",
    "Port-10259",
    "Port-2379",
    "Port-2380",
    "Port-2381",
    "Port-6443",
)

# Which document the files that were left on a host come from.
_WRITES = {"manifests": "cluster", "kubelet_file": "kubelet"}


@dataclass(frozen=True)
class Step:
    """One thing to do on one host.

    kind is init, recover, invite, join, start (of the kubelet) or reconfigure; parts names the documents a
    reconfigure is about; resume names the kubeadm checks to pass over because an earlier run was interrupted.
    """

    kind: str
    before: str
    after: str
    parts: tuple[str, ...] = ()
    resume: tuple[str, ...] = ()
    guests: tuple[str, ...] = ()

    @property
    def is_change(self) -> bool:
        """Return whether a person would call this a change of the host (an invitation only mints a token)."""
        return self.kind != INVITE


@dataclass(frozen=True)
class ClusterPlan:
    """The steps of every host, by name, and the control plane that acts for the cluster."""

    acting: str
    steps: dict[str, list[Step]] = field(default_factory=dict)

    def of(self, name: str, phase: str) -> list[Step]:
        """Return the steps of host *name* in *phase*: control_plane (the acting one's) or join (all others')."""
        acting_phase = phase == "control_plane"
        return self.steps.get(name, []) if (name == self.acting) == acting_phase else []


def plan_cluster(cluster: Cluster, seen: dict[str, Observation]) -> ClusterPlan:
    """Return what each observed host has to do so that it becomes its part of *cluster*.

    Raises KubeadmError where acting would be a guess: a finished cluster whose API is down for good, traces of
    two clusters, or a control plane that could not be observed while none is known to be alive.
    """
    acting = choose_acting(cluster, seen)
    _refuse_restoring(seen)
    _refuse_beside(acting, seen)
    _refuse_forgotten(cluster, seen[acting.name])
    steps: dict[str, list[Step]] = {acting.name: _acting_steps(cluster, acting, seen[acting.name])}
    members = seen[acting.name].api_nodes or {}
    guests = []
    for name, node in cluster.nodes.items():
        if name == acting.name or name not in seen:
            continue
        own = _member_steps(cluster, node, seen[name], seen[acting.name], members)
        if own:
            steps[name] = own
        if any(step.kind == JOIN for step in own):
            guests.append(name)
    if guests:
        invitation = Step(INVITE, "", f"token for {', '.join(guests)}, known after apply", guests=tuple(guests))
        steps[acting.name].append(invitation)
    return ClusterPlan(acting.name, {name: own for name, own in steps.items() if own})


def choose_acting(cluster: Cluster, seen: dict[str, Observation]) -> Node:
    """Return the control plane that acts: one whose API answers, else the one where a cluster was begun."""
    candidates = [node for node in cluster.control_planes if node.name in seen]
    for node in candidates:
        if seen[node.name].serves_api and seen[node.name].finished:
            return node
    for node in candidates:
        if seen[node.name].serves_api:
            return node
    missing = [node.name for node in cluster.control_planes if node.name not in seen]
    if missing:
        raise KubeadmError(
            f"Choosing the acting control plane: no API server answered and {', '.join(missing)} could not be "
            "observed, so the cluster may live there. Bring the host back, then run again."
        )
    begun = [node for node in candidates if seen[node.name].finished or seen[node.name].etcd_data]
    if len({seen[node.name].ca_sha256 for node in begun}) > 1:
        raise KubeadmError(
            f"Choosing the acting control plane: {', '.join(node.name for node in begun)} carry different "
            "certificate authorities, so they belong to different clusters. Reset the wrong one (playbooks/reset.yml)."
        )
    for node in begun + [node for node in candidates if seen[node.name].touched] + candidates:
        return node
    raise KubeadmError("Choosing the acting control plane: homelab_nodes names none. Give one node that role.")


def _refuse_restoring(seen: t.Mapping[str, Observation]) -> None:
    half = [name for name, one in seen.items() if one.restoring]
    if half:
        raise KubeadmError(
            f"Bringing up {half[0]}: a restore of its control plane did not come to its end, and a new cluster would "
            "be begun. Run playbooks/restore_control_plane.yml again."
        )


def _refuse_beside(acting: Node, seen: t.Mapping[str, Observation]) -> None:
    """A blank control plane beside nodes of a cluster has lost its disk: a new cluster would cut these off."""
    members = [name for name, one in seen.items() if one.finished and name != acting.name]
    if members and not seen[acting.name].touched and not seen[acting.name].finished:
        raise KubeadmError(
            f"Bringing up {acting.name}: it is blank, and {', '.join(members)} belong to a cluster, which a new one "
            f"would cut off. If {acting.name} lost its disk, restore it (playbooks/restore_control_plane.yml); to "
            f"begin anew, reset the others (playbooks/reset.yml --limit {','.join(members)})."
        )


def _refuse_forgotten(cluster: Cluster, acting: Observation) -> None:
    """Where one control plane is alone its controllers elect no leader, so that others would act as well."""
    named = [node.name for node in cluster.control_planes]
    others = [name for name, one in (acting.api_nodes or {}).items() if one["control_plane"] and name not in named]
    if len(named) == 1 and others:
        raise KubeadmError(
            f"Leaving {named[0]} as the only control plane: the cluster has {', '.join(others)} as well. Reset it "
            f"(playbooks/reset.yml --limit {','.join(others)}) while homelab_nodes names it; if it is lost, remove its "
            "member of etcd and its node (kubectl delete node)."
        )


def _acting_steps(cluster: Cluster, node: Node, seen: Observation) -> list[Step]:
    release = f"control plane v{cluster.version}"
    _refuse_other_version(cluster, node, seen)
    if not seen.finished:
        before = "interrupted kubeadm init" if seen.touched else "absent"
        return [Step(INIT, before, release, resume=_RESUME_INIT if seen.touched else ())]
    if not seen.serves_api:
        return [Step(RECOVER, f"API down: {seen.api_cause or 'no answer'}", f"{release} answering")]
    return _upkeep(cluster, seen, ("cluster", "kubelet", "kube_proxy"))


def _member_steps(
    cluster: Cluster, node: Node, seen: Observation, acting: Observation, members: dict[str, dict[str, t.Any]]
) -> list[Step]:
    if seen.ca_sha256 and acting.ca_sha256 and seen.ca_sha256 != acting.ca_sha256:
        raise KubeadmError(
            f"Joining {node.name}: it carries the certificate authority of another cluster. "
            f"Reset it first (playbooks/reset.yml --limit {node.name})."
        )
    _refuse_other_version(cluster, node, seen)
    registered = node.name in members
    # Without an answering API there is no list of members: what finished before is left alone.
    if seen.finished and (registered or not acting.serves_api):
        return _upkeep(cluster, seen, ("cluster", "kubelet") if node.role == CONTROL_PLANE else ("kubelet",))
    before = "absent"
    if seen.touched:
        before = "interrupted kubeadm join" if not seen.finished else "node object missing"
    resume = () if not seen.touched else (_RESUME_INIT if node.role == CONTROL_PLANE else _RESUME_JOIN)
    return [Step(JOIN, before, f"{node.role.replace('_', ' ')} v{cluster.version}", resume=resume)]


def _refuse_other_version(cluster: Cluster, node: Node, seen: Observation) -> None:
    runs = seen.stamp.get("version", cluster.version)
    if runs != cluster.version:
        raise KubeadmError(
            f"Configuring {node.name}: it runs Kubernetes {runs}, homelab_kubernetes_version asks for "
            f"{cluster.version}, and this release does not upgrade a cluster in place. Set the version back to {runs}."
        )


def _upkeep(cluster: Cluster, seen: Observation, concerns: tuple[str, ...]) -> list[Step]:
    """Return what a node that once finished needs: a kubelet that runs, and what is outdated renewed."""
    start = [] if seen.kubelet_active else [Step(START, "kubelet stopped", "kubelet running")]
    return [*start, *_reconfiguration(cluster, seen, concerns)]


def _reconfiguration(cluster: Cluster, seen: Observation, concerns: tuple[str, ...]) -> list[Step]:
    """Compare what was applied (the stamp) with what is wanted, and what is there now with what was left there."""
    wanted = {part: value for part, value in desired_hashes(cluster).items() if part in concerns}
    applied: dict[str, str] = seen.stamp.get("applied", {})
    left: dict[str, str] = seen.stamp.get("left", {})
    outdated = {part: "outdated" for part in wanted if applied.get(part) != wanted[part]}
    drifted = {_WRITES[name]: "changed by hand" for name, value in left.items() if seen.hashes.get(name) != value}
    found = {part: why for part, why in {**drifted, **outdated}.items() if part in concerns}
    if not found:
        return []
    before = ", ".join(f"{part} {found[part]}" for part in sorted(found))
    return [Step(RECONFIGURE, before, f"{', '.join(sorted(found))} as planned", parts=tuple(sorted(found)))]
