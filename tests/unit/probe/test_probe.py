# SPDX-License-Identifier: GPL-3.0-or-later
"""A probe has its volume and nothing else, its exit code counts, and nothing is left of it."""

from __future__ import annotations

import copy
import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._backup_plan.model import Probe
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.errors import KubeError
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.model import Ref
from ansible_collections.atarnet.homelab.plugins.module_utils._probe.apply import run
from ansible_collections.atarnet.homelab.plugins.module_utils._probe.plan import Stage, namespace_of, stage

Json = dict[str, t.Any]
PROBE = Probe("shop/data", "shop:1", ("check", "it"), "/var/data", timeout=20)
SPACE = "homelab-probe-w1"


def staged(**changes: t.Any) -> Stage:
    """Return the stage of the probe of shop/data on w1."""
    return stage("home", "w1", Probe(**{**vars(PROBE), **changes}), "ssd", "/srv/ssd/volumes")


def test_it_has_a_namespace_with_the_claim_and_reaches_nobody() -> None:
    made = staged()
    space, policy, volume, claim = made.objects
    assert (space["metadata"]["name"], made.namespace) == (SPACE, SPACE)
    assert space["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert policy["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert claim["spec"]["volumeName"] == volume["metadata"]["name"]
    assert volume["spec"]["local"]["path"] == made.target and made.target.endswith(f"_{SPACE}_data")
    assert {one["metadata"].get("namespace", SPACE) for one in (*made.objects, made.job)} == {SPACE}


@pytest.mark.parametrize(
    ("user", "level", "pod", "container"),
    [
        (None, "restricted", {"runAsNonRoot": True}, {"drop": ["ALL"]}),
        (999, "restricted", {"runAsNonRoot": True, "runAsUser": 999}, {"drop": ["ALL"]}),
        (0, "baseline", {"runAsNonRoot": False, "runAsUser": 0}, None),
    ],
    ids=["the image's", "the app's", "root"],
)
def test_who_it_runs_as(user: int | None, level: str, pod: Json, container: Json | None) -> None:
    made = staged(user=user)
    spec = made.job["spec"]["template"]["spec"]
    assert made.objects[0]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == level
    assert spec["securityContext"] == {**pod, "seccompProfile": {"type": "RuntimeDefault"}}
    assert spec["containers"][0]["securityContext"].get("capabilities") == container
    assert spec["containers"][0]["volumeMounts"] == [{"name": "data", "mountPath": "/var/data"}]
    assert (spec["activeDeadlineSeconds"], made.job["spec"]["backoffLimit"]) == (20, 0)


def test_a_node_with_a_long_name_has_a_namespace_too() -> None:
    assert namespace_of("n" * 63) == "homelab-probe-" + "n" * 49
    assert namespace_of("n" * 48 + "-" + "n" * 9) == "homelab-probe-" + "n" * 48


class Cluster:
    """An API with what is needed of one; a volume is bound, and gone with its namespace, at once."""

    def __init__(self, *objects: Json, failure: str = "", stuck: str = "", pods: t.Sequence[Json] = ()) -> None:
        self.live: dict[Ref, Json] = {}
        self.done: list[str] = []
        self.failure, self.stuck, self.pods = failure, stuck, pods
        for number, one in enumerate(objects):
            self.live[Ref.of(one)] = {**one, "metadata": {**one["metadata"], "uid": f"old-{number}"}}

    def get(self, ref: Ref) -> Json | None:
        """Return what there is."""
        return self.live.get(ref)

    def list_all(self, ref: Ref) -> list[Json]:
        """Return all of a kind."""
        if ref.kind == "Pod":
            return list(self.pods)
        return [one for known, one in self.live.items() if known.kind == ref.kind]

    def apply(self, ref: Ref, body: Json) -> Json:
        """Have it there."""
        made = copy.deepcopy(body)
        made["metadata"]["uid"] = f"new-{ref.name}"
        self.live[ref] = made
        if ref.kind == "PersistentVolumeClaim":
            for one in self.list_all(Ref("v1", "PersistentVolume", "", "")):
                one["spec"]["claimRef"]["uid"] = "bound"
        self.done.append(f"apply {ref.kind}")
        return made

    def delete(self, ref: Ref, uid: str) -> None:
        """Have it go, a namespace with all in it."""
        assert self.live[ref]["metadata"]["uid"] == uid
        self.done.append(f"delete {ref.kind}")
        gone = {ref}
        if ref.kind == "Namespace":
            gone |= {one for one in self.live if one.namespace == ref.name}
            gone |= {one for one, live in self.live.items() if "uid" in live.get("spec", {}).get("claimRef", {})}
        self.live = {one: live for one, live in self.live.items() if one not in gone}

    def close(self) -> None:
        """Have nothing to close."""


class Waiting:
    """What waits: all is there at once, or the failure that the cluster has for the job."""

    def __init__(self, api: t.Any, _pool: t.Any, wait: t.Any) -> None:
        self._api, self.limit = api, wait.timeout

    def ready(self, current: Json) -> None:
        """Tell how the job ended."""
        assert [key[1] for key in current] == ["Job"] and self.limit == 200
        if self._api.failure:
            raise KubeError(self._api.failure)

    def gone(self, uids: t.Mapping[Ref, str]) -> None:
        """Be sure that it is."""
        self._api.done.append(f"gone {' '.join(sorted(ref.kind for ref in uids))}")
        if self._api.stuck:
            raise KubeError(self._api.stuck)
        assert not set(uids) & set(self._api.live)


ALL = [f"apply {kind}" for kind in ("Namespace", "NetworkPolicy", "PersistentVolume", "PersistentVolumeClaim")]
CLEANED = ["delete Namespace", "gone Namespace PersistentVolume"]


def probed(cluster: Cluster, restored: str = "") -> float:
    """Run the probe; *restored* is why the files cannot be."""

    def restore(made: Stage) -> None:
        assert made.target == staged().target
        cluster.done.append("restore")
        if restored:
            raise KubeError(restored)

    times = iter((10.0, 14.25))
    return run(staged(), t.cast("t.Any", cluster), restore, t.cast("t.Any", Waiting), lambda: next(times))


def test_the_claim_comes_before_the_files_and_these_before_the_job() -> None:
    cluster = Cluster()
    assert probed(cluster) == 4.2
    assert cluster.done == [*ALL, "restore", "apply Job", *CLEANED] and cluster.live == {}


LATE: Json = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "probe-1", "namespace": SPACE},
    "status": {"phase": "Failed", "reason": "DeadlineExceeded"},
}


@pytest.mark.parametrize(
    ("pods", "said"),
    [
        ([], r"^Waiting for .* no rows\.$"),
        ([LATE], r"^It was ended after its timeout of 20 s\. Waiting for .* no rows\.$"),
    ],
    ids=["by its code", "by its timeout"],
)
def test_one_that_fails_is_told_and_removed(pods: list[Json], said: str) -> None:
    cluster = Cluster(failure="Waiting for batch/v1 Job: its last words: no rows.", pods=pods)
    with pytest.raises(KubeError, match=said):
        probed(cluster)
    assert cluster.done[-2:] == CLEANED and cluster.live == {}


def test_where_the_files_cannot_be_restored_nothing_is_run() -> None:
    cluster = Cluster()
    with pytest.raises(KubeError, match="Cannot restore"):
        probed(cluster, restored="Cannot restore shop/data")
    assert cluster.done == [*ALL, "restore", *CLEANED]


@pytest.mark.parametrize("number", [1, 3, 4])
def test_what_a_killed_run_left_goes_first(number: int) -> None:
    left = copy.deepcopy(staged().objects[:number])
    if number == 4:
        left[2]["spec"]["claimRef"]["uid"] = "bound"
    cluster = Cluster(*left)
    probed(cluster)
    # A volume that never had its claim is nobody's to remove.
    first = {1: ["delete Namespace", "gone Namespace"], 4: CLEANED}
    expected = first.get(number, ["delete Namespace", "delete PersistentVolume", "gone Namespace PersistentVolume"])
    assert cluster.done == [*expected, *ALL, "restore", "apply Job", *CLEANED]


def test_a_namespace_of_somebody_else_stays() -> None:
    cluster = Cluster({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}, "spec": {}})
    with pytest.raises(KubeError, match="no drill made it"):
        probed(cluster)
    assert cluster.done == []


def test_what_cannot_be_removed_is_told_beside_the_verdict() -> None:
    cluster = Cluster(failure="no rows.", stuck="Waiting for the end of it.")
    with pytest.raises(KubeError, match=r"^no rows\. Waiting for the end of it\."):
        probed(cluster)
