# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why an object does not become ready: its pods, their containers, their last words, or why there are none."""

from __future__ import annotations

import typing as t

from .api import Api
from .errors import KubeError
from .model import Json, Ref
from .ready import conditions_of

_STARTING = frozenset({"ContainerCreating", "PodInitializing"})


def find_cause(api: Api, ref: Ref, live: Json) -> str:
    """Return one sentence part about the worst pod of a workload, or why it has none; empty when nothing is found."""
    selector = live.get("spec", {}).get("selector", {})
    labels = selector.get("matchLabels") if isinstance(selector, dict) else None
    if ref.kind != "Pod" and not labels:
        return ""
    try:
        pods = [live] if ref.kind == "Pod" else _pods(api, ref.namespace, labels or {})
        told = [cause for cause in (pod_cause(api, pod) for pod in pods) if cause]
        return told[0] if told else "" if pods else _without_pods(api, ref, live)
    except KubeError as exc:
        return f"its pods cannot be read: {exc}"


def _pods(api: Api, namespace: str, labels: t.Mapping[str, str]) -> list[Json]:
    query = {"labelSelector": ",".join(f"{key}={value}" for key, value in sorted(labels.items()))}
    pods = api.list_all(Ref("v1", "Pod", namespace, ""), query)
    return sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")), reverse=True)


def pod_cause(api: Api, pod: Json) -> str:
    """Return what keeps one pod from being ready; empty when it is."""
    name, status = pod["metadata"]["name"], pod.get("status", {})
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        cause = _container_cause(api, pod, container)
        if cause:
            return f"pod {name}: container {container['name']} {cause}"
    scheduled = conditions_of(pod).get("PodScheduled", {})
    if scheduled.get("status") == "False":
        return f"pod {name} is not scheduled: {scheduled.get('message', scheduled.get('reason', ''))}"
    if status.get("phase") == "Succeeded" or conditions_of(pod).get("Ready", {}).get("status") == "True":
        return ""
    event = _last_event(api, "Pod", pod["metadata"].get("namespace", ""), name)
    return f"pod {name} is {status.get('phase', 'Pending')}{f': {event}' if event else ''}"


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
        event = _last_event(api, "Pod", pod["metadata"].get("namespace", ""), pod["metadata"]["name"])
        return f"runs but is not ready{f': {event}' if event else ''}"
    return ""


def _without_pods(api: Api, ref: Ref, live: Json) -> str:
    for name in ("ReplicaFailure", "Progressing"):
        condition = conditions_of(live).get(name, {})
        if condition.get("message") and (name == "ReplicaFailure") == (condition.get("status") == "True"):
            return str(condition["message"])
    event = _last_event(api, ref.kind, ref.namespace, ref.name)
    return f"it has no pods{f': {event}' if event else ''}"


def _last_event(api: Api, kind: str, namespace: str, name: str) -> str:
    query = {"fieldSelector": f"involvedObject.kind={kind},involvedObject.name={name},type=Warning"}
    events = api.list_all(Ref("v1", "Event", namespace, ""), query)
    events.sort(key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))
    return str(events[-1].get("message", "")).strip() if events else ""
