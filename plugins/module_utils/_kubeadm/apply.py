# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry out the planned steps on one node with kubeadm, and explain what went wrong when it does."""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import time
import typing as t
from dataclasses import dataclass, field

from . import observe
from .config import ENCRYPTION_CONFIG
from .explain import explain
from .model import KubeadmError

ADMIN_CONF = "/etc/kubernetes/admin.conf"
CONFIG = "/var/lib/atarnet-homelab/kubeadm.yaml"
INVITATION = "/run/atarnet-homelab/invitation.json"
TOKEN_TTL = "15m"
_API_WAIT_SECONDS = 240


@dataclass(frozen=True)
class Job:
    """What one module run has to do on this node.

    documents are the kubeadm documents of init or join; applied the hashes to note when done; invitation the
    join material that the controller brought from the acting control plane, empty when none is needed.
    """

    name: str
    address: str
    port: int
    version: str
    control_plane: bool
    documents: list[dict[str, t.Any]]
    applied: dict[str, str]
    invitation: dict[str, str] = field(default_factory=dict)


def write_private(path: str, text: str) -> None:
    """Write *text* so that the file is either whole or not there, readable by root alone."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    handle = os.open(path + ".tmp", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    os.rename(path + ".tmp", path)


class Kubeadm:
    """The steps of a plan, each a method of its name: init, recover, invite, join, start, reconfigure."""

    def __init__(self, job: Job, run: observe.Run) -> None:
        """Take the job and the function that executes a command and returns (code, out, err)."""
        self.job = job
        self.run = run

    def do(self, step: dict[str, t.Any]) -> None:
        """Carry out one step (the dict form of plan.Step); raises KubeadmError with the cause."""
        action: t.Callable[[dict[str, t.Any]], None] = getattr(self, step["kind"])
        action(step)

    def init(self, step: dict[str, t.Any]) -> None:
        """Make this node the first control plane."""
        self._discard_broken_files()
        if not os.path.exists(ENCRYPTION_CONFIG):
            write_private(ENCRYPTION_CONFIG, new_encryption_config())
        self._write_config()
        self._kubeadm("init", "--config", CONFIG)
        self._finish()

    def recover(self, step: dict[str, t.Any]) -> None:
        """Start what should run and wait for the API server of this node."""
        self._checked(["systemctl", "start", "containerd.service", "kubelet.service"], "Starting the kubelet")
        self._await_api()

    def invite(self, step: dict[str, t.Any]) -> None:
        """Mint a short-lived token and leave the join material where only root can read it."""
        self._await_api()
        material = {"ca_hash": self._ca_hash(), "token": self._kubeadm("token", "create", "--ttl", TOKEN_TTL).strip()}
        if step["invites_control_plane"]:
            key = secrets.token_hex(32)
            document = {"apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "InitConfiguration", "certificateKey": key}
            cluster = [entry for entry in self.job.documents if entry["kind"] == "ClusterConfiguration"]
            write_private(CONFIG + ".upload", _yaml([document, *cluster]))
            try:
                self._kubeadm("init", "phase", "upload-certs", "--upload-certs", "--config", CONFIG + ".upload")
            finally:
                os.unlink(CONFIG + ".upload")
            with open(ENCRYPTION_CONFIG, encoding="utf-8") as stream:
                material.update(certificate_key=key, encryption=stream.read())
        write_private(INVITATION, json.dumps(material))

    def join(self, step: dict[str, t.Any]) -> None:
        """Join the cluster with the material that the acting control plane left."""
        self._discard_broken_files()
        if not (step["resume"] and not self.job.control_plane and self._is_member()):
            self._join_with(self.job.invitation)
        self._finish()

    def start(self, step: dict[str, t.Any]) -> None:
        """Start the kubelet, which kubeadm itself does only once."""
        self._checked(["systemctl", "start", "kubelet.service"], "Starting the kubelet")

    def reconfigure(self, step: dict[str, t.Any]) -> None:
        """Bring the parts named by the step (cluster, kubelet, kube_proxy) to what the documents say."""
        if self.job.control_plane:
            self._write_config()
        if "cluster" in step["parts"]:
            self._reconfigure_cluster()
        if "kubelet" in step["parts"]:
            if self.job.control_plane:
                self._kubeadm("init", "phase", "upload-config", "kubelet", "--config", CONFIG)
            self._kubeadm("upgrade", "node", "phase", "kubelet-config")
            self._checked(["systemctl", "restart", "kubelet.service"], "Restarting the kubelet")
        if "kube_proxy" in step["parts"]:
            self._kubeadm("init", "phase", "addon", "kube-proxy", "--config", CONFIG)
            restart = ["kubectl", "--kubeconfig", ADMIN_CONF, "--namespace", "kube-system", "rollout", "restart"]
            self._checked([*restart, "daemonset/kube-proxy"], "Restarting kube-proxy")
        self._finish()

    def _reconfigure_cluster(self) -> None:
        self._kubeadm("init", "phase", "upload-config", "kubeadm", "--config", CONFIG)
        if self._certificate_lacks_names():
            for suffix in (".crt", ".key"):
                os.unlink(f"{observe.PKI}/apiserver{suffix}")
            self._kubeadm("init", "phase", "certs", "apiserver", "--config", CONFIG)
            os.unlink(f"{observe.MANIFESTS}/kube-apiserver.yaml")
            time.sleep(5)  # the kubelet has to notice that the old pod is gone before the new one comes
        self._kubeadm("init", "phase", "control-plane", "all", "--config", CONFIG)
        self._await_api()

    def _certificate_lacks_names(self) -> bool:
        command = ["openssl", "x509", "-noout", "-ext", "subjectAltName", "-in", f"{observe.PKI}/apiserver.crt"]
        present = self._checked(command, "Reading the API server's certificate")
        cluster = next(entry for entry in self.job.documents if entry["kind"] == "ClusterConfiguration")
        named = set(re.findall(r"(?:DNS|IP Address):([^,\s]+)", present))
        return not set(cluster["apiServer"]["certSANs"]) <= named

    def _join_with(self, material: dict[str, str]) -> None:
        document = self.job.documents[0]
        discovery = document["discovery"]["bootstrapToken"]
        discovery.update(token=material["token"], caCertHashes=[material["ca_hash"]])
        if self.job.control_plane:
            document["controlPlane"]["certificateKey"] = material["certificate_key"]
            if not os.path.exists(ENCRYPTION_CONFIG):
                write_private(ENCRYPTION_CONFIG, material["encryption"])
        path = CONFIG + ".join"
        write_private(path, _yaml([document]))
        try:
            self._kubeadm("join", "--config", path)
        finally:
            os.unlink(path)

    def _is_member(self) -> bool:
        if os.path.exists("/etc/kubernetes/bootstrap-kubelet.conf"):
            return False
        command = ["kubectl", "--kubeconfig", "/etc/kubernetes/kubelet.conf", "get", "node", self.job.name]
        return self.run(command)[0] == 0

    def _write_config(self) -> None:
        write_private(CONFIG, _yaml(self.job.documents))

    def _finish(self) -> None:
        stamp = {"version": self.job.version, "applied": self.job.applied, "left": observe.left_hashes()}
        write_private(observe.STAMP, json.dumps(stamp))

    def _discard_broken_files(self) -> None:
        """Remove certificates, keys and kubeconfigs that a killed kubeadm left half-written; it makes them anew."""
        for folder in (observe.PKI, f"{observe.PKI}/etcd"):
            for name in observe.listing(folder):
                path = os.path.join(folder, name)
                check = {".crt": ["x509"], ".key": ["pkey"], ".pub": ["pkey", "-pubin"]}.get(name[-4:])
                if check and self.run(["openssl", *check, "-noout", "-in", path])[0] != 0:
                    os.unlink(path)
        for name in observe.listing("/etc/kubernetes"):
            path = os.path.join("/etc/kubernetes", name)
            if name.endswith(".conf") and os.path.getsize(path) == 0:
                os.unlink(path)

    def _ca_hash(self) -> str:
        script = f"openssl x509 -pubkey -noout -in {observe.PKI}/ca.crt | openssl pkey -pubin -outform der | sha256sum"
        return "sha256:" + self._checked(["sh", "-c", script], "Hashing the cluster's CA").split()[0]

    def _await_api(self) -> None:
        cause = ""
        end = time.monotonic() + _API_WAIT_SECONDS
        while time.monotonic() < end:
            try:
                observe.ask(self.job.address, self.job.port, "GET", "/readyz", f"{observe.PKI}/ca.crt")
                return
            except (OSError, ValueError) as exc:
                cause = str(exc)
            time.sleep(0.5)
        raise KubeadmError(explain(f"Waiting for the API server of {self.job.name}", cause, self.run))

    def _kubeadm(self, *arguments: str) -> str:
        verb = " ".join(argument for argument in arguments if not argument.startswith(("-", "/")))
        return self._checked(["kubeadm", *arguments], f"Running kubeadm {verb} on {self.job.name}")

    def _checked(self, command: list[str], attempted: str) -> str:
        code, out, err = self.run(command)
        if code != 0:
            raise KubeadmError(explain(attempted, err or out, self.run))
        return out


def new_encryption_config() -> str:
    """Return an EncryptionConfiguration with a fresh 32-byte secretbox key (KEP-3299's v1 provider without KMS)."""
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    provider = {"secretbox": {"keys": [{"name": "key1", "secret": key}]}}
    document = {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        "resources": [{"resources": ["secrets"], "providers": [provider, {"identity": {}}]}],
    }
    return _yaml([document])


def _yaml(documents: list[dict[str, t.Any]]) -> str:
    # JSON is YAML, and the nodes need no YAML library this way.
    return "\n---\n".join(json.dumps(document, indent=2) for document in documents) + "\n"
