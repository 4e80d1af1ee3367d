# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps on a node: which commands run, what is written, how a failure is explained."""

from __future__ import annotations

import json
import re
import typing as t
from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._kubeadm import apply, observe
from ansible_collections.atarnet.homelab.plugins.module_utils._kubeadm.config import init_documents, join_document
from ansible_collections.atarnet.homelab.plugins.module_utils._kubeadm.explain import explain, kubeadm_errors
from ansible_collections.atarnet.homelab.plugins.module_utils._kubeadm.model import KubeadmError

from tests.unit.kubeadm.test_plan import CLUSTER

TOKEN = "abcdef.0123456789abcdef"


class Host:
    """A host whose commands are answered from a table of prefixes."""

    def __init__(self, answers: dict[str, tuple[int, str, str]] | None = None) -> None:
        self.answers = answers or {}
        self.ran: list[str] = []

    def __call__(self, command: list[str]) -> tuple[int, str, str]:
        line = " ".join(command)
        self.ran.append(line)
        for prefix, answer in self.answers.items():
            if line.startswith(prefix):
                return answer
        return 0, '{"containers": []}' if "crictl ps" in line else "", ""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put everything that apply writes below a temporary folder."""
    monkeypatch.setattr(apply, "CONFIG", str(tmp_path / "kubeadm.yaml"))
    monkeypatch.setattr(apply, "INVITATION", str(tmp_path / "run" / "invitation.json"))
    monkeypatch.setattr(apply, "ENCRYPTION_CONFIG", str(tmp_path / "encryption.yaml"))
    monkeypatch.setattr(observe, "STAMP", str(tmp_path / "stamp.json"))
    monkeypatch.setattr(observe, "PKI", str(tmp_path / "pki"))
    monkeypatch.setattr(observe, "MANIFESTS", str(tmp_path / "manifests"))
    monkeypatch.setattr(observe, "KUBELET_FILE", str(tmp_path / "kubelet.yaml"))
    return tmp_path


def step(kind: str, **more: t.Any) -> dict[str, t.Any]:
    return {"kind": kind, "parts": [], "resume": [], "guests": [], "invites_control_plane": False, **more}


def job(name: str, **more: t.Any) -> apply.Job:
    node = CLUSTER.nodes[name]
    control_plane = node.role == "control_plane"
    documents = init_documents(CLUSTER, node) if control_plane else [join_document(CLUSTER, node)]
    facts: dict[str, t.Any] = {"applied": {"kubelet": "x"}, "documents": documents, **more}
    return apply.Job(name, node.address, 6443, CLUSTER.version, control_plane, **facts)


def test_init_runs_kubeadm_once_and_stamps(folder: Path) -> None:
    host = Host()
    apply.Kubeadm(job("cp1"), host).do(step("init"))
    assert [line for line in host.ran if line.startswith("kubeadm")] == [f"kubeadm init --config {folder}/kubeadm.yaml"]
    assert json.loads((folder / "stamp.json").read_text())["version"] == "1.36.4"
    assert (folder / "encryption.yaml").stat().st_mode & 0o777 == 0o600


def test_init_keeps_the_encryption_key_of_an_interrupted_run(folder: Path) -> None:
    (folder / "encryption.yaml").write_text("the first key")
    apply.Kubeadm(job("cp1"), Host()).do(step("init"))
    assert (folder / "encryption.yaml").read_text() == "the first key"


def test_failed_init_leaves_no_stamp(folder: Path) -> None:
    host = Host({"kubeadm init": (1, "", "[ERROR Port-10250]: Port 10250 is in use")})
    with pytest.raises(KubeadmError, match=r"Running kubeadm init on cp1: \[Port-10250\]: Port 10250 is in use"):
        apply.Kubeadm(job("cp1"), host).do(step("init"))
    assert not (folder / "stamp.json").exists()


def test_half_written_files_are_discarded_before_init_makes_them_anew(folder: Path) -> None:
    (folder / "pki").mkdir()
    (folder / "pki" / "ca.crt").write_text("half")
    (folder / "pki" / "ca.key").write_text("whole")
    host = Host({f"openssl x509 -noout -in {folder}/pki/ca.crt": (1, "", "bad")})
    apply.Kubeadm(job("cp1"), host).do(step("init"))
    assert not (folder / "pki" / "ca.crt").exists()
    assert (folder / "pki" / "ca.key").exists()


def test_join_config_with_the_token_is_gone_afterwards(folder: Path) -> None:
    seen: dict[str, t.Any] = {}

    def run(command: list[str]) -> tuple[int, str, str]:
        if command[:2] == ["kubeadm", "join"]:
            seen.update(json.loads(Path(command[-1]).read_text()))
        return 0, "", ""

    apply.Kubeadm(job("w1", invitation={"token": TOKEN, "ca_hash": "sha256:1"}), run).do(step("join"))
    assert seen["discovery"]["bootstrapToken"]["token"] == TOKEN
    assert not list(folder.glob("*.join"))
    assert TOKEN not in "".join(path.read_text() for path in folder.rglob("*") if path.is_file())


def test_join_failure_does_not_print_the_token(folder: Path) -> None:
    host = Host({"kubeadm join": (1, "", f"error execution phase preflight: couldn't validate token {TOKEN}")})
    with pytest.raises(KubeadmError) as failure:
        apply.Kubeadm(job("w1", invitation={"token": TOKEN, "ca_hash": "sha256:1"}), host).do(step("join"))
    assert TOKEN not in str(failure.value)
    assert "couldn't validate token (token)" in str(failure.value)


def test_join_that_had_succeeded_is_only_stamped(folder: Path) -> None:
    host = Host()
    apply.Kubeadm(job("w1"), host).do(step("join", resume=["Port-10250"]))
    assert not [line for line in host.ran if line.startswith("kubeadm join")]
    assert (folder / "stamp.json").exists()


@pytest.mark.parametrize(
    ("name", "parts", "commands"),
    [
        ("w1", ["kubelet"], ["kubeadm upgrade node phase kubelet-config", "systemctl restart kubelet.service"]),
        (
            "cp1",
            ["kube_proxy"],
            ["kubeadm init phase addon kube-proxy --config CONFIG", "kubectl .* restart daemonset/kube-proxy"],
        ),
        (
            "cp1",
            ["kubelet"],
            [
                "kubeadm init phase upload-config kubelet --config CONFIG",
                "kubeadm upgrade node phase kubelet-config",
                "systemctl restart kubelet.service",
            ],
        ),
    ],
    ids=["worker's kubelet", "kube-proxy", "control plane's kubelet"],
)
def test_reconfigure_does_what_the_part_needs(folder: Path, name: str, parts: list[str], commands: list[str]) -> None:
    host = Host()
    apply.Kubeadm(job(name), host).do(step("reconfigure", parts=parts))
    ran = [line.replace(str(folder / "kubeadm.yaml"), "CONFIG") for line in host.ran]
    assert len(ran) == len(commands)
    assert all(re.fullmatch(pattern, line) for pattern, line in zip(commands, ran, strict=True))


def test_new_encryption_keys_differ_and_are_32_bytes() -> None:
    first, second = apply.new_encryption_config(), apply.new_encryption_config()
    assert first != second
    key = json.loads(first)["resources"][0]["providers"][0]["secretbox"]["keys"][0]["secret"]
    assert len(key) == 44


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "[preflight] Some\n\t[ERROR Swap]: swap is on\n\t[ERROR Mem]: too little\nadvice",
            ["[Swap]: swap is on", "[Mem]: too little"],
        ),
        (
            "noise\nerror execution phase wait-control-plane: timed out\nmore",
            ["error execution phase wait-control-plane: timed out"],
        ),
        ("only this", ["only this"]),
    ],
    ids=["preflight", "phase", "unknown"],
)
def test_kubeadm_errors(text: str, expected: list[str]) -> None:
    assert kubeadm_errors(text) == expected


def test_explanation_names_a_dead_kubelet_and_the_container_that_ended() -> None:
    container = {"id": "1", "createdAt": "1", "metadata": {"name": "kube-apiserver"}}
    host = Host(
        {
            "systemctl is-active": (3, "", ""),
            "journalctl": (0, "failed to run Kubelet: no space left on device", ""),
            "crictl ps": (0, json.dumps({"containers": [container]}), ""),
            "crictl logs": (0, "", "bind: address already in use"),
        }
    )
    text = explain("Running kubeadm init on cp1", "error: timed out", host)
    assert "the kubelet is not running: failed to run Kubelet: no space left on device" in text
    assert "kube-apiserver ended: bind: address already in use" in text
