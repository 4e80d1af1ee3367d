# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture of the cluster from its nodes, workloads and pods: pure, as data and as text."""

from __future__ import annotations

import typing as t

from .._kube.ready import readiness

Json = dict[str, t.Any]


def picture(
    plan: Json,
    nodes: list[Json],
    pods: list[Json],
    workloads: t.Sequence[Json] = (),
    events: t.Sequence[Json] = (),
    away: t.Collection[str] = (),
) -> Json:
    """Return {nodes: [...], pods: {...}, problems: [...]} for the plan and what the API listed.

    events are only needed to name the cause behind a pod that waits without saying why. away names the hosts
    that this run could not reach: what is wrong with them is known already and no problem to wait for. workloads
    (Deployments, DaemonSets, StatefulSets, with their kind) tell of rollouts, of which none is expected to end while
    hosts are away.

    A problem is one sentence that names the object, what is wrong with it and what the API says of it.
    """
    rows = [_node_row(name, plan["nodes"][name], _find(nodes, name)) for name in plan["nodes"]]
    problems = [row["problem"] for row in rows if row["problem"] and row["name"] not in away]
    strangers = sorted({node["metadata"]["name"] for node in nodes} - set(plan["nodes"]))
    problems += [f"node {name}: is in the cluster but not in homelab_nodes" for name in strangers]
    phases: dict[str, int] = {}
    for pod in pods:
        phase = pod["status"].get("phase", "Unknown")
        phases[phase] = phases.get(phase, 0) + 1
        trouble = pod_trouble(pod)
        if trouble and pod["spec"].get("nodeName") not in away:
            problems.append(trouble + _warning(pod, events))
    problems += [told for one in workloads if not away and (told := _rollout(one))]
    return {"nodes": rows, "pods": phases, "problems": problems}


def _find(items: list[Json], name: str) -> Json | None:
    return next((item for item in items if item["metadata"]["name"] == name), None)


def _node_row(name: str, wanted: Json, node: Json | None) -> Json:
    row: Json = {"name": name, "role": wanted["role"], "address": wanted["address"], "ready": False, "version": ""}
    if node is None:
        return {**row, "problem": f"node {name}: has not joined the cluster. Run playbooks/cluster.yml."}
    row["version"] = node["status"]["nodeInfo"]["kubeletVersion"]
    ready: Json = next((entry for entry in node["status"].get("conditions", []) if entry["type"] == "Ready"), {})
    row["ready"] = ready.get("status") == "True"
    why = ready.get("message") or "the kubelet has not reported yet"
    row["problem"] = "" if row["ready"] else f"node {name}: not ready: {why}"
    return row


def pod_trouble(pod: Json) -> str:
    """Return what keeps a pod from running, empty when it runs or has ended well."""
    if pod["status"].get("phase") == "Succeeded" or pod["metadata"].get("deletionTimestamp"):
        return ""
    conditions = {entry["type"]: entry for entry in pod["status"].get("conditions", [])}
    if conditions.get("Ready", {}).get("status") == "True":
        return ""
    name = f"pod {pod['metadata']['namespace']}/{pod['metadata']['name']}"
    for status in [*pod["status"].get("initContainerStatuses", []), *pod["status"].get("containerStatuses", [])]:
        waiting = status.get("state", {}).get("waiting")
        if waiting and waiting.get("reason") not in ("PodInitializing", "ContainerCreating"):
            return f"{name}: container {status['name']} waits: {waiting['reason']} {waiting.get('message', '')}".strip()
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        return f"{name}: not scheduled: {scheduled.get('message', '')}"
    return f"{name}: not ready: {conditions.get('Ready', {}).get('message', 'starting')}"


def _rollout(workload: Json) -> str:
    waits, metadata = readiness(workload).waits, workload["metadata"]
    return f"{workload['kind']} {metadata['namespace']}/{metadata['name']}: {waits}" if waits else ""


def _warning(pod: Json, events: t.Sequence[Json]) -> str:
    about = [
        event
        for event in events
        if event["type"] == "Warning" and event["involvedObject"].get("uid") == pod["metadata"].get("uid")
    ]
    newest = max(about, key=lambda event: event.get("lastTimestamp") or "", default=None)
    return f" ({newest['reason']}: {newest['message']})" if newest else ""


def render(plan: Json, seen: Json) -> str:
    """Return the picture as a person wants to read it."""
    width = max(len(row["name"]) for row in seen["nodes"])
    lines = [f"{plan['name']} ({plan['domain']}), API https://{plan['endpoint']['host']}:{plan['endpoint']['port']}"]
    for row in seen["nodes"]:
        state = "Ready" if row["ready"] else f"NOT READY ({row['problem']})"
        role = row["role"].replace("_", " ")
        lines.append(f"  {row['name']:<{width}}  {row['address']:<15}  {role:<13}  {row['version']:<9}  {state}")
    pods = ", ".join(f"{count} {phase}" for phase, count in sorted(seen["pods"].items()))
    lines.append(f"  pods: {pods or 'none'}")
    if plan["ingress"]:
        hosts = len(plan["routes"]["hosts"])
        lines.append(f"  routes: {hosts} by {plan['ingress']['provider']} at {plan['ingress']['address']}")
    lines.append("  kubectl: export KUBECONFIG=" + plan["kubeconfig"])
    lines += [f"  problem: {problem}" for problem in seen["problems"]] or ["  no problem found"]
    return "\n".join(lines)
