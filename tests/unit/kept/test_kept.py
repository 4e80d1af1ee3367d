# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a cluster is kept, and what is put back into the next one."""

from __future__ import annotations

import base64
import json
import os
import stat
import typing as t
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._kept.model import Wanted
from ansible_collections.atarnet.homelab.plugins.module_utils._kept.run import Task, run
from ansible_collections.atarnet.homelab.plugins.module_utils._kept.store import Store
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.errors import KubeError, Unreachable
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.model import Ref
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Json = dict[str, t.Any]
NOW = datetime(2026, 11, 27, 12, 0, tzinfo=timezone.utc)
TLS = Wanted("shop", "shop-tls", "letsencrypt")
ACCOUNT = Wanted("cert-manager", "letsencrypt-account")
BACK = [{"object": "v1 Secret shop/shop-tls", "action": "put back"}]
KEPT = [{"object": "v1 Secret shop/shop-tls", "action": "keep"}]


def certificate(begins: int = -1, ends: int = 44) -> str:
    """Return a certificate that is valid from and until so many days after NOW, as the API has it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop")])
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(x509.random_serial_number())
    signed = (
        built.not_valid_before(NOW + timedelta(begins))
        .not_valid_after(NOW + timedelta(ends))
        .sign(key, hashes.SHA256())
    )
    return base64.b64encode(signed.public_bytes(serialization.Encoding.PEM)).decode()


def secret(issuer: str = "letsencrypt", **days: int) -> Json:
    """Return a Secret as cert-manager leaves it."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "shop-tls",
            "namespace": "shop",
            "uid": "1",
            "labels": {"controller.cert-manager.io/fao": "true", "team": "a"},
            "annotations": {"cert-manager.io/issuer-name": issuer, "cert-manager.io/certificate-name": "shop-tls"},
        },
        "type": "kubernetes.io/tls",
        "data": {"tls.crt": certificate(**days), "tls.key": base64.b64encode(b"hidden key").decode()},
    }


def issuing(began: datetime | None, message: str = "Waiting", status: str = "True") -> Json:
    """Return a Certificate that is being issued since then; None: it was only just made."""
    made: Json = {
        "metadata": {"name": "shop-tls", "creationTimestamp": NOW.isoformat()},
        "spec": {"dnsNames": ["*.shop.org"]},
    }
    if began:
        told = {"type": "Issuing", "status": status, "message": message, "lastTransitionTime": began.isoformat()}
        made["status"] = {"conditions": [told]}
    return made


class Cluster:
    """As much of the API as is asked; at each *turn* it becomes the next of what it was given."""

    def __init__(self, *turns: dict[tuple[str, str, str], Json], namespaces: t.Iterable[str] = ("shop",)) -> None:
        self.turns = [dict(turn) for turn in turns] or [{}]
        self.namespaces = set(namespaces)
        self.applied: list[Json] = []
        self.requests = {"read": 0, "dry_run": 0, "write": 0}

    def get(self, ref: Ref) -> Json | None:
        return self.turns[0].get((ref.kind, ref.namespace, ref.name))

    def resource(self, _api_version: str, _kind: str) -> bool:
        return True

    def list_all(self, ref: Ref) -> list[Json]:
        if ref.kind == "Namespace":
            return [{"metadata": {"name": name}} for name in self.namespaces]
        return [
            item for (kind, space, _name), item in self.turns[0].items() if (kind, space) == (ref.kind, ref.namespace)
        ]

    def apply(self, ref: Ref, body: Json) -> Json:
        self.turns[0][ref.kind, ref.namespace, ref.name] = body
        self.applied.append(body)
        return body

    def sleep(self, _seconds: float) -> None:
        if len(self.turns) > 1:
            self.turns.pop(0)

    def close(self) -> None:
        """End nothing."""


class Cipher:
    """Not a secret one: the letters backwards."""

    def __init__(self, usable: bool = False, opens: bool = True) -> None:
        self.usable, self._opens = usable, opens

    def encrypt(self, text: str) -> str:
        return "$" + text[::-1]

    def is_encrypted(self, text: str) -> bool:
        return text.startswith("$")

    def decrypt(self, text: str, origin: str) -> str:
        if not self._opens:
            raise KubeError(f"Reading {origin}: no password.")
        return text[1:][::-1]


def go(
    folder: Path,
    cluster: Cluster | None,
    state: str = "kept",
    wanted: t.Sequence[Wanted] = (TLS,),
    cipher: Cipher | None = None,
    **more: t.Any,
) -> Json:
    def connect() -> t.Any:
        if cluster is None:
            raise Unreachable("https://127.0.0.1:1", "connection refused")
        return cluster

    sleep = cluster.sleep if cluster else lambda _seconds: None
    return run(Task(wanted, state, **more), Store(str(folder), cipher or Cipher()), connect, lambda: NOW, sleep)


def one(found: Json) -> dict[tuple[str, str, str], Json]:
    return {("Secret", found["metadata"]["namespace"], found["metadata"]["name"]): found}


def only_file(folder: Path) -> Path:
    return next(iter(folder.iterdir()))


def test_what_was_kept_comes_back_as_cert_manager_knows_it(tmp_path: Path) -> None:
    live = secret()
    assert go(tmp_path / "kept", Cluster(one(live)))["changes"] == KEPT
    blank = Cluster()
    result = go(tmp_path / "kept", blank, "restored")
    assert result["changed"] and result["changes"] == BACK
    back = blank.applied[0]
    assert back["data"] == live["data"] and back["type"] == live["type"]
    assert back["metadata"] == {
        "name": "shop-tls",
        "namespace": "shop",
        "labels": {"controller.cert-manager.io/fao": "true"},
        "annotations": live["metadata"]["annotations"],
    }


def test_again_there_is_nothing_to_do(tmp_path: Path) -> None:
    cluster = Cluster(one(secret()))
    go(tmp_path, cluster)
    before = only_file(tmp_path).stat()
    for state in ("kept", "restored"):
        assert not go(tmp_path, cluster, state)["changed"]
    assert only_file(tmp_path).stat().st_mtime_ns == before.st_mtime_ns and cluster.applied == []


def test_files_are_their_owners_alone(tmp_path: Path) -> None:
    go(tmp_path / "a" / "b", Cluster(one(secret())))
    path = only_file(tmp_path / "a" / "b")
    assert path.name == "shop.shop-tls.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert json.loads(path.read_text())["kind"] == "Secret"


def test_a_file_that_others_could_read_is_written_again(tmp_path: Path) -> None:
    cluster = Cluster(one(secret()))
    go(tmp_path, cluster)
    only_file(tmp_path).chmod(0o644)
    assert go(tmp_path, cluster)["changes"] == KEPT
    assert stat.S_IMODE(only_file(tmp_path).stat().st_mode) == 0o600


def test_with_a_password_files_are_encrypted(tmp_path: Path) -> None:
    cluster, cipher = Cluster(one(secret())), Cipher(usable=True)
    go(tmp_path, cluster)
    assert go(tmp_path, cluster, cipher=cipher)["changes"] == KEPT
    assert only_file(tmp_path).read_text().startswith("$")
    assert not go(tmp_path, cluster, cipher=cipher)["changed"]
    assert go(tmp_path, Cluster(), "restored", cipher=cipher)["changes"] == BACK
    told = go(tmp_path, Cluster(), "restored", cipher=Cipher(opens=False))
    assert told["failed"] and "no password" in told["msg"]


def test_what_the_cluster_has_is_never_changed(tmp_path: Path) -> None:
    go(tmp_path, Cluster(one(secret())))
    cluster = Cluster(one(secret()))
    assert not go(tmp_path, cluster, "restored")["changed"]
    assert cluster.applied == []


def test_a_renewed_certificate_is_kept(tmp_path: Path) -> None:
    go(tmp_path, Cluster(one(secret(begins=-30, ends=15))))
    renewed = secret(begins=0, ends=45)
    result = go(tmp_path, Cluster(one(renewed)))
    assert result["changes"] == KEPT
    assert result["notes"] == ["v1 Secret shop/shop-tls: valid until 2027-01-11 12:00 UTC"]
    assert json.loads(only_file(tmp_path).read_text())["data"] == renewed["data"]


def test_an_older_certificate_does_not_take_the_place_of_a_later_one(tmp_path: Path) -> None:
    """A cluster that was restored from a backup."""
    later = secret(begins=0, ends=45)
    go(tmp_path, Cluster(one(later)))
    result = go(tmp_path, Cluster(one(secret(begins=-30, ends=60))))
    assert not result["changed"] and "was issued later" in result["notes"][0]
    assert json.loads(only_file(tmp_path).read_text())["data"] == later["data"]


def test_what_is_expired_is_not_put_back(tmp_path: Path) -> None:
    go(tmp_path, Cluster(one(secret(begins=-46, ends=-1))))
    cluster = Cluster()
    result = go(tmp_path, cluster, "restored")
    assert not result["changed"] and cluster.applied == []
    told = "v1 Secret shop/shop-tls: what is kept expired on 2026-11-26 12:00 UTC, and is not put back"
    assert result["notes"] == [told]


def test_what_another_issuer_made_is_neither_kept_nor_put_back(tmp_path: Path) -> None:
    staging = Cluster(one(secret(issuer="letsencrypt-staging")))
    assert not go(tmp_path / "a", staging)["changed"]
    go(tmp_path / "b", staging, wanted=[Wanted("shop", "shop-tls", "letsencrypt-staging")])
    result = go(tmp_path / "b", Cluster(), "restored")
    assert not result["changed"]
    assert "is of issuer letsencrypt-staging, not letsencrypt" in result["notes"][0]


def test_a_secret_without_a_certificate_is_kept_as_it_is(tmp_path: Path) -> None:
    account = {
        "metadata": {"name": ACCOUNT.name, "namespace": ACCOUNT.namespace},
        "type": "Opaque",
        "data": {"tls.key": "YQ=="},
    }
    go(tmp_path, Cluster(one(account)), wanted=[ACCOUNT])
    cluster = Cluster(namespaces=["cert-manager"])
    result = go(tmp_path, cluster, "restored", wanted=[ACCOUNT])
    assert result["changes"] == [{"object": "v1 Secret cert-manager/letsencrypt-account", "action": "put back"}]
    assert cluster.applied[0]["data"] == {"tls.key": "YQ=="}


def test_what_has_no_namespace_waits_for_it(tmp_path: Path) -> None:
    go(tmp_path, Cluster(one(secret())))
    cluster = Cluster(namespaces=[])
    result = go(tmp_path, cluster, "restored")
    assert not result["changed"] and cluster.applied == []
    assert result["notes"] == ["v1 Secret shop/shop-tls: there is no namespace shop yet to put it back into"]
    assert go(tmp_path, cluster, "restored", check=True)["changes"] == BACK


@pytest.mark.parametrize("state", ["restored", "kept"])
def test_a_check_writes_nothing_and_says_what_the_run_does(tmp_path: Path, state: str) -> None:
    if state == "restored":
        go(tmp_path, Cluster(one(secret())))
    listing = sorted(os.listdir(tmp_path))
    cluster = Cluster() if state == "restored" else Cluster(one(secret()))
    predicted = go(tmp_path, cluster, state, check=True)
    assert cluster.applied == [] and sorted(os.listdir(tmp_path)) == listing
    assert predicted["changes"] == go(tmp_path, cluster, state)["changes"] != []


def test_a_check_of_a_blank_lab_foresees_what_will_be_issued(tmp_path: Path) -> None:
    predicted = go(tmp_path, None, api_optional=True, check=True)
    assert predicted["changes"] == KEPT and predicted["api"] == "unreachable"
    go(tmp_path, Cluster(one(secret())))
    assert go(tmp_path, None, api_optional=True, check=True)["changes"] == []
    assert go(tmp_path, None, "restored", api_optional=True, check=True)["changes"] == BACK


def test_a_cluster_that_does_not_answer_takes_nothing_away(tmp_path: Path) -> None:
    go(tmp_path, Cluster(one(secret())))
    result = go(tmp_path, None, api_optional=True)
    assert not result["changed"] and "connection refused" in result["notes"][0]
    assert go(tmp_path, None)["failed"]
    assert go(tmp_path, None, "restored", api_optional=True)["failed"]


def test_a_cluster_that_is_gone_while_its_kubeconfig_is_there_takes_nothing_away_either(tmp_path: Path) -> None:
    class Gone(Cluster):
        def get(self, ref: Ref) -> Json | None:
            raise Unreachable("https://127.0.0.1:1", "connection refused")

    result = go(tmp_path, Gone({}), wanted=(TLS, replace(TLS, name="other")), api_optional=True)
    assert not result.get("failed") and "connection refused" in result["notes"][0]


def test_what_is_being_issued_is_waited_for(tmp_path: Path) -> None:
    pending = {("Certificate", "shop", "shop-tls"): issuing(None)}
    cluster = Cluster(pending, {("Certificate", "shop", "shop-tls"): issuing(NOW)}, one(secret()))
    result = go(tmp_path, cluster, wait=60)
    assert result["changes"] == KEPT and result["warnings"] == []


@pytest.mark.parametrize(
    "state",
    [
        pytest.param(issuing(NOW - timedelta(seconds=61)), id="for-too-long"),
        pytest.param(issuing(NOW, status="False"), id="put-off"),
    ],
)
def test_what_hangs_is_told_with_its_cause(tmp_path: Path, state: Json) -> None:
    challenge = {
        "spec": {"dnsName": "shop.org", "type": "DNS-01"},
        "status": {"reason": "Waiting for DNS-01 challenge propagation."},
    }
    other = {"spec": {"dnsName": "other.org", "type": "HTTP-01"}, "status": {"reason": "Another"}}
    live = {
        ("Certificate", "shop", "shop-tls"): state,
        ("Challenge", "shop", "1"): challenge,
        ("Challenge", "shop", "2"): other,
    }
    result = go(tmp_path, Cluster(live), wait=60)
    assert not result["changed"] and "failed" not in result
    assert result["warnings"] == [
        "cert-manager.io/v1 Certificate shop/shop-tls is not issued yet: Waiting; "
        "shop.org by DNS-01: Waiting for DNS-01 challenge propagation. The next run looks again."
    ]


def test_nobody_is_waited_for_where_nobody_asks(tmp_path: Path) -> None:
    assert go(tmp_path, Cluster(), wait=60)["warnings"] == []


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"kind": "Secret"}', "null"])
def test_a_damaged_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "shop.shop-tls.json").write_text(text)
    told = go(tmp_path, Cluster(), "restored")["msg"]
    assert told.startswith(f"Reading {tmp_path}/shop.shop-tls.json: it is not v1 Secret shop/shop-tls")


def test_no_value_is_told(tmp_path: Path) -> None:
    live = secret()
    results = [go(tmp_path, Cluster(one(live))), go(tmp_path, Cluster(), "restored")]
    for value in live["data"].values():
        assert value not in json.dumps(results)
