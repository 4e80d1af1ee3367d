# SPDX-License-Identifier: GPL-3.0-or-later
"""A real API server with its etcd on loopback, for the length of one test session."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import ssl
import subprocess
import time
import typing as t
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from tests.support.ports import free_ports

START_S = 90.0
STOP_S = 10.0

_AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata", "users": ["admin"]}, {"level": "None"}],
}


def binaries() -> Path:
    """Return the folder of etcd and kube-apiserver. Raises RuntimeError where it is not told or incomplete."""
    told = os.environ.get("HOMELAB_BIN", "")
    missing = [name for name in ("etcd", "kube-apiserver") if not (Path(told) / name).exists()]
    if not told or missing:
        raise RuntimeError(
            f"Starting the API server: HOMELAB_BIN is {told or 'not set'}, so {', '.join(missing)} cannot be found. "
            "Set HOMELAB_BIN to a folder with etcd and kube-apiserver."
        )
    return Path(told)


@dataclass
class Server:
    """A running API server: its folder, port, and the tokens of the administrator, a guest without rights, a member.

    Nobody gives the guest a right; the member has what a test gave.
    """

    folder: Path
    port: int
    token: str
    guest: str
    member: str

    @property
    def kubeconfig(self) -> Path:
        """Return the administrator's kubeconfig."""
        return self.folder / "admin.conf"

    def audit(self) -> list[dict[str, t.Any]]:
        """Return all requests of the administrator so far, oldest first."""
        with open(self.folder / "audit.log", encoding="utf-8") as stream:
            return [json.loads(line) for line in stream]

    def call(
        self, method: str, path: str, body: t.Any = None, content_type: str = "application/json"
    ) -> dict[str, t.Any]:
        """Return the answer to one request made beside the tested client. Raises HTTPError when refused."""
        data = json.dumps(body).encode() if body is not None else None
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": content_type}
        request = urllib.request.Request(f"https://127.0.0.1:{self.port}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, context=self.trust(), timeout=30) as answer:
            return dict(json.load(answer))

    def patch(self, path: str, body: t.Any, manager: str = "by-hand") -> dict[str, t.Any]:
        """Change an object as a person with another tool would."""
        return self.call("PATCH", f"{path}?fieldManager={manager}", body, "application/merge-patch+json")

    def exists(self, path: str) -> bool:
        """Return whether there is an object at *path*."""
        try:
            self.call("GET", path)
        except urllib.error.HTTPError as exc:
            if exc.code != 404:
                raise
            return False
        return True

    def trust(self) -> ssl.SSLContext:
        """Return what a client of the server trusts; its own certificate is its authority, as it is self-signed."""
        context = ssl.create_default_context(cafile=str(self.folder / "certs" / "apiserver.crt"))
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context

    def identity(self) -> ssl.SSLContext:
        """Return what somebody else on loopback needs to be taken for the server."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.folder / "certs" / "apiserver.crt", self.folder / "certs" / "apiserver.key")
        return context

    def write_kubeconfig(self, path: Path, plain: bool = False, port: int = 0, token: str = "") -> Path:
        """Write a kubeconfig and return its path: the administrator's unless another *token* is given.

        It may name another *port*, and plain HTTP.
        """
        authority = base64.b64encode((self.folder / "certs" / "apiserver.crt").read_bytes()).decode()
        address = f"{'http' if plain else 'https'}://127.0.0.1:{port or self.port}"
        cluster = {"server": address, "certificate-authority-data": authority}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "admin", "user": {"token": token or self.token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
        }
        path.write_text(json.dumps(config), encoding="utf-8")
        return path


@contextlib.contextmanager
def running(folder: Path) -> t.Iterator[Server]:
    """Give a ready API server whose files are in *folder*; it and its etcd end with the block."""
    secure, client, peer = free_ports(3)
    tools, server = binaries(), Server(folder, secure, *(secrets.token_hex(16) for _ in range(3)))
    users = f"{server.token},admin,1,system:masters\n{server.guest},guest,2\n{server.member},member,3\n"
    (folder / "tokens.csv").write_text(users, encoding="utf-8")
    (folder / "audit.yaml").write_text(json.dumps(_AUDIT_POLICY), encoding="utf-8")
    key = ["openssl", "genrsa", "-out", str(folder / "accounts.key"), "2048"]
    subprocess.run(key, check=True, capture_output=True, timeout=60)
    etcd = [
        str(tools / "etcd"),
        *("--data-dir", str(folder / "etcd"), "--unsafe-no-fsync"),
        *(f"--listen-client-urls=http://127.0.0.1:{client}", f"--advertise-client-urls=http://127.0.0.1:{client}"),
        *(f"--listen-peer-urls=http://127.0.0.1:{peer}", f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}"),
        f"--initial-cluster=default=http://127.0.0.1:{peer}",
    ]
    api = [
        str(tools / "kube-apiserver"),
        f"--etcd-servers=http://127.0.0.1:{client}",
        *("--bind-address=127.0.0.1", f"--secure-port={server.port}", f"--cert-dir={folder / 'certs'}"),
        *("--service-account-issuer=https://kubernetes.default.svc", "--service-cluster-ip-range=10.0.0.0/24"),
        f"--service-account-key-file={folder / 'accounts.key'}",
        f"--service-account-signing-key-file={folder / 'accounts.key'}",
        *("--authorization-mode=RBAC", f"--token-auth-file={folder / 'tokens.csv'}"),
        "--disable-admission-plugins=ServiceAccount",
        *(f"--audit-policy-file={folder / 'audit.yaml'}", f"--audit-log-path={folder / 'audit.log'}"),
        "--audit-log-mode=blocking",
    ]
    with _process(etcd, folder / "etcd.log") as storage, _process(api, folder / "apiserver.log") as process:
        _await_ready(server, {"etcd": storage, "apiserver": process})
        yield server


@contextlib.contextmanager
def _process(command: list[str], log: Path) -> t.Iterator[subprocess.Popen[bytes]]:
    with open(log, "wb") as stream, subprocess.Popen(command, stdout=stream, stderr=stream) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _await_ready(server: Server, processes: t.Mapping[str, subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + START_S
    cause = "it did not answer"
    while time.monotonic() < deadline and all(process.poll() is None for process in processes.values()):
        try:
            server.call("GET", "/api/v1/namespaces/kube-system")
        except (OSError, urllib.error.URLError) as exc:
            cause = str(exc)
            time.sleep(0.3)
        else:
            server.write_kubeconfig(server.kubeconfig)
            return
    ended = next((name for name, process in processes.items() if process.poll() is not None), "apiserver")
    tail = (server.folder / f"{ended}.log").read_text(encoding="utf-8", errors="replace")[-2000:]
    raise RuntimeError(f"Starting the API server: not ready ({cause}). The log of {ended} ends:\n{tail}")
