# SPDX-License-Identifier: GPL-3.0-or-later
"""Refusals of the server as one sentence; causes found behind a wait; nothing secret in either."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.causes import find_cause
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.errors import KubeError, sentence
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.model import Ref, read_objects
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.parallel import raise_first
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.run import redact

Json = dict[str, t.Any]


def causes(*given: tuple[str, str, str]) -> Json:
    """Return a Status with causes of (reason, field, message)."""
    return {"details": {"causes": [{"reason": r, "field": f, "message": m} for r, f, m in given]}}


SENTENCES: dict[str, tuple[int, Json, str]] = {
    "conflict": (
        409,
        causes(
            ("FieldManagerConflict", ".spec.replicas", 'conflict with "kubectl" using apps/v1'),
            ("FieldManagerConflict", ".spec.paused", 'conflict with "hand" with subresource "scale" using apps/v1'),
        ),
        'field .spec.replicas belongs to field manager "kubectl"; field .spec.paused belongs to field manager "hand". '
        "Leave the field out, or set force_conflicts: true to take it over.",
    ),
    "invalid": (
        422,
        causes(("FieldValueRequired", "spec.ports", "Required value")),
        "field spec.ports: Required value. Correct the field and run again.",
    ),
    "immutable": (
        422,
        causes(("FieldValueInvalid", "spec.selector", "Invalid value: {}: field is immutable")),
        "field spec.selector: Invalid value: {}: field is immutable. "
        "Delete the object or keep the field as it was: the server never changes it in place.",
    ),
    "undeclared": (
        500,
        {"message": "failed to create typed patch object (n/a; v1, Kind=X): .spec.x: field not declared in schema"},
        "field .spec.x is not declared in the kind's schema. Correct its name or remove it.",
    ),
    "unknown": (
        400,
        {"message": 'strict decoding error: unknown field "spec.y"'},
        "field .spec.y is not declared in the kind's schema. Correct its name or remove it.",
    ),
    "no namespace": (
        404,
        {"message": 'namespaces "n" not found', "details": {"kind": "namespaces", "name": "n"}},
        'namespace "n" does not exist. Add the Namespace to the objects or create it first.',
    ),
    "credentials": (
        401,
        {"message": "Unauthorized"},
        "the API server refused the credentials. Renew the user's certificate or token in the kubeconfig.",
    ),
    "forbidden": (
        403,
        {"message": "exceeded quota: q."},
        "exceeded quota: q. Give the kubeconfig's user that right, or lift what forbids it.",
    ),
    "webhook": (
        500,
        {"message": 'Internal error occurred: failed calling webhook "w": no endpoints available'},
        'Internal error occurred: failed calling webhook "w": no endpoints available. '
        "Check that the webhook's service has ready endpoints.",
    ),
    "anything": (500, {"message": "boom"}, "boom. See the API server's log if this does not tell enough."),
    "nothing": (
        502,
        {},
        "the server answered 502 without a reason. See the API server's log if this does not tell enough.",
    ),
}


@pytest.mark.parametrize("case", SENTENCES)
def test_sentences(case: str) -> None:
    code, status, told = SENTENCES[case]
    assert sentence("Applying v1 X n/a", code, status) == f"Applying v1 X n/a: {told}"


def test_many_errors_are_cut_short() -> None:
    with pytest.raises(KubeError) as caught:
        raise_first([KubeError(str(number)) for number in range(7)])
    assert str(caught.value) == "0\n1\n2\n3\n4\n... and 2 more"


class Pods:
    """An API with pods, events and logs."""

    def __init__(self, pods: list[Json], events: tuple[str, ...] = (), log: str = "") -> None:
        self._pods, self._events, self._log = pods, events, log

    def list_all(self, ref: Ref, query: dict[str, str]) -> list[Json]:
        """Return pods or events."""
        return self._pods if ref.kind == "Pod" else [{"message": message} for message in self._events]

    def log(self, *_arguments: t.Any) -> str:
        """Return the last words."""
        return self._log


def pod(phase: str = "Pending", conditions: tuple[Json, ...] = (), **container: t.Any) -> Json:
    """Return a pod with at most one container."""
    containers = [{"name": "app", **container}] if container else []
    status = {"phase": phase, "conditions": list(conditions), "containerStatuses": containers}
    return {"metadata": {"name": "web-1", "namespace": "n"}, "status": status}


PULL = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
LOOP = {"waiting": {"reason": "CrashLoopBackOff"}}
EXIT = {"terminated": {"exitCode": 3, "reason": "Error"}}
UNSCHEDULED = {"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}
CAUSES: dict[str, tuple[Pods, str]] = {
    "image": (Pods([pod(state=PULL)]), "pod web-1: container app waits: ImagePullBackOff: no such image"),
    "crash": (
        Pods([pod(state=LOOP, lastState=EXIT)], log="no config"),
        "pod web-1: container app ended with exit code 3 (Error), its last words: no config",
    ),
    "mute crash": (
        Pods([pod(state=EXIT)]),
        "pod web-1: container app ended with exit code 3 (Error), its last words: nothing",
    ),
    "probe": (
        Pods([pod("Running", state={"running": {}}, ready=False)], ("Readiness probe failed: 503",)),
        "pod web-1: container app runs but is not ready: Readiness probe failed: 503",
    ),
    "no place": (Pods([pod(conditions=(UNSCHEDULED,))]), "pod web-1 is not scheduled: 0/3 nodes are available"),
    "no pods": (Pods([], ("exceeded quota",)), "it has no pods: exceeded quota"),
    "starting": (
        Pods([pod(state={"waiting": {"reason": "ContainerCreating"}})], ("no network",)),
        "pod web-1 is Pending: no network",
    ),
    "all well": (Pods([pod("Running", ({"type": "Ready", "status": "True"},))]), ""),
}


@pytest.mark.parametrize("case", CAUSES)
def test_causes(case: str) -> None:
    api, told = CAUSES[case]
    live = {"spec": {"selector": {"matchLabels": {"app": "web"}}}}
    assert find_cause(t.cast(t.Any, api), Ref("apps/v1", "Deployment", "n", "web"), live) == told


def test_values_of_secrets_are_taken_out_of_messages() -> None:
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "stringData": {"k": "line-one\nline-two"}}
    text = 'Invalid value: "line-one": bGluZS1vbmUKbGluZS10d28= is wrong'
    assert redact(text, read_objects([("x", body)])) == 'Invalid value: "(hidden)": (hidden) is wrong'
