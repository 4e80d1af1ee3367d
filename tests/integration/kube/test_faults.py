# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever goes wrong on the way to a real API server: the task ends converged, or soon and with one clear sentence."""

from __future__ import annotations

import copy
import time
import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._kube import api as kube_api
from ansible_collections.atarnet.homelab.plugins.module_utils._kube import http as kube_http

from tests.integration.kube.hand import gadget, gadgets
from tests.integration.kube.proxy import EXPIRED, RACE, SLIP, Fault, status

Objects = list[dict[str, t.Any]]
NAMES = ("changed", "dropped", "same", "same-too")


def config_map(name: str, value: str = "1") -> dict[str, t.Any]:
    """Return a ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"value": value}}


def before(lab: t.Any) -> Objects:
    """Return what is there when the fault comes."""
    return [lab.namespace_object(), *(config_map(name) for name in NAMES)]


def after(lab: t.Any) -> Objects:
    """Return what the task with the fault makes of it: one object more, one less, one changed."""
    return [
        lab.namespace_object(),
        config_map("changed", "2"),
        config_map("new"),
        config_map("same"),
        config_map("same-too"),
    ]


def live_values(lab: t.Any) -> dict[str, str]:
    """Return the value of every ConfigMap in the owner's namespace."""
    items = lab.server.call("GET", lab.path("configmaps", "")[:-1])["items"]
    return {item["metadata"]["name"]: item["data"]["value"] for item in items}


def inventory_of(lab: t.Any) -> list[str]:
    """Return the names in the owner's inventory."""
    path = f"/api/v1/namespaces/kube-system/configmaps/homelab-inventory-{lab.owner}"
    return [line.split()[-1].split("/")[-1] for line in lab.server.call("GET", path)["data"]["objects"].splitlines()]


CHANGED = r"^PATCH .*/configmaps/changed\?(?!.*dryRun)"
NEW = r"^PATCH .*/configmaps/new\?"
DROPPED = r"^DELETE .*/configmaps/dropped"
ASKED = r"^PATCH .*/configmaps/changed\?.*dryRun"
LIST = r"^GET .*/configmaps\?"
INVENTORY = r"^PATCH .*/configmaps/homelab-inventory"
PASSING: dict[str, list[Fault]] = {
    "a race of writers": [Fault(CHANGED, 2, status=409, body=RACE)],
    "throttled": [Fault(LIST, status=429, headers={"Retry-After": "1"}), Fault(CHANGED, status=429)],
    "500 once": [Fault(place, status=500, body=SLIP) for place in (LIST, CHANGED, NEW, DROPPED)],
    "503 once": [Fault(place, status=503) for place in (LIST, ASKED, CHANGED, NEW, DROPPED, INVENTORY)],
    "requests the server never saw": [Fault(place, cut="request") for place in (LIST, CHANGED, NEW, DROPPED)],
    "writes whose answer was lost": [Fault(place, cut="answer") for place in (CHANGED, NEW, DROPPED, INVENTORY)],
    "reads whose answer was lost": [Fault(place, cut="answer") for place in (LIST, ASKED)],
    "answers that broke off": [Fault(place, cut="body") for place in (LIST, ASKED, CHANGED, NEW, DROPPED)],
    "idle connections closed": [Fault("", 8, cut="idle")],
    "a page that expired": [Fault("continue=", status=410, body=EXPIRED)],
    "slow answers": [Fault(place, delay=2.0) for place in (LIST, CHANGED)],
}


def assert_converges(lab: t.Any, proxy: t.Any, faults: list[t.Any]) -> None:
    """Assert that a task which meets *faults* ends as if it had met none."""
    lab.apply(before(lab))
    proxy.faults = faults
    done = lab.apply(after(lab), wait=True)
    assert "failed" not in done, done["msg"]
    assert [(change["action"], change["object"].split("/")[-1]) for change in done["changes"]] == [
        ("create", "new"),
        ("update", "changed"),
        ("delete", "dropped"),
    ]
    assert [what.match for what in faults if what.times] == []
    assert live_values(lab) == {"changed": "2", "new": "1", "same": "1", "same-too": "1"}
    assert inventory_of(lab) == ["changed", "new", "same", "same-too", lab.namespace]
    proxy.faults = []
    lab.assert_rests(after(lab))


@pytest.mark.parametrize("case", PASSING)
def test_what_passes_leaves_no_trace(lab: t.Any, proxy: t.Any, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kube_api, "PAGE", 3)
    assert_converges(lab, proxy, copy.deepcopy(PASSING[case]))


@pytest.mark.parametrize("proxy", ["plain"], indirect=True)
def test_the_same_over_plain_http(lab: t.Any, proxy: t.Any) -> None:
    assert_converges(lab, proxy, [Fault("", 8, cut="idle")])


# what: (what is refused for good, the sentence)
PERMANENT: dict[str, tuple[Fault, str]] = {
    "a list": (
        Fault(LIST, 99, status=503, body=status(0, "", "the server is starting")),
        "Listing ConfigMap in {space}: the server is starting. Run again when the API server is well.",
    ),
    "a write": (
        Fault(CHANGED, 99, status=429, headers={"Retry-After": "0"}, body=status(0, "", "too many requests")),
        "Applying v1 ConfigMap {space}/changed: too many requests. Run again when the API server is well.",
    ),
    "an answer": (
        Fault(CHANGED, 99, cut="answer"),
        "Connecting to the Kubernetes API {address}: remote end closed connection without response. "
        "Check that the API server runs and that the kubeconfig names its address.",
    ),
    "an answer in time": (
        Fault(CHANGED, 99, delay=0.6),
        "Connecting to the Kubernetes API {address}: no answer in time. "
        "Check that the API server runs and that the kubeconfig names its address.",
    ),
}


@pytest.mark.parametrize("case", PERMANENT)
def test_what_does_not_pass_is_told_in_a_sentence(
    lab: t.Any, proxy: t.Any, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kube_http, "ATTEMPTS", 3)
    monkeypatch.setattr(kube_http, "ANSWER_TIMEOUT_S", 0.5 if "in time" in case else 10.0)
    lab.apply(before(lab))
    what, told = PERMANENT[case]
    proxy.faults, started = [copy.copy(what)], time.monotonic()
    failed = lab.apply(after(lab))
    assert time.monotonic() - started < 10
    assert failed["msg"] == told.format(space=lab.namespace, address=f"https://127.0.0.1:{proxy.port}")
    monkeypatch.undo()
    proxy.faults = []
    # What the proxy held back still reaches the server.
    time.sleep(what.delay)
    lab.apply(after(lab))
    assert live_values(lab) == {"changed": "2", "new": "1", "same": "1", "same-too": "1"}
    lab.assert_rests(after(lab))


@pytest.mark.parametrize("place", ["/apis/{group}/v1$", "/apis/{group}/v1/namespaces/"])
def test_a_group_that_is_down_holds_up_only_its_own_objects(
    lab: t.Any, proxy: t.Any, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kube_http, "ATTEMPTS", 2)
    group = f"{lab.owner}.test"

    def sizes() -> dict[str, int]:
        found = lab.server.call("GET", lab.path("gadgets", "", f"/apis/{group}/v1")[:-1])["items"]
        return {item["metadata"]["name"]: item["spec"]["size"] for item in found}

    lab.apply([*before(lab), gadgets(group), gadget(group, "one", 1), gadget(group, "two", 1)])
    wanted = [*after(lab), gadgets(group), gadget(group, "one", 2), gadget(group, "three", 2)]
    proxy.faults = [Fault(f"^GET {place.format(group=group)}", 99, status=503)]
    checked, failed = lab.apply(wanted, check=True), lab.apply(wanted)
    assert checked["changes"] == failed["changes"]
    assert [(change["action"], change["object"].split("/")[-1]) for change in failed["changes"]] == [
        ("create", "new"),
        ("update", "changed"),
        ("delete", "dropped"),
    ]
    assert failed["msg"].endswith(
        f": the server answered 503, so 2 objects of the set were left out; APIService v1.{group}: it is Available. "
        "Repair or delete what the APIService names, then run again."
    )
    assert checked["msg"] == failed["msg"]
    assert live_values(lab) == {"changed": "2", "new": "1", "same": "1", "same-too": "1"}
    assert sizes() == {"one": 1, "two": 1}
    absent = lab.apply([gadget(group, "one", 2)], state="absent")
    assert (absent["changes"], "left out" in absent["msg"]) == ([], True)
    proxy.faults = []
    assert "failed" not in lab.apply(wanted)
    assert sizes() == {"one": 2, "three": 2}
    lab.assert_rests(wanted)


def test_a_group_whose_server_is_really_away(lab: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kube_http, "ATTEMPTS", 2)
    group = f"{lab.owner}.test"
    service = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"v1.{group}"},
        "spec": {
            "group": group,
            "version": "v1",
            "service": {"name": "nobody", "namespace": "default"},
            "groupPriorityMinimum": 100,
            "versionPriority": 10,
            "insecureSkipTLSVerify": True,
        },
    }
    lab.apply([service], owner=f"{lab.owner}-service")
    end = time.monotonic() + 30
    while "503" not in (failed := lab.apply([*before(lab), gadget(group, "one", 1)])).get("msg", ""):
        assert time.monotonic() < end, failed
        time.sleep(0.2)
    assert failed["msg"] == (
        f"Asking for the kinds of {group}/v1: the server answered 503, so 1 objects of the set were left out; "
        f'APIService v1.{group}: condition Available is False (ServiceNotFound: service/nobody in "default" is not '
        "present). Repair or delete what the APIService names, then run again."
    )
    assert sorted(live_values(lab)) == sorted(NAMES)
    lab.apply([], owner=f"{lab.owner}-service", state="absent")
