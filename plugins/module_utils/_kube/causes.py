# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why an object does not become ready: its pods, their containers and claims, or what was said of it in events."""

from __future__ import annotations

from .._storage.model import NAMESPACE, PROVISIONER
from .api import Api
from .errors import KubeError
from .kinds import BUILT_IN
from .model import Json, Ref
from .ready import claim_class, conditions_of, is_claim

_STARTING = frozenset({"ContainerCreating", "PodInitializing"})
_NOT_READY = "node.kubernetes.io/not-ready"
# Provisioner: namespace and name, before the claim's uid, of the pods that make volumes for it.
_MAKERS = {PROVISIONER: (NAMESPACE, "helper-pod-create-pvc-")}
_WORKLOADS = frozenset({"Deployment", "DaemonSet", "StatefulSet", "ReplicaSet", "Job"})


def find_cause(api: Api, ref: Ref, live: Json) -> str:
    """Return one sentence part that tells what keeps a live object from being ready; empty when nothing is found."""
    try:
        if is_claim(live):
            return _claim_cause(api, live)
        if ref.kind == "Pod":
            return pod_cause(api, live)
        if ref.kind in _WORKLOADS and (ref.api_version, ref.kind) in BUILT_IN:
            return _workload_cause(api, live, _selector(live))
        event = last_event(api, live)
        if (ref.api_version, ref.kind) == ("v1", "Service") and not event:
            return "no controller of load balancers has said a word about it. Install one, or choose another type"
        return event
    except KubeError as exc:
        return f"its cause cannot be read: {exc}"


def _selector(live: Json) -> str:
    """Return the label selector of a workload's pods."""
    selector = live["spec"]["selector"]
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for item in selector.get("matchExpressions") or []:
        key, values = item["key"], ",".join(item.get("values") or [])
        parts.append(
            {
                "In": f"{key} in ({values})",
                "NotIn": f"{key} notin ({values})",
                "Exists": key,
                "DoesNotExist": f"!{key}",
            }[item["operator"]]
        )
    return ",".join(parts)


def _workload_cause(api: Api, live: Json, selector: str) -> str:
    pods = api.list_all(Ref("v1", "Pod", live["metadata"]["namespace"], ""), {"labelSelector": selector})
    # The newest pods are those of the last change; one that ends is no news.
    pods.sort(key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")), reverse=True)
    for pod in sorted(pods, key=lambda pod: "deletionTimestamp" in pod["metadata"]):
        cause = pod_cause(api, pod)
        if cause:
            return cause
    cause = _unmade(api, live, selector)
    return cause if pods else f"it has no pods{f': {cause}' if cause else ''}"


def _unmade(api: Api, live: Json, selector: str) -> str:
    """Return why pods are not made: a quota, a webhook, a missing account."""
    failure = conditions_of(live).get("ReplicaFailure", {})
    if failure.get("status") == "True" and failure.get("message"):
        return str(failure["message"])
    if live["kind"] == "Deployment":
        place = Ref("apps/v1", "ReplicaSet", live["metadata"]["namespace"], "")
        sets = api.list_all(place, {"labelSelector": selector})
        sets.sort(key=lambda item: str(item["metadata"].get("creationTimestamp", "")))
        event = last_event(api, sets[-1]) if sets else ""
        if event:
            return event
    progressing = conditions_of(live).get("Progressing", {})
    stuck = progressing.get("message", "") if progressing.get("status") == "False" else ""
    return last_event(api, live) or str(stuck)


def pod_cause(api: Api, pod: Json) -> str:
    """Return what keeps one pod from being ready; empty when it is."""
    name, status = pod["metadata"]["name"], pod.get("status", {})
    if "deletionTimestamp" in pod["metadata"]:
        return f"pod {name} is being deleted"
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        cause = _container_cause(api, pod, container)
        if cause:
            return f"pod {name}: container {container['name']} {cause}"
    scheduled = conditions_of(pod).get("PodScheduled", {})
    if scheduled.get("status") == "False":
        return _unscheduled(api, pod, str(scheduled.get("message") or scheduled.get("reason", "")))
    if status.get("phase") == "Succeeded" or conditions_of(pod).get("Ready", {}).get("status") == "True":
        return ""
    said = ": ".join(str(status[key]) for key in ("reason", "message") if status.get(key)) or last_event(api, pod)
    return f"pod {name} is {status.get('phase', 'Pending')}{f': {said}' if said else ''}"


def _unscheduled(api: Api, pod: Json, message: str) -> str:
    told = f"pod {pod['metadata']['name']} is not scheduled: {message}"
    if _NOT_READY in message:
        return "; ".join([told.rstrip("."), *_unready_nodes(api)])
    if "PersistentVolumeClaim" not in message and "persistentvolumeclaim" not in message:
        return told
    for volume in pod.get("spec", {}).get("volumes") or []:
        name = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        claim = api.get(Ref("v1", "PersistentVolumeClaim", pod["metadata"]["namespace"], name)) if name else None
        if claim and claim.get("status", {}).get("phase") != "Bound":
            return f"{told.rstrip('.')}; {_claim_cause(api, claim)}"
    return told


def _unready_nodes(api: Api) -> list[str]:
    """Return what each node that takes no pods says of itself."""
    nodes = api.list_all(Ref("v1", "Node", "", ""))
    states = {node["metadata"]["name"]: conditions_of(node).get("Ready", {}) for node in nodes}
    return [
        f"node {name} is not ready: {state.get('message') or 'its kubelet has not reported yet'}"
        for name, state in sorted(states.items())
        if state.get("status") != "True"
    ]


def _claim_cause(api: Api, claim: Json) -> str:
    """Return what is known of an unbound claim: its class, who provisions it, and what was said last."""
    named, name, maker = claim_class(claim), claim["metadata"]["name"], ""
    if named:
        found = api.get(Ref("storage.k8s.io/v1", "StorageClass", "", named))
        told = f"class {named}, provisioner {found.get('provisioner')}" if found else f"class {named} does not exist"
        maker = _maker_cause(api, claim, str((found or {}).get("provisioner")))
    else:
        told = "it names no class, and no class was the default"
    event = last_event(api, claim, warnings_only=False)
    phase = claim.get("status", {}).get("phase", "Pending")
    return f"claim {name} is {phase} ({told}){f': {event}' if event else ''}{f'; {maker}' if maker else ''}"


def _maker_cause(api: Api, claim: Json, provisioner: str) -> str:
    """Return what keeps the pod that makes a claim's volume from it; only there its provisioner tells."""
    if provisioner not in _MAKERS or "uid" not in claim["metadata"]:
        return ""
    namespace, prefix = _MAKERS[provisioner]
    pod = api.get(Ref("v1", "Pod", namespace, prefix + claim["metadata"]["uid"]))
    return pod_cause(api, pod) if pod else ""


def _container_cause(api: Api, pod: Json, container: Json) -> str:
    state, last = container.get("state", {}), container.get("lastState", {})
    waiting, ended = state.get("waiting", {}), state.get("terminated") or last.get("terminated") or {}
    reason = waiting.get("reason", "")
    crashed = bool(ended) and ended.get("exitCode", 0) != 0
    if crashed and not container.get("ready"):
        words = api.log(
            pod["metadata"].get("namespace", ""),
            pod["metadata"]["name"],
            container["name"],
            not state.get("terminated"),
        )
        said = words or str(ended.get("message", "")).strip() or "nothing"
        return f"ended with exit code {ended.get('exitCode')} ({ended.get('reason', reason)}), its last words: {said}"
    if reason and reason not in _STARTING:
        return f"waits: {reason}{': ' + str(waiting['message']) if waiting.get('message') else ''}"
    if "running" in state and not container.get("ready"):
        event = last_event(api, pod)
        return f"runs but is not ready{f': {event}' if event else ''}"
    return ""


def last_event(api: Api, live: Json, warnings_only: bool = True) -> str:
    """Return the message of the last warning about exactly this object, or of the last event when there is none."""
    metadata = live["metadata"]
    about = {"kind": live["kind"], "name": metadata["name"], "uid": metadata.get("uid", "")}
    fields = [f"involvedObject.{key}={value}" for key, value in about.items() if value]
    query = {"fieldSelector": ",".join([*fields, "type=Warning"] if warnings_only else fields)}
    events = api.list_all(Ref("v1", "Event", metadata.get("namespace") or "default", ""), query)
    events.sort(key=lambda event: (event.get("type") == "Warning", _moment(event)))
    return str(events[-1].get("message", "")).strip() if events else ""


def _moment(event: Json) -> str:
    seen = (event.get("series") or {}).get("lastObservedTime")
    return str(seen or event.get("lastTimestamp") or event.get("eventTime") or event.get("firstTimestamp") or "")
