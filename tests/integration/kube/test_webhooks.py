# SPDX-License-Identifier: GPL-3.0-or-later
"""What admission webhooks add and rewrite is no change; what they deny, or do not answer, is told."""

from __future__ import annotations

import base64
import time
import typing as t
import urllib.error

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._kube import api as kube_api

from tests.integration.kube.webhook import Webhook


def settings(name: str = "settings", image: str = "app:1") -> dict[str, t.Any]:
    """Return a ConfigMap that names an image."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"image": image}}


class Hooked:
    """One webhook in front of an owner's ConfigMaps."""

    def __init__(self, lab: t.Any, webhook: Webhook) -> None:
        self.lab, self.webhook = lab, webhook

    def install(self, path: str, kind: str = "Mutating") -> None:
        """Configure the webhook, and return when the server calls it."""
        certificate = (self.lab.server.folder / "certs" / "apiserver.crt").read_bytes()
        authority = base64.b64encode(certificate).decode()
        body = self.webhook.configuration(kind, path, f"{path}-{self.lab.owner}", self.lab.namespace, authority)
        place = f"/apis/admissionregistration.k8s.io/v1/{kind.lower()}webhookconfigurations"
        self.lab.server.call("POST", place, body)
        end = time.monotonic() + 30
        while not self._called():
            assert time.monotonic() < end, "the server never called the webhook"
            time.sleep(0.1)

    def _called(self) -> bool:
        probe = settings("probe")
        path = f"{self.lab.path('configmaps', '')[:-1]}?dryRun=All"
        try:
            answer = self.lab.server.call("POST", path, probe)
        except urllib.error.HTTPError:
            return True
        return "injected" in answer["metadata"].get("labels", {}) or answer["data"] != probe["data"]


@pytest.fixture
def hooked(lab: t.Any) -> t.Iterator[Hooked]:
    """Give a webhook and an owner with a namespace."""
    lab.apply([lab.namespace_object()])
    webhook = Webhook(lab.server.identity())
    try:
        yield Hooked(lab, webhook)
    finally:
        webhook.close()


@pytest.mark.parametrize("path", ["label", "rewrite"])
def test_what_a_webhook_does_is_no_change(hooked: Hooked, path: str) -> None:
    lab, objects = hooked.lab, [hooked.lab.namespace_object(), settings()]
    hooked.install(path)
    checked, done = lab.apply(objects, check=True), lab.apply(objects)
    assert (checked["changes"], done.get("msg")) == (done["changes"], None)
    lab.assert_rests(objects)
    live = lab.server.call("GET", lab.path("configmaps", "settings"))
    assert (live["metadata"].get("labels"), live["data"]["image"]) == {
        "label": ({"injected": "yes"}, "app:1"),
        "rewrite": (None, "mirror.test/app:1"),
    }[path]


def test_a_webhook_that_comes_later_is_no_change_either(hooked: Hooked) -> None:
    lab, objects = hooked.lab, [hooked.lab.namespace_object(), settings()]
    lab.apply(objects)
    hooked.install("rewrite")
    lab.assert_rests(objects)
    objects[1] = settings(image="app:2")
    assert [change["action"] for change in lab.apply(objects)["changes"]] == ["update"]
    lab.assert_rests(objects)


def test_drift_behind_a_webhook_is_found(hooked: Hooked) -> None:
    lab, objects = hooked.lab, [hooked.lab.namespace_object(), settings()]
    hooked.install("rewrite")
    lab.apply(objects)
    lab.server.patch(lab.path("configmaps", "settings"), {"data": {"image": "other:1"}})
    checked = lab.apply(objects, check=True, force_conflicts=True)
    done = lab.apply(objects, force_conflicts=True)
    assert [change["action"] for change in done["changes"]] == ["update"]
    assert (checked["changes"], checked["diff"]) == (done["changes"], done["diff"])
    assert lab.server.call("GET", lab.path("configmaps", "settings"))["data"]["image"] == "mirror.test/app:1"
    lab.assert_rests(objects)


def test_a_denial_is_told_in_check_and_run(hooked: Hooked) -> None:
    lab, objects = hooked.lab, [hooked.lab.namespace_object(), settings()]
    hooked.install("deny", "Validating")
    for check, attempt in ((True, "Checking"), (False, "Applying")):
        assert lab.apply(objects, check=check)["msg"] == (
            f'{attempt} v1 ConfigMap {lab.namespace}/settings: admission webhook "deny.webhook.test" denied it: '
            "no owner is named. Change the object to what the webhook demands."
        )


def test_a_webhook_nobody_answers_for_is_told(hooked: Hooked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kube_api, "WEBHOOK_PATIENCE_S", 1.0)
    hooked.install("label")
    hooked.webhook.close()
    failed = hooked.lab.apply([hooked.lab.namespace_object(), settings()])
    assert failed["msg"].startswith(f"Applying v1 ConfigMap {hooked.lab.namespace}/settings: ")
    assert 'failed calling webhook "label.webhook.test"' in failed["msg"]
    assert failed["msg"].endswith("connection refused. Check that the webhook's service has ready endpoints.")
