# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading objects: what is accepted, how it is completed and ordered, and what mistakes are called."""

from __future__ import annotations

import base64
import datetime
import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._kube import documents, kinds, model
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.errors import KubeError
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.kinds import BUILT_IN, Resource

Json = dict[str, t.Any]


def an_object(kind: str, name: str, namespace: str = "", api_version: str = "v1", **more: t.Any) -> Json:
    """Return an object of *kind*."""
    place = {"namespace": namespace} if namespace else {}
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, **place}, **more}


def read(*bodies: t.Any) -> list[model.Wanted]:
    """Return the objects as the action plugin reads those of its argument."""
    return model.read_objects((f"objects[{index}]", body) for index, body in enumerate(bodies))


MISTAKES: dict[str, tuple[t.Any, str]] = {
    "no mapping": ("text", "Reading objects[0]: it is a str, not an object. Give a mapping."),
    "no version": ({"kind": "Pod"}, "Reading objects[0]: key apiVersion is missing. Say which kind of object it is."),
    "no kind": ({"apiVersion": "v1"}, "Reading objects[0]: key kind is missing. Say which kind of object it is."),
    "no name": (
        {"apiVersion": "v1", "kind": "Pod"},
        "Reading objects[0] (Pod): key metadata.name is missing. Name the object.",
    ),
    "a generated name": (
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "a-"}},
        "Reading objects[0]: metadata.generateName makes a new object each run. Set metadata.name.",
    ),
    "a key that is no string": (
        an_object("ConfigMap", "a", data={1: "x"}),
        "Reading objects[0]: key 1 of .data is not a string. Quote it.",
    ),
    "a date": (
        an_object("ConfigMap", "a", data={"d": datetime.date(2026, 1, 1)}),
        "Reading objects[0]: .data.d is a date, which JSON lacks. Quote it.",
    ),
    "a secret that is no base64": (
        an_object("Secret", "a", data={"k": "canary!"}),
        "Reading objects[0] (Secret): data.k is not base64. Encode it, or put it under stringData.",
    ),
    "a secret that is a number": (
        an_object("Secret", "a", stringData={"k": 4711}),
        "Reading objects[0] (Secret): the value of key 'k' is not a string. Quote it.",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_name_the_object_and_the_fix(case: str) -> None:
    body, message = MISTAKES[case]
    with pytest.raises(KubeError) as caught:
        read(body)
    assert str(caught.value) == message


def test_what_the_server_makes_is_left_out() -> None:
    body = an_object("ConfigMap", "a", data={"k": "v", "none": None}, status={"x": 1})
    body["metadata"].update(uid="1", resourceVersion="2", creationTimestamp=None, managedFields=[])
    assert read(body)[0].body == an_object("ConfigMap", "a", data={"k": "v"})


def test_secrets_are_read_as_the_server_stores_them() -> None:
    body = an_object("Secret", "a", data={"k": "YQ==", "l": "Yg=="}, stringData={"k": "new"})
    assert read(body)[0].body["data"] == {"k": base64.b64encode(b"new").decode(), "l": "Yg=="}


@pytest.mark.parametrize("more", [{}, {"spec": {}}, {"data": {"a": []}}], ids=["bare", "empty", "empty inside"])
def test_a_mere_name_gets_a_label_to_be_known_by(more: Json) -> None:
    labels = read(an_object("ServiceAccount", "a", **more))[0].body["metadata"].get("labels")
    assert labels == {"app.kubernetes.io/managed-by": "atarnet-homelab"}


def test_an_object_with_content_gets_no_label() -> None:
    assert "labels" not in read(an_object("ConfigMap", "a", data={"k": ""}))[0].body["metadata"]


def test_lists_are_taken_apart_and_empty_documents_passed_over() -> None:
    items = {"apiVersion": "v1", "kind": "ConfigMapList", "items": [an_object("ConfigMap", "a")]}
    assert [(item.ref.name, item.origin) for item in read(None, items)] == [("a", "objects[1].items[0]")]


def test_order_of_application() -> None:
    gadget = {"group": "g.test", "names": {"kind": "Gadget", "plural": "gadgets"}, "versions": [{"name": "v1"}]}
    wanted = read(
        an_object("ValidatingWebhookConfiguration", "8", api_version="admissionregistration.k8s.io/v1"),
        an_object("Gadget", "7", "n", api_version="g.test/v1"),
        an_object("Deployment", "6", "n", api_version="apps/v1"),
        an_object("Service", "5", "n"),
        an_object("Secret", "4", "n"),
        an_object("ClusterRole", "3", api_version="rbac.authorization.k8s.io/v1"),
        an_object("CustomResourceDefinition", "2", api_version="apiextensions.k8s.io/v1", spec=gadget),
        an_object("Namespace", "1"),
    )
    placed = model.place(wanted, {**BUILT_IN, ("g.test/v1", "Gadget"): Resource("gadgets", True)}, "")
    assert [item.ref.name for item in placed] == list("12345678")


PLACES: dict[str, tuple[list[Json], str]] = {
    "twice": (
        [an_object("ConfigMap", "a"), an_object("ConfigMap", "a", "n")],
        "Reading objects[1]: v1 ConfigMap n/a is also objects[0]. Remove one of the two.",
    ),
    "twice in two versions": (
        [
            an_object("HorizontalPodAutoscaler", "a", "n", "autoscaling/v1"),
            an_object("HorizontalPodAutoscaler", "a", "n", "autoscaling/v2"),
        ],
        "Reading objects[1]: autoscaling/v2 HorizontalPodAutoscaler n/a is also objects[0]. Remove one of the two.",
    ),
    "cluster-wide in a namespace": (
        [an_object("Namespace", "a", "n")],
        "Reading objects[0]: Namespace a is cluster-wide but has metadata.namespace. Remove it.",
    ),
}


@pytest.mark.parametrize("case", PLACES)
def test_places(case: str) -> None:
    bodies, message = PLACES[case]
    with pytest.raises(KubeError) as caught:
        model.place(read(*bodies), BUILT_IN, "n")
    assert str(caught.value) == message


def test_no_namespace_is_guessed() -> None:
    with pytest.raises(KubeError) as caught:
        model.place(read(an_object("ConfigMap", "a")), BUILT_IN, "")
    assert str(caught.value) == (
        "Reading objects[0]: ConfigMap a has no namespace. Set metadata.namespace, or the namespace of the task."
    )


def test_a_default_namespace_is_for_namespaced_kinds_only() -> None:
    placed = model.place(read(an_object("Namespace", "a"), an_object("ConfigMap", "b")), BUILT_IN, "n")
    assert [str(item.ref) for item in placed] == ["v1 Namespace a", "v1 ConfigMap n/b"]
    assert placed[1].body["metadata"]["namespace"] == "n"


@pytest.mark.parametrize("text", ["v1 Namespace a", "apps/v1 DaemonSet kube-flannel/kube-flannel-ds"])
def test_references_survive_the_inventory(text: str) -> None:
    assert str(model.Ref.parse(text)) == text


@pytest.mark.parametrize("owner", ["", "Upper", "a_b", "-a", "a" * 41, "a/b"])
def test_owners_that_cannot_name_an_inventory(owner: str) -> None:
    with pytest.raises(KubeError, match="Reading owner"):
        model.field_manager(owner)


@pytest.mark.parametrize(
    ("kind", "plural"),
    [
        (("v1", "Endpoints"), "endpoints"),
        (("networking.k8s.io/v1", "NetworkPolicy"), "networkpolicies"),
        (("networking.k8s.io/v1", "IngressClass"), "ingressclasses"),
        (("v1", "ConfigMap"), "configmaps"),
        (("admissionregistration.k8s.io/v1", "MutatingAdmissionPolicy"), "mutatingadmissionpolicies"),
    ],
)
def test_plurals_of_built_in_kinds(kind: tuple[str, str], plural: str) -> None:
    assert kinds.BUILT_IN[kind].plural == plural


def test_yaml_is_read_as_kubernetes_reads_it() -> None:
    read_back = documents.split("d: 2024-01-01\ne: =\nf: yes\n---\n---\n{a: 1}", "x.j2")
    assert read_back == [
        ("x.j2 document 1", {"d": "2024-01-01", "e": "=", "f": True}),
        ("x.j2 document 2", None),
        ("x.j2 document 3", {"a": 1}),
    ]


def test_broken_yaml_is_not_quoted() -> None:
    with pytest.raises(KubeError) as caught:
        documents.split("a: 1\npassword: canary: 2\n", "x.j2")
    assert str(caught.value).startswith("Reading template x.j2: line 2 of what it renders to is no YAML (")
    assert "canary" not in str(caught.value)
