# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a live object does its work yet, read from the object alone. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .model import Json


@dataclass(frozen=True)
class Readiness:
    """The state of one object: waits is empty when it is ready; failed means that waiting will not help."""

    waits: str = ""
    failed: bool = False


READY = Readiness()
# Set on a claim when the scheduler has found a node for the first pod that uses it.
SELECTED_NODE = "volume.kubernetes.io/selected-node"


def readiness(
    live: Json, conditions: t.Mapping[str, str] | None = None, late_classes: t.Collection[str] = ()
) -> Readiness:
    """Return the readiness of a live object.

    conditions maps a kind to the type of the condition that must be True; kinds without a rule are ready.
    late_classes names the storage classes that bind a claim when a pod first uses it (WaitForFirstConsumer).
    """
    kind = live.get("kind", "")
    wanted = (conditions or {}).get(kind)
    if wanted:
        return _observed(live) or _condition(live, wanted)
    if is_claim(live) and claim_class(live) in late_classes and SELECTED_NODE not in _annotations(live):
        return READY if live.get("status", {}).get("phase") != "Lost" else _claim(live)
    rule = _RULES.get((live.get("apiVersion", "").rpartition("/")[0], kind))
    return rule(live) if rule else READY


def is_claim(live: Json) -> bool:
    """Return whether the object is a PersistentVolumeClaim."""
    return (live.get("apiVersion"), live.get("kind")) == ("v1", "PersistentVolumeClaim")


def claim_class(claim: Json) -> str:
    """Return the storage class of a claim, empty when it has none."""
    return str(claim.get("spec", {}).get("storageClassName") or "")


def _annotations(live: Json) -> Json:
    return dict(live["metadata"].get("annotations") or {})


def _observed(live: Json) -> Readiness | None:
    """Return a wait when the status tells of an older generation than the object has now."""
    generation = live["metadata"].get("generation", 0)
    observed = live.get("status", {}).get("observedGeneration")
    if observed is not None and observed < generation:
        return Readiness("the controller has not seen its last change yet")
    return None


def _unseen(live: Json) -> Readiness | None:
    if "observedGeneration" not in live.get("status", {}):
        return Readiness("no controller has seen it yet")
    return _observed(live)


def conditions_of(live: Json) -> dict[str, Json]:
    """Return the conditions of an object by their type."""
    return {item.get("type", ""): item for item in live.get("status", {}).get("conditions") or []}


def _condition(live: Json, name: str) -> Readiness:
    found = conditions_of(live).get(name)
    if found is None:
        return Readiness(f"condition {name} is not set yet")
    if "observedGeneration" in found and found["observedGeneration"] < live["metadata"].get("generation", 0):
        return Readiness(f"condition {name} does not tell of its last change yet")
    if found.get("status") == "True":
        return READY
    why = ": ".join(str(found[key]) for key in ("reason", "message") if found.get(key))
    return Readiness(f"condition {name} is {found.get('status')}{f' ({why})' if why else ''}")


def _deployment(live: Json) -> Readiness:
    unseen = _unseen(live)
    if unseen:
        return unseen
    status, wanted = live["status"], live["spec"].get("replicas", 1)
    progressing = conditions_of(live).get("Progressing", {})
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return Readiness(f"the rollout missed its deadline: {progressing.get('message', '')}".rstrip(": "))
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    if updated < wanted:
        paused = ", its rollout is paused" if live["spec"].get("paused") else ""
        return Readiness(f"{updated} of {wanted} replicas updated{paused}")
    if status.get("replicas", 0) > updated:
        return Readiness(f"{status['replicas'] - updated} old replicas still run")
    return Readiness(f"{available} of {wanted} replicas available") if available < wanted else READY


def _daemon_set(live: Json) -> Readiness:
    unseen = _unseen(live)
    if unseen:
        return unseen
    status = live["status"]
    wanted = status.get("desiredNumberScheduled", 0)
    strategy = live["spec"].get("updateStrategy", {}).get("type", "RollingUpdate")
    updated, available = status.get("updatedNumberScheduled", 0), status.get("numberAvailable", 0)
    if strategy == "RollingUpdate" and updated < wanted:
        return Readiness(f"{updated} of {wanted} pods updated")
    return Readiness(f"{available} of {wanted} pods available") if available < wanted else READY


def _stateful_set(live: Json) -> Readiness:
    unseen = _unseen(live)
    if unseen:
        return unseen
    status, wanted = live["status"], live["spec"].get("replicas", 1)
    strategy = live["spec"].get("updateStrategy", {})
    partition = (strategy.get("rollingUpdate") or {}).get("partition", 0)
    updated, ready = status.get("updatedReplicas", 0), status.get("readyReplicas", 0)
    if strategy.get("type", "RollingUpdate") == "RollingUpdate" and updated < max(wanted - partition, 0):
        return Readiness(f"{updated} of {wanted - partition} replicas updated")
    return Readiness(f"{ready} of {wanted} replicas ready") if ready < wanted else READY


def _job(live: Json) -> Readiness:
    conditions = conditions_of(live)
    if conditions.get("Failed", {}).get("status") == "True":
        why = conditions["Failed"].get("message") or conditions["Failed"].get("reason", "")
        return Readiness(f"the job failed: {why}", failed=True)
    if conditions.get("Complete", {}).get("status") == "True" or live["spec"].get("suspend"):
        return READY
    status = live.get("status", {})
    return Readiness(f"{status.get('succeeded', 0)} of {live['spec'].get('completions', 1)} runs completed")


def _definition(live: Json) -> Readiness:
    accepted = conditions_of(live).get("NamesAccepted", {})
    if accepted.get("status") == "False":
        return Readiness(f"its names are not accepted: {accepted.get('message', '')}", failed=True)
    return _condition(live, "Established")


def _pod(live: Json) -> Readiness:
    phase = live.get("status", {}).get("phase")
    if phase == "Failed":
        return Readiness("the pod failed", failed=True)
    return READY if phase == "Succeeded" else _condition(live, "Ready")


def _claim(live: Json) -> Readiness:
    phase = live.get("status", {}).get("phase", "Pending")
    if phase == "Lost":
        return Readiness("its volume is lost", failed=True)
    return READY if phase == "Bound" else Readiness("it is not bound to a volume")


def _service(live: Json) -> Readiness:
    given = (live.get("status", {}).get("loadBalancer") or {}).get("ingress")
    waits = live.get("spec", {}).get("type") == "LoadBalancer" and not given
    return Readiness("no address was given to it") if waits else READY


_RULES: dict[tuple[str, str], t.Callable[[Json], Readiness]] = {
    ("apps", "Deployment"): _deployment,
    ("apps", "DaemonSet"): _daemon_set,
    ("apps", "StatefulSet"): _stateful_set,
    ("batch", "Job"): _job,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
    ("apiregistration.k8s.io", "APIService"): lambda live: _condition(live, "Available"),
    ("", "Pod"): _pod,
    ("", "PersistentVolumeClaim"): _claim,
    ("", "Service"): _service,
}
