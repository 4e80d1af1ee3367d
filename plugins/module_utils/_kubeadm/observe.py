# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at one host: what kubeadm left there, whether its API answers, what its certificates say."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import ssl
import typing as t

PKI = "/etc/kubernetes/pki"
MANIFESTS = "/etc/kubernetes/manifests"
# kubeadm gives it to every control plane, also to those that carry pods.
CONTROL_PLANE_LABEL = "node-role.kubernetes.io/control-plane"
STAMP = "/var/lib/atarnet-homelab/kubeadm.json"
# There while a restore of the control plane is not at its end.
RESTORING = "/var/lib/atarnet-homelab/restoring"
KUBELET_FILE = "/var/lib/kubelet/config.yaml"
_TIMEOUT = 5.0

Run = t.Callable[[list[str]], "tuple[int, str, str]"]


def file_sha256(path: str) -> str:
    """Return the sha256 of a file, or an empty string when it is not there."""
    try:
        with open(path, "rb") as stream:
            return hashlib.sha256(stream.read()).hexdigest()
    except FileNotFoundError:
        return ""


def listing(folder: str) -> list[str]:
    """Return the sorted names in *folder*, none when it is not there."""
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []


def left_hashes() -> dict[str, str]:
    """Return the sha256 of what kubeadm wrote and only kubeadm should change: manifests and the kubelet's file."""
    manifests = "".join(file_sha256(os.path.join(MANIFESTS, name)) for name in listing(MANIFESTS))
    return {
        "manifests": hashlib.sha256(manifests.encode()).hexdigest() if manifests else "",
        "kubelet_file": file_sha256(KUBELET_FILE),
    }


def read_stamp() -> dict[str, t.Any]:
    """Return what was noted when work was last finished here; nothing when it never was, or half-written."""
    try:
        with open(STAMP, encoding="utf-8") as stream:
            stamp = json.load(stream)
    except (FileNotFoundError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def ask(address: str, port: int, method: str, path: str, ca: str, certificate: str = "", body: str = "") -> t.Any:
    """Return the JSON (or text) answered over TLS; *certificate* is a path without .crt/.key.

    Raises OSError when the connection fails and ValueError when the answer is not 200.
    """
    context = ssl.create_default_context(cafile=ca)
    if certificate:
        context.load_cert_chain(certificate + ".crt", certificate + ".key")
    connection = http.client.HTTPSConnection(address, port, timeout=_TIMEOUT, context=context)
    try:
        connection.request(method, path, body=body or None)
        answer = connection.getresponse()
        text = answer.read().decode()
    except http.client.HTTPException as exc:
        raise ValueError(f"{path} answered {type(exc).__name__}") from exc
    finally:
        connection.close()
    if answer.status != 200:
        raise ValueError(f"{path} answered {answer.status}")
    return json.loads(text) if text.startswith("{") else text


def observe_api(address: str, port: int) -> tuple[dict[str, dict[str, t.Any]] | None, str]:
    """Return the registered nodes by name, as this host's own API server tells, or the cause why there are none.

    Each is {uid, version, ready, control_plane}.
    """
    try:
        found = ask(address, port, "GET", "/api/v1/nodes", f"{PKI}/ca.crt", f"{PKI}/apiserver-kubelet-client")
    except (OSError, ValueError) as exc:
        return None, str(exc)
    nodes = {}
    for item in found["items"]:
        conditions = {entry["type"]: entry["status"] for entry in item["status"].get("conditions", [])}
        nodes[item["metadata"]["name"]] = {
            "uid": item["metadata"]["uid"],
            "version": item["status"]["nodeInfo"]["kubeletVersion"],
            "ready": conditions.get("Ready") == "True",
            "control_plane": CONTROL_PLANE_LABEL in (item["metadata"].get("labels") or {}),
        }
    return nodes, ""


def observe_etcd() -> list[str]:
    """Return the names of the etcd members, none where no etcd answers."""
    try:
        found = ask(
            "127.0.0.1", 2379, "POST", "/v3/cluster/member/list",
            f"{PKI}/etcd/ca.crt", f"{PKI}/etcd/healthcheck-client", "{}",
        )  # fmt: skip
    except (OSError, ValueError):
        return []
    return sorted(member.get("name", "") for member in found.get("members", []))


def observe_certificates(run: Run) -> dict[str, str]:
    """Return the end of validity of each certificate in the PKI folder, as openssl prints it."""
    ends = {}
    for folder in (PKI, f"{PKI}/etcd"):
        for name in listing(folder):
            if name.endswith(".crt"):
                path = os.path.join(folder, name)
                code, out, _err = run(["openssl", "x509", "-noout", "-enddate", "-in", path])
                ends[os.path.relpath(path, PKI)] = out.strip().replace("notAfter=", "") if code == 0 else "unreadable"
    return ends


def observe(address: str, port: int, run: Run) -> dict[str, t.Any]:
    """Return the facts of Observation for the host this runs on; *run* executes a command."""
    admin = file_sha256("/etc/kubernetes/admin.conf")
    nodes, cause = observe_api(address, port) if admin else (None, "")
    return {
        "kubelet_conf": os.path.exists("/etc/kubernetes/kubelet.conf"),
        "bootstrap_conf": os.path.exists("/etc/kubernetes/bootstrap-kubelet.conf"),
        "manifests": [name for name in listing(MANIFESTS) if name.endswith(".yaml")],
        "restoring": os.path.exists(RESTORING),
        "etcd_data": bool(listing("/var/lib/etcd/member")),
        # One that is being started (again) needs nobody to start it.
        "kubelet_active": run(["systemctl", "is-active", "kubelet.service"])[1].strip() in ("active", "activating"),
        "ca_sha256": file_sha256(f"{PKI}/ca.crt"),
        "admin_conf_sha256": admin,
        "api_nodes": nodes,
        "api_cause": cause,
        "etcd_members": observe_etcd() if admin else [],
        "hashes": left_hashes(),
        "stamp": read_stamp(),
        "certificates": observe_certificates(run),
    }
