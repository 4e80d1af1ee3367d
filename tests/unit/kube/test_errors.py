# SPDX-License-Identifier: GPL-3.0-or-later
"""Refusals of the server as one sentence, with nothing secret in it."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.errors import KubeError, Unreachable, sentence
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.model import read_objects
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
        {"message": 'pods is forbidden: User "x" cannot patch resource "pods" in API group "" in the namespace "n"'},
        'pods is forbidden: User "x" cannot patch resource "pods" in API group "" in the namespace "n". '
        "Give the kubeconfig's user that right, or lift what forbids it.",
    ),
    "quota": (
        403,
        {"message": 'pods "a" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2'},
        'pods "a" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2. '
        "Ask for less, or raise the ResourceQuota q of the namespace.",
    ),
    "terminating": (
        403,
        {
            "message": "unable to create new content in namespace n because it is being terminated",
            **causes(("NamespaceTerminating", "metadata.namespace", "namespace n is being terminated")),
        },
        "unable to create new content in namespace n because it is being terminated. "
        "Wait until the namespace is gone, add it to the objects and run again.",
    ),
    "pod security": (
        403,
        {"message": 'pods "a" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true'},
        'pods "a" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true. '
        "Meet that level, or change the pod-security labels of the namespace.",
    ),
    "a webhook denies": (
        400,
        {"message": 'admission webhook "w.test" denied the request: no owner is named'},
        'admission webhook "w.test" denied it: no owner is named. Change the object to what the webhook demands.',
    ),
    "a mute webhook denies": (
        403,
        {"message": 'admission webhook "w.test" denied the request without explanation'},
        'admission webhook "w.test" denied it: it gave no reason. Change the object to what the webhook demands.',
    ),
    "a policy denies": (
        422,
        {
            "message": "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: too big",
            **causes(("", "", "too big")),
        },
        'ValidatingAdmissionPolicy "p" denied it: too big. '
        "Change the object to what the ValidatingAdmissionPolicy demands.",
    ),
    "too large for the server": (
        413,
        {"message": "Request entity too large: limit is 3145728"},
        "Request entity too large: limit is 3145728. Split the object, or keep its large values elsewhere.",
    ),
    "too large for etcd": (
        500,
        {"message": "etcdserver: request is too large"},
        "etcdserver: request is too large. Split the object, or keep its large values elsewhere.",
    ),
    "a race": (
        409,
        {"message": "the UID in the precondition does not match"},
        "the UID in the precondition does not match. Somebody else changed it at the same time: run again.",
    ),
    "overload": (
        429,
        {"message": "too many requests"},
        "too many requests. Run again when the API server is well.",
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
        "the server answered 502 without a reason. Run again when the API server is well.",
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


def test_a_server_that_answers_nobody_is_one_error() -> None:
    with pytest.raises(Unreachable) as caught:
        raise_first([Unreachable("https://127.0.0.1:1", cause) for cause in ("refused", "no answer in time")])
    assert caught.value.cause == "refused"


CANARIES = {
    "a line of many": ("line-one\nline-two", 'Invalid value: "line-one": wrong', 'Invalid value: "(hidden)": wrong'),
    "all lines": ("line-one\nline-two", r'got "line-one\nline-two"', 'got "(hidden)"'),
    "in base64": ("line-one\nline-two", "bGluZS1vbmUKbGluZS10d28= is wrong", "(hidden) is wrong"),
    "with quotes": ('pass"word', r'got "pass\"word"', 'got "(hidden)"'),
    "short, quoted": ("one", 'the one with "one" in it', "the one with (hidden) in it"),
    "short, in base64": ("one", "got b25l", "got (hidden)"),
    "empty": ("", 'got ""', 'got ""'),
}


@pytest.mark.parametrize("case", CANARIES)
def test_values_of_secrets_are_taken_out_of_messages(case: str) -> None:
    value, text, told = CANARIES[case]
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "stringData": {"k": value}}
    assert redact(text, read_objects([("x", body)])) == told
