# SPDX-License-Identifier: GPL-3.0-or-later
"""A control plane in a folder: the authorities that kubeadm would make, and a real etcd that speaks TLS alone."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import typing as t
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.ports import free_ports
from tests.unit.backup.node import restic_folder

OPENSSL_EXTENSIONS = "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n"


def openssl(*words: str | Path) -> None:
    """Run openssl."""
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


def tools() -> None:
    """Have etcd's programs on PATH; fails the test without them."""
    os.environ["PATH"] = f"{restic_folder()}:{os.environ['PATH']}"
    missing = [name for name in ("etcd", "etcdctl", "etcdutl") if not shutil.which(name)]
    if missing:
        pytest.fail(f"{', '.join(missing)} is neither in HOMELAB_BIN nor on PATH; `python3 -m lab supply` builds it")


@dataclass
class ControlPlane:
    """What kubeadm leaves at *kubernetes*, the folder of etcd's *data*, and where it listens."""

    kubernetes: Path
    data: Path
    client: int
    peer: int

    @property
    def endpoint(self) -> str:
        """HOST:PORT of etcd."""
        return f"127.0.0.1:{self.client}"

    @contextlib.contextmanager
    def running(self, data: Path | None = None, name: str = "node-1") -> t.Iterator[ControlPlane]:
        """Have etcd run, on its own data or on other."""
        pki, peer = self.kubernetes / "pki" / "etcd", f"http://127.0.0.1:{self.peer}"
        command = [
            *("etcd", f"--name={name}", f"--data-dir={data or self.data}", "--unsafe-no-fsync", "--log-level=error"),
            *(f"--listen-client-urls=https://{self.endpoint}", f"--advertise-client-urls=https://{self.endpoint}"),
            *(
                f"--listen-peer-urls={peer}",
                f"--initial-advertise-peer-urls={peer}",
                f"--initial-cluster={name}={peer}",
            ),
            *(f"--cert-file={pki}/server.crt", f"--key-file={pki}/server.key"),
            *(f"--trusted-ca-file={pki}/ca.crt", "--client-cert-auth"),
        ]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            try:
                self.ctl("endpoint", "health", "--command-timeout=20s")
                yield self
            finally:
                process.kill()
                process.communicate()

    def ctl(self, *words: str) -> str:
        """Run etcdctl and return what it prints."""
        pki = self.kubernetes / "pki" / "etcd"
        identity = [f"--cacert={pki}/ca.crt", f"--cert={pki}/server.crt", f"--key={pki}/server.key"]
        command = ["etcdctl", f"--endpoints=https://{self.endpoint}", *identity, *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


def make(root: Path) -> ControlPlane:
    """Make what kubeadm makes: three authorities, an identity for etcd and its clients, keys."""
    tools()
    kubernetes = root / "kubernetes"
    (kubernetes / "pki" / "etcd").mkdir(parents=True)
    for name in ("ca", "front-proxy-ca", "etcd/ca"):
        place = kubernetes / "pki" / name
        words = ("-subj", f"/CN={place.name}", "-keyout", f"{place}.key", "-out", f"{place}.crt")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", *words)
    etcd = kubernetes / "pki" / "etcd"
    (root / "extensions").write_text(OPENSSL_EXTENSIONS, encoding="ascii")
    for name in ("server", "healthcheck-client"):
        place = etcd / name
        words = ("-subj", f"/CN={name}", "-keyout", f"{place}.key", "-out", root / "request")
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", *words)
        signing = ("-CA", etcd / "ca.crt", "-CAkey", etcd / "ca.key", "-extfile", root / "extensions")
        openssl("x509", "-req", "-in", root / "request", *signing, "-out", f"{place}.crt")
    for path, text in (("pki/sa.key", "private"), ("pki/sa.pub", "public"), ("encryption.yaml", "secret")):
        (kubernetes / path).write_text(text, encoding="ascii")
        (kubernetes / path).chmod(0o644 if path.endswith("pub") else 0o600)
    (kubernetes / "admin.conf").write_text("made anew by kubeadm", encoding="ascii")
    return ControlPlane(kubernetes, root / "etcd", *free_ports(2))
