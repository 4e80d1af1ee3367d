# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubeconfigs as kubeadm and people write them."""

from __future__ import annotations

import base64
import copy
import json
import os
import ssl
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._kube import kubeconfig
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.errors import KubeError

Json = dict[str, t.Any]


def write(folder: Path, user: Json, cluster: Json | None = None) -> str:
    """Write a kubeconfig and return its path."""
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": "https://api.test:6443", **(cluster or {})}}],
        "users": [{"name": "u", "user": user}],
    }
    (folder / "config").write_text(json.dumps(config), encoding="utf-8")
    return str(folder / "config")


HEADERS: dict[str, tuple[Json, str | None]] = {
    "token": ({"token": "canary"}, "Bearer canary"),
    "token file": ({"tokenFile": "token"}, "Bearer from-file"),
    "password": ({"username": "u", "password": "p"}, f"Basic {base64.b64encode(b'u:p').decode()}"),
    "nothing": ({}, None),
}


@pytest.mark.parametrize("case", HEADERS)
def test_users(case: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-file\n", encoding="utf-8")
    user, header = HEADERS[case]
    endpoint = kubeconfig.load(write(tmp_path, user))
    assert (endpoint.address, endpoint.headers.get("Authorization")) == ("https://api.test:6443", header)
    assert "canary" not in repr(endpoint)


def test_certificates_are_loaded_without_leaving_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, certificate = tmp_path / "key", tmp_path / "crt"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=a", "-days", "2"]
    subprocess.run([*command, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    encoded = [base64.b64encode(path.read_bytes()).decode() for path in (certificate, key)]
    user = {"client-certificate-data": encoded[0], "client-key-data": encoded[1]}
    path = write(tmp_path, user, {"certificate-authority": "crt"})
    before, descriptors = sorted(os.listdir(tmp_path)), len(os.listdir("/proc/self/fd"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    context = kubeconfig.load(path).context
    assert context is not None and context.verify_mode == ssl.CERT_REQUIRED
    assert [item["subject"] for item in context.get_ca_certs()] == [((("commonName", "a"),),)]
    assert (sorted(os.listdir(tmp_path)), len(os.listdir("/proc/self/fd"))) == (before, descriptors)


def test_a_login_plugin_goes_through_the_library(tmp_path: Path) -> None:
    status = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "from-plugin"},
    }
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": sys.executable,
        "args": ["-c", f"print({json.dumps(json.dumps(status))})"],
        "interactiveMode": "Never",
    }
    endpoint = kubeconfig.load(write(tmp_path, {"exec": plugin}))
    assert (endpoint.address, endpoint.headers["Authorization"]) == ("https://api.test:6443", "Bearer from-plugin")


def test_a_plain_kubeconfig_needs_no_library(tmp_path: Path) -> None:
    code = (
        "import sys; from ansible_collections.atarnet.homelab.plugins.module_utils._kube import kubeconfig;"
        f"kubeconfig.load({write(tmp_path, {'token': 'x'})!r}); print('kubernetes' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment)
    assert done.stdout.strip() == "False"


def broken(change: t.Callable[[Json], t.Any]) -> str:
    """Return the text of a kubeconfig with one mistake."""
    config = copy.deepcopy(
        {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
            "clusters": [{"name": "k", "cluster": {"server": "https://api.test:6443"}}],
            "users": [{"name": "u", "user": {"token": "canary"}}],
        }
    )
    change(config)
    return json.dumps(config)


MISTAKES: dict[str, tuple[str, str]] = {
    "no yaml": ("token: canary: x", "it is not YAML. Write it anew."),
    "no context": (broken(lambda c: c.pop("current-context")), "key current-context is missing. Choose a context."),
    "an unknown user": (
        broken(lambda c: c["users"].clear()),
        "users has no entry 'u'. Correct the current context.",
    ),
    "no server": (
        broken(lambda c: c["clusters"][0]["cluster"].update(server="api")),
        "server 'api' is no URL. Write https://HOST:PORT.",
    ),
    "a proxy": (
        broken(lambda c: c["clusters"][0]["cluster"].update({"proxy-url": "http://x"})),
        "proxy-url is not supported. Reach the API server directly.",
    ),
    "a damaged authority": (
        broken(lambda c: c["clusters"][0]["cluster"].update({"certificate-authority-data": "Y2FuYXJ5"})),
        "a certificate or key in it is damaged",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes(case: str, tmp_path: Path) -> None:
    text, told = MISTAKES[case]
    (tmp_path / "config").write_text(text, encoding="utf-8")
    with pytest.raises(KubeError) as caught:
        kubeconfig.load(str(tmp_path / "config"))
    assert str(caught.value).startswith(f"Reading kubeconfig {tmp_path}/config: {told}")
    assert "canary" not in str(caught.value)


def test_a_missing_kubeconfig_is_an_unreachable_api(tmp_path: Path) -> None:
    with pytest.raises(kubeconfig.MissingKubeconfig) as caught:
        kubeconfig.load(str(tmp_path / "none"))
    assert str(caught.value) == (
        f"Reading kubeconfig {tmp_path}/none: it does not exist. Build the cluster first or correct the path."
    )
