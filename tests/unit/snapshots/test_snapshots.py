# SPDX-License-Identifier: GPL-3.0-or-later
"""Which snapshots are taken and removed, what is refused, and that none goes before the new ones are ready."""

from __future__ import annotations

import re
import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.errors import KubeError
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.model import Ref
from ansible_collections.atarnet.homelab.plugins.module_utils._snapshots.model import ABSENT, Wanted
from ansible_collections.atarnet.homelab.plugins.module_utils._snapshots.run import run

Json = dict[str, t.Any]
CSI: Json = {"csi": {"driver": "topolvm.io", "volumeHandle": "x"}}
LOCAL: Json = {"local": {"path": "/srv/ssd/volumes/x"}}


def snapshot(claim: str, name: str, created: str, ready: bool = True, ours: bool = True) -> Json:
    """Return a VolumeSnapshot as the API has it."""
    labels = {"app.kubernetes.io/managed-by": "atarnet.homelab"} if ours else {}
    metadata = {"namespace": "shop", "name": name, "uid": f"uid-{name}", "labels": labels}
    status = {"readyToUse": ready, "creationTime": created, "restoreSize": "1Gi"}
    return {"metadata": metadata, "spec": {"source": {"persistentVolumeClaimName": claim}}, "status": status}


class Cluster:
    """A cluster with claims; its driver has a snapshot ready when it was looked at *slow* times."""

    def __init__(self, *snapshots: Json, slow: int = 2, known: bool = True) -> None:
        self.snapshots = {item["metadata"]["name"]: item for item in snapshots}
        self.volumes = {"a": CSI, "b": LOCAL, "c": {"csi": {"driver": "other.io"}}, "d": {"nfs": {}}}
        self.claims = {"database": "a", "files": "b", "foreign": "c", "share": "d", "empty": ""}
        self.log: list[str] = []
        self._slow, self._known, self.now = slow, known, 0.0

    def resource(self, _version: str, _kind: str) -> object | None:
        return object() if self._known else None

    def list_all(self, ref: Ref) -> list[Json]:
        if ref.kind == "PersistentVolumeClaim":
            return [
                {"metadata": {"namespace": "shop", "name": name}, "spec": {"volumeName": volume}}
                for name, volume in self.claims.items()
            ]
        if ref.kind == "PersistentVolume":
            return [{"metadata": {"name": name}, "spec": spec} for name, spec in self.volumes.items()]
        if ref.kind == "VolumeSnapshotClass":
            return [{"metadata": {"name": "topolvm"}, "driver": "topolvm.io"}]
        return list(self.snapshots.values())

    def apply(self, ref: Ref, body: Json) -> Json:
        self.log.append(f"make {ref.name}")
        made = snapshot(body["spec"]["source"]["persistentVolumeClaimName"], ref.name, "2026-11-28", ready=False)
        self.snapshots[ref.name] = made
        return made

    def get(self, ref: Ref) -> Json | None:
        found = self.snapshots.get(ref.name)
        if found and not found["status"]["readyToUse"]:
            self._slow -= 1
            found["status"]["readyToUse"] = self._slow <= 0
        return found

    def delete(self, ref: Ref, uid: str) -> None:
        assert self.snapshots[ref.name]["metadata"]["uid"] == uid
        self.log.append(f"remove {ref.name}")
        del self.snapshots[ref.name]

    def close(self) -> None:
        self.log.append("close")

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def done(cluster: Cluster, *claims: str, check: bool = False, **wanted: t.Any) -> Json:
    """Run a task; returns its result."""
    asked = Wanted(tuple(claims or ("shop/database",)), wanted.pop("name", "new"), **wanted)
    given = t.cast(t.Any, cluster)
    return run(asked, lambda: given, check, 30, clock=lambda: cluster.now, sleep=cluster.sleep)


def test_a_check_says_what_the_run_then_does() -> None:
    cluster = Cluster()
    checked = done(cluster, check=True)
    assert cluster.log == ["close"]
    made = done(cluster)
    assert made["changes"] == checked["changes"] != [] and made["diff"] == checked["diff"]
    assert "persistentVolumeClaimName: database" in made["diff"][0]["after"] and not made["diff"][0]["before"]
    assert [(one["name"], one["ready"]) for one in made["snapshots"]] == [("database-new", True)]


def test_one_that_is_there_stays() -> None:
    cluster = Cluster(snapshot("database", "database-new", "2026-11-01"))
    assert done(cluster)["changed"] is False and cluster.log == ["close"]


def test_the_oldest_of_ours_go_when_the_new_one_is_ready() -> None:
    cluster = Cluster(
        snapshot("database", "one", "2026-11-01"),
        snapshot("database", "two", "2026-11-02"),
        snapshot("database", "three", "2026-11-03"),
        snapshot("database", "by-hand", "2026-10-01", ours=False),
        snapshot("other", "of-another", "2026-10-01"),
    )
    done(cluster, keep=2)
    assert cluster.log == ["make database-new", "remove two", "remove one", "close"]
    assert set(cluster.snapshots) == {"database-new", "three", "by-hand", "of-another"}


def test_none_goes_when_the_new_one_is_never_ready() -> None:
    cluster = Cluster(snapshot("database", "one", "2026-11-01"), slow=1000)
    said = done(cluster, keep=1)
    assert said["failed"] and "VolumeSnapshot shop/database-new: not ready after 30 s" in said["msg"]
    assert set(cluster.snapshots) == {"database-new", "one"}


def test_what_the_driver_says_is_told() -> None:
    late = snapshot("database", "database-new", "2026-11-28", ready=False)
    late["status"]["error"] = {"message": "pool is full."}
    assert "30 s, pool is full. See `kubectl -n shop describe volumesnapshot" in done(Cluster(late, slow=1000))["msg"]


def test_absent_removes_those_of_the_name() -> None:
    cluster = Cluster(snapshot("database", "database-new", "2026-11-01"), snapshot("database", "x", "2026-11-01"))
    assert done(cluster, state=ABSENT)["changes"][0]["action"] == "delete"
    assert set(cluster.snapshots) == {"x"} and done(cluster, state=ABSENT)["changed"] is False


REFUSED = {
    "misspelt": ("shop/databse", r'there is no such claim\. Did you mean "shop/database"\?'),
    "local-path": (
        "shop/files",
        r"its volume is a folder of local-path, which has no snapshots\. Use a tier of topolvm",
    ),
    "no class": ("shop/foreign", r"no VolumeSnapshotClass is of its driver other\.io\. Make one"),
    "no CSI": ("shop/share", r"its volume was made by no CSI driver"),
    "empty": ("shop/empty", r"it has no volume yet"),
}


@pytest.mark.parametrize(("claim", "words"), REFUSED.values(), ids=REFUSED)
def test_nothing_is_taken_when_one_claim_cannot(claim: str, words: str) -> None:
    cluster = Cluster()
    said = done(cluster, "shop/database", claim)
    assert said["failed"] and re.match(f"Taking a snapshot of {claim}: {words}", said["msg"]), said["msg"]
    assert cluster.log == ["close"]


def test_a_class_of_another_driver_and_a_name_that_is_taken_are_refused() -> None:
    assert "the class slow is none of its driver topolvm.io. Use topolvm" in done(Cluster(), kind="slow")["msg"]
    taken = Cluster(snapshot("other", "database-new", "2026-11-01"))
    assert "database-new is one of other already. Choose another name" in done(taken)["msg"]


def test_a_cluster_without_snapshots_is_told() -> None:
    assert "the cluster knows none. Have a tier of homelab_storage on topolvm" in done(Cluster(known=False))["msg"]


def test_nobody_is_there() -> None:
    def connect() -> t.NoReturn:
        raise KubeError("Connecting: refused. Look.")

    assert run(Wanted(("shop/database",), "new"), connect, True, 0)["msg"] == "Connecting: refused. Look."
