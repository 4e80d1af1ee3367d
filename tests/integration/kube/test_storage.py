# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role storage applies, as a real API server takes it, and what its policies make of pods and volumes."""

from __future__ import annotations

import time
import typing as t

import pytest

from tests.integration.kube.conftest import Lab
from tests.unit.storage.support import HARDWARE, MUSIC, POOLS, Json, plan, rendered

# Until an admission policy that was just made is in force.
IN_FORCE_S = 30


@pytest.fixture(scope="module", name="objects")
def _objects(server: t.Any) -> list[Json]:
    """Everything for pools and folders and a library, applied."""
    folder = {"name": "old", "folder": "/srv/hdd"}
    of = plan({"tiers": [*POOLS, folder], "libraries": [MUSIC]}, HARDWARE)
    # The definition of the class of snapshots comes with a manifest.
    classes = [item for item in of["storage"]["topolvm"]["objects"] if item["kind"] == "StorageClass"]
    # The provisioner's pod would wait for a kubelet.
    objects = [*rendered(of), *rendered(of, "snapshots.yaml.j2"), *of["storage"]["objects"], *classes]
    owner = Lab(server)
    done = owner.apply(objects)
    assert (done.get("msg"), len(done["changes"])) == (None, len(objects))
    owner.assert_rests(objects)
    return objects


def pod(volume: Json) -> Json:
    container = {"name": "one", "image": "one", "volumeMounts": [{"name": "one", "mountPath": "/one"}]}
    spec = {"containers": [container], "volumes": [{"name": "one", **volume}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one"}, "spec": spec}


def admitted(server: t.Any, namespace: str, volume: Json, wanted: Json) -> None:
    """Assert what becomes of the volume of a pod, as soon as policies are in force."""
    deadline, path = time.monotonic() + IN_FORCE_S, f"/api/v1/namespaces/{namespace}/pods?dryRun=All"
    while (found := server.call("POST", path, pod(volume))["spec"]["volumes"][0]) != {"name": "one", **wanted}:
        assert time.monotonic() < deadline, found
        time.sleep(0.5)


def test_no_pod_of_the_provisioner_has_a_folder_made(server: t.Any, objects: list[Json]) -> None:
    made = {"hostPath": {"path": "/srv/ssd/volumes/", "type": "DirectoryOrCreate"}}
    looked_for = {"hostPath": {"path": "/srv/ssd/volumes/", "type": "Directory"}}
    admitted(server, "local-path-storage", made, looked_for)


def test_pods_read_a_library_whatever_they_ask_for(server: t.Any, objects: list[Json]) -> None:
    name = MUSIC["name"]
    read_only = {"persistentVolumeClaim": {"claimName": name, "readOnly": True}}
    admitted(server, MUSIC["namespace"], {"persistentVolumeClaim": {"claimName": name}}, read_only)
    other = {"persistentVolumeClaim": {"claimName": "other"}}
    admitted(server, MUSIC["namespace"], other, other)


def test_the_provider_of_a_class_never_changes(server: t.Any) -> None:
    """Whoever moves a tier to another provider is told so; what is there stays."""
    owner, name = Lab(server), "moving"
    folder = plan({"tiers": [{"name": name, "folder": "/srv/hdd", "default": True}]})
    pool = plan({"tiers": [{"name": name, "group": "debian-vg", "size": "1Gi", "default": True}]})
    assert owner.apply(folder["storage"]["objects"]).get("msg") is None
    said = owner.apply(pool["storage"]["topolvm"]["objects"][:1])["msg"]
    assert f"StorageClass {name}" in said and "Delete the object or keep the field as it was" in said, said
