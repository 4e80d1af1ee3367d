# SPDX-License-Identifier: GPL-3.0-or-later
"""One thing written in many ways: what the server defaults, rewrites or drops is no change, run after run."""

from __future__ import annotations

import copy
import typing as t

import pytest

from tests.integration.kube.hand import claim, labelled, service

Json = dict[str, t.Any]


def an(kind: str, api_version: str = "v1", name: str = "web", **content: t.Any) -> Json:
    """Return an object."""
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **content}


def containers(**container: t.Any) -> Json:
    """Return a Deployment of one container."""
    return labelled("Deployment", pod={"containers": [{"name": "app", "image": "example.test/app:1", **container}]})


RULES = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
TEMPLATES = [{**claim("data"), "metadata": {"name": "data", "creationTimestamp": None}}]
CASES: dict[str, list[Json]] = {
    "quantities": [
        containers(resources={"requests": {"cpu": "1000m", "memory": "1024Mi"}, "limits": {"cpu": 2, "memory": 4e9}}),
        an("ResourceQuota", spec={"hard": {"pods": 10, "requests.cpu": "4000m"}}),
        an("LimitRange", spec={"limits": [{"type": "Container", "default": {"cpu": "0.5", "memory": "0.5Gi"}}]}),
        claim("half"),
    ],
    "int or string": [
        service(ports=[{"name": "a", "port": 80, "targetPort": "http"}, {"name": "b", "port": 81, "targetPort": 8081}]),
        an(
            "PodDisruptionBudget",
            "policy/v1",
            spec={"minAvailable": "50%", "selector": {"matchLabels": {"app": "web"}}},
        ),
        labelled("Deployment", strategy={"rollingUpdate": {"maxSurge": 1, "maxUnavailable": "0%"}}),
    ],
    "nulls": [
        {**an("ConfigMap", data={"a": "1", "b": None}), "binaryData": None},
        labelled("Deployment", replicas=None, strategy=None, pod={"nodeSelector": None, "volumes": None}),
        service(clusterIP=None, externalIPs=None),
    ],
    "empty maps and lists": [
        {**an("ConfigMap", data={}), "metadata": {"name": "web", "labels": {}, "annotations": {}}},
        containers(env=[], args=[], command=[], securityContext={}, resources={}, volumeMounts=[]),
        an("NetworkPolicy", "networking.k8s.io/v1", spec={"podSelector": {}, "ingress": [], "egress": [{}]}),
        an("Role", "rbac.authorization.k8s.io/v1", rules=[]),
        {**an("ServiceAccount"), "imagePullSecrets": [], "secrets": []},
    ],
    "ports without a protocol": [
        containers(ports=[{"containerPort": 53}, {"containerPort": 53, "protocol": "UDP"}, {"containerPort": 80}]),
        service(ports=[{"name": "t", "port": 53}, {"name": "u", "port": 53, "protocol": "UDP"}]),
        an("NetworkPolicy", "networking.k8s.io/v1", spec={"podSelector": {}, "ingress": [{"ports": [{"port": 53}]}]}),
    ],
    "secrets": [
        an("Secret", name="a", stringData={"k": "v"}, data={"b": "AAEC"}),
        an("Secret", name="b", stringData={}, data={}),
        an("Secret", name="c", stringData={"k": ""}),
        an("Secret", name="d", type="kubernetes.io/basic-auth", stringData={"username": "u", "password": "p"}),
    ],
    "text": [
        an("ConfigMap", data={"lines": "a\n\nb\n", "crlf": "a\r\nb", "number": "010", "word": "yes", "letter": "ü"})
    ],
    "templates of claims": [
        labelled("StatefulSet", serviceName="web", volumeClaimTemplates=copy.deepcopy(TEMPLATES)),
    ],
    "a job": [labelled("Job", api_version="batch/v1", pod={"restartPolicy": "Never"})],
    "an autoscaler": [
        an(
            "HorizontalPodAutoscaler",
            "autoscaling/v2",
            spec={
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
                "maxReplicas": 3,
                "metrics": [
                    {
                        "type": "Resource",
                        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
                    },
                    {
                        "type": "Resource",
                        "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1024Mi"}},
                    },
                ],
            },
        )
    ],
    "an ingress": [
        an(
            "Ingress",
            "networking.k8s.io/v1",
            spec={
                "rules": [
                    {
                        "host": "web.test",
                        "http": {
                            "paths": [
                                {
                                    "path": "/",
                                    "pathType": "Prefix",
                                    "backend": {"service": {"name": "web", "port": {"number": 80}}},
                                }
                            ]
                        },
                    }
                ]
            },
        )
    ],
    "projected volumes": [
        labelled(
            "Deployment",
            pod={
                "volumes": [
                    {"name": "a", "configMap": {"name": "x", "defaultMode": 0o644, "items": []}},
                    {"name": "b", "secret": {"secretName": "x"}},
                    {"name": "c", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}},
                    {
                        "name": "d",
                        "downwardAPI": {"items": [{"path": "n", "fieldRef": {"fieldPath": "metadata.name"}}]},
                    },
                ]
            },
        )
    ],
    "a pod": [
        {
            **an("Pod"),
            "spec": {
                "containers": [{"name": "app", "image": "example.test/app:1"}],
                "tolerations": [{"key": "a", "operator": "Exists"}],
            },
        }
    ],
}


@pytest.mark.parametrize("case", CASES)
def test_the_same_again_is_no_change(lab: t.Any, case: str) -> None:
    objects = [lab.namespace_object(), *copy.deepcopy(CASES[case])]
    checked, done = lab.apply(objects, check=True), lab.apply(objects)
    assert (done.get("msg"), len(done["changes"])) == (None, len(objects))
    assert checked["changes"] == done["changes"]
    lab.assert_rests(objects)


def test_cluster_wide_objects_rest_too(lab: t.Any) -> None:
    own = lab.owner
    objects = [
        an("StorageClass", "storage.k8s.io/v1", own, provisioner="disks.example.test", parameters={}),
        an("PriorityClass", "scheduling.k8s.io/v1", own, value=10, globalDefault=False, description=""),
        an("ClusterRole", "rbac.authorization.k8s.io/v1", own, rules=RULES),
        an(
            "PersistentVolume",
            name=own,
            spec={
                "capacity": {"storage": "1024Mi"},
                "accessModes": ["ReadWriteOnce"],
                "hostPath": {"path": "/x"},
                "claimRef": {"namespace": "default", "name": own},
            },
        ),
        an("IngressClass", "networking.k8s.io/v1", own, spec={"controller": "test.example/controller"}),
    ]
    assert lab.apply(objects).get("msg") is None
    lab.assert_rests(objects)


def reversed_keys(value: t.Any) -> t.Any:
    """Return *value* with the keys of all its mappings in the opposite order."""
    if isinstance(value, dict):
        return {key: reversed_keys(value[key]) for key in reversed(value)}
    return [reversed_keys(item) for item in value] if isinstance(value, list) else value


def test_the_order_of_keys_says_nothing(lab: t.Any) -> None:
    objects = [lab.namespace_object(), *copy.deepcopy(CASES["quantities"]), *copy.deepcopy(CASES["an autoscaler"])]
    lab.apply(objects)
    lab.assert_rests([reversed_keys(item) for item in objects])


def test_another_spelling_of_a_value_is_a_question_and_no_change(lab: t.Any) -> None:
    lab.apply([lab.namespace_object(), containers(resources={"requests": {"cpu": "1"}})])
    start = len(lab.server.audit())
    again = lab.apply([lab.namespace_object(), containers(resources={"requests": {"cpu": "1000m"}})])
    assert (again["changed"], again["requests"]) == (False, {"read": 3, "dry_run": 1, "write": 0})
    assert all("dryRun=All" in sent for sent in lab.mutating(start))
