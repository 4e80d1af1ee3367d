# SPDX-License-Identifier: GPL-3.0-or-later
"""Artifacts and images come out the same whenever they are made of the same."""

from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path

import pytest

from lab import archive, artifacts, images
from lab.errors import LabError
from lab.table import ARTIFACTS, IMAGES


def program(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_bytes(f"program {name}".encode())
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("url", "path"),
    [
        pytest.param("https://dl.k8s.io/release/v1/kubeadm", "dl.k8s.io/release/v1/kubeadm", id="plain"),
        pytest.param("https://github.com/a/b/c.tar.gz", "github.com/a/b/c.tar.gz", id="archive"),
    ],
)
def test_mirrors_keep_upstreams_layout(url: str, path: str) -> None:
    assert artifacts.mirrored(url) == path


@pytest.mark.parametrize("artifact", ARTIFACTS, ids=lambda one: one.name)
def test_same_programs_give_the_same_file(artifact: artifacts.Artifact, tmp_path: Path) -> None:
    results = []
    for moment in (1, 2_000_000_000):
        folder = tmp_path / str(moment)
        folder.mkdir()
        for name in artifact.members.values():
            os.utime(program(folder, name), (moment, moment))
        artifacts.make_file(artifact, artifact.paths("amd64", "1.0.0"), folder / "out" / "file", folder.joinpath)
        results.append((folder / "out" / "file").read_bytes())
    assert results[0] == results[1]


def test_archive_has_upstreams_members(tmp_path: Path) -> None:
    artifact = next(one for one in ARTIFACTS if one.name == "containerd")
    for name in artifact.members.values():
        program(tmp_path, name)
    artifacts.make_file(
        artifact, artifact.paths("amd64", "1.0.0"), tmp_path / "file.tar.gz", lambda name: tmp_path / name
    )
    with tarfile.open(tmp_path / "file.tar.gz") as opened:
        members = {one.name: (one.mode, one.uid, one.mtime) for one in opened}
    expected = (0o755, 0, 0)
    assert members == dict.fromkeys(["bin/containerd", "bin/containerd-shim-runc-v2", "bin/ctr"], expected)


def test_archive_order_does_not_follow_the_given_order(tmp_path: Path) -> None:
    entries = [
        archive.Entry("b", program(tmp_path, "b")),
        archive.Entry("a", link="b"),
        archive.Entry("tmp", mode=0o1777),
    ]
    streams = []
    for order in (entries, entries[::-1]):
        stream = io.BytesIO()
        archive.write(stream, order)
        streams.append(stream.getvalue())
    assert streams[0] == streams[1]


def test_a_chart_lies_in_a_repository_and_is_the_same_each_time(tmp_path: Path) -> None:
    source = tmp_path / "chart"
    (source / "templates").mkdir(parents=True)
    (source / "Chart.yaml").write_text("name: cert-manager\nversion: v0.0.0\nappVersion: 2.1.0\n")
    (source / "templates" / "web.yaml").write_text("kind: Service")
    name = "cert-manager"
    made = [artifacts.make_chart(name, "v1.0.0", source, tmp_path / folder, "v1.0.0") for folder in ("one", "two")]
    assert made[0].read_bytes() == made[1].read_bytes()
    with tarfile.open(made[0]) as opened:
        assert opened.getnames() == [f"{name}/Chart.yaml", f"{name}/templates/web.yaml"]
        stated = opened.extractfile(f"{name}/Chart.yaml")
        assert stated and stated.read() == b"name: cert-manager\nversion: v1.0.0\nappVersion: 2.1.0\n"
    index = json.loads((tmp_path / "one" / "index.yaml").read_text())
    assert index["entries"][name][0]["urls"] == [made[0].name] == ["cert-manager-v1.0.0.tgz"]


def test_a_chart_of_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "Chart.yaml").write_text("name: web\nversion: 1.0.1\nappVersion: 1.0.0\n")
    with pytest.raises(LabError, match=r"chart web 1\.0\.0: .*module has 1\.0\.1"):
        artifacts.make_chart("web", "1.0.0", tmp_path, tmp_path / "made", "v1.0.0")


def test_image_names_layers_by_content() -> None:
    image = next(one for one in IMAGES if one.name == "etcd")
    manifest, config = images.manifest_and_config(image, [("ab" * 32, 7)], "arm64")
    described = json.loads(manifest)
    assert described["layers"][0]["digest"] == "sha256:" + "ab" * 32
    assert described["config"]["size"] == len(config)
    assert json.loads(config)["architecture"] == "arm64"
    assert images.manifest_and_config(image, [("ab" * 32, 7)], "arm64") == (manifest, config)
    assert images.manifest_and_config(image, [("cd" * 32, 7)], "arm64")[0] != manifest


def test_registry_for_nodes_cannot_be_written() -> None:
    assert images.configuration("/r", ":5000", read_only=True)["storage"]["maintenance"]["readonly"] == {
        "enabled": True
    }
