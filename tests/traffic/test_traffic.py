# SPDX-License-Identifier: GPL-3.0-or-later
"""What a request from the LAN meets on its way to a Service, as curl, openssl and a WebSocket see it."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from lab import state
from tests.support.lab import kubectl, kubectl_json, lab, lab_record
from tests.traffic.client import basic
from tests.traffic.conftest import PASSWORD, Site
from tests.traffic.routes import BURST, NAMESPACE, RATE, host

# How long nobody may answer: another pod is there already, but for a lost node the speakers must miss each other first.
KILLED_POD_S, LOST_NODE_S = 10.0, 30.0


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/", "web"), ("/other", "web"), ("/api", "api"), ("/api/", "api"), ("/api/x", "api"), ("/apix", "web"),
        ("/api/deep", "deep"), ("/api/deep/x", "deep"), ("/api/deeper", "api"), ("/exactly", "api"),
        ("/exactly/x", "web"),
    ],
)  # fmt: skip
def test_the_longest_path_leads(site: Site, path: str, name: str) -> None:
    answer = site.client().ask(f"https://{host('tree')}{path}")
    assert (answer.status, answer.told["name"], answer.told["path"]) == (200, name, path)


@pytest.mark.parametrize(
    "url", [f"http://{host('plain')}/", f"http://{host('nobody')}/", f"http://{host('plain')}/onlyx"]
)
def test_what_no_route_has_is_not_found(site: Site, url: str) -> None:
    assert site.client().ask(url).status == 404


def test_http_is_sent_to_https(site: Site) -> None:
    answer = site.client().ask(f"http://{host('tree')}/api?a=b")
    assert (answer.status, answer.headers["location"]) == (301, f"https://{host('tree')}/api?a=b")


def test_the_certificate_is_of_the_name_and_of_its_authority(site: Site) -> None:
    said = site.client().handshake(host("tree"))
    assert "Verify return code: 0 (ok)" in said and "TLSv1.3" in said


def test_another_name_gets_no_certificate_at_all(site: Site) -> None:
    said = site.client().handshake("unknown.example.org")
    assert "no peer certificate available" in said and "BEGIN CERTIFICATE" not in said


def test_the_address_of_the_client_arrives(site: Site) -> None:
    headers = site.client().ask(f"https://{host('tree')}/").told["headers"]
    asked_from = state.address(lab_record().segments["users"], state.PROBE_OFFSET)
    assert headers["x-forwarded-for"].split(",")[0] == headers["x-real-ip"] == asked_from
    assert headers["x-forwarded-proto"] == "https" and headers["host"] == host("tree")


def test_a_client_that_forges_its_address_is_not_believed(site: Site) -> None:
    forged = ("-H", "X-Forwarded-For: 192.0.2.1", "-H", "X-Real-Ip: 192.0.2.1")
    headers = site.client().ask(f"https://{host('tree')}/", *forged).told["headers"]
    assert "192.0.2.1" not in headers["x-forwarded-for"] + headers["x-real-ip"]


def test_a_client_above_its_rate_is_told_so(site: Site) -> None:
    """Of many requests in a while as many pass as the rate and the burst say, within a tenth."""
    answers, seconds = site.client().paced(f"http://{host('limited')}/", 30 * RATE, 3 * RATE)
    statuses = [answer.status for answer in answers]
    passed, allowed = statuses.count(200), RATE * seconds + BURST
    print(f"rate asked={len(statuses)} seconds={seconds:.1f} passed={passed} allowed={allowed:.0f}")
    assert set(statuses) == {200, 429}
    # Each of the controller's instances counts by itself; all of the requests meet one, as one node announces it.
    assert allowed * 0.9 <= passed <= allowed * 1.1


@pytest.mark.parametrize(("segment", "status"), [("management", 200), ("users", 403)])
def test_sources(site: Site, segment: str, status: int) -> None:
    assert site.client(segment).ask(f"http://{host('inner')}/").status == status


@pytest.mark.parametrize(("size", "status"), [(1024, 200), (1025, 413)])
def test_the_limit_for_bodies(site: Site, size: int, status: int) -> None:
    assert site.client().ask(f"http://{host('small')}/", "-d", "x" * size).status == status


@pytest.mark.parametrize(
    ("user", "password", "status"),
    [("anna", PASSWORD, 200), ("anna", "wrong", 401), ("", "", 401), ("eve", PASSWORD, 401)],
)
def test_basic_auth(site: Site, user: str, password: str, status: int) -> None:
    given = ("-H", basic(user, password)) if user else ()
    answer = site.client().ask(f"http://{host('guarded')}/", *given)
    assert answer.status == status
    assert ("www-authenticate" in answer.headers) == (status == 401)


@pytest.mark.parametrize(("ticket", "status"), [("good", 200), ("bad", 401)])
def test_external_auth(site: Site, ticket: str, status: int) -> None:
    answer = site.client().ask(f"http://{host('asked')}/", "-H", f"X-Ticket: {ticket}")
    assert answer.status == status


def test_a_websocket(site: Site) -> None:
    assert site.client().websocket(host("sockets"), "/", "hello") == "hello"


def test_headers_are_set_and_removed(site: Site) -> None:
    answer = site.client().ask(f"http://{host('headers')}/", "-H", "X-Gone: here", "-H", "X-Lab: forged")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.told["headers"]["x-lab"] == "yes" and "x-gone" not in answer.told["headers"]


def test_a_service_that_takes_too_long_is_given_up(site: Site) -> None:
    assert site.client().ask(f"http://{host('slow')}/").status == 200
    assert site.client().ask(f"http://{host('slow')}/slow").status == 504


def test_a_redirect_keeps_the_path(site: Site) -> None:
    answer = site.client().ask(f"http://{host('moved')}/a/b?c=d")
    assert (answer.status, answer.headers["location"]) == (301, f"https://{host('tree')}/a/b?c=d")


def test_a_new_version_of_a_service_costs_no_request(site: Site) -> None:
    client, url = site.client(), f"https://{host('tree')}/"
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(lambda: [client.answers([url] * 100, parallel=5) for _turn in range(20)])
        time.sleep(1)
        kubectl("--namespace", NAMESPACE, "rollout", "restart", "deployment/web")
        kubectl("--namespace", NAMESPACE, "rollout", "status", "deployment/web", "--timeout=120s")
        assert not asking.done(), "the load was over before the new version was there"
        statuses = [answer.status for answers in asking.result() for answer in answers]
    failed = len(statuses) - statuses.count(200)
    print(f"upgrade requests={len(statuses)} failed={failed}")
    assert (len(statuses), failed) == (2000, 0)


def longest_silence(site: Site, cause: Callable[[], object], after: float) -> float:
    """Return the longest time in seconds without a good answer, from *cause* until *after* seconds behind its end."""
    client, url, good = site.client(), f"https://{host('tree')}/", [time.monotonic()]
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            if client.ask(url, "-m", "1").status == 200:
                good.append(time.monotonic())

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask)
        try:
            cause()
            time.sleep(after)
        finally:
            over.set()
        asking.result()
    good.append(time.monotonic())
    return max(later - earlier for earlier, later in itertools.pairwise(good))


def announcer() -> str:
    """Return the node that answers for the controller's address, as MetalLB tells it."""
    told = [item["status"] for item in kubectl_json("get", "servicel2statuses", "--all-namespaces")["items"]]
    return next(str(status["node"]) for status in told if status["serviceNamespace"] == "ingress")


def test_a_killed_controller_is_back_within_seconds(site: Site) -> None:
    where = announcer()
    pods = kubectl_json("--namespace", "ingress", "get", "pods")["items"]
    name = next(pod["metadata"]["name"] for pod in pods if pod["spec"]["nodeName"] == where)

    def kill() -> None:
        kubectl("--namespace", "ingress", "delete", "pod", name, "--grace-period=0", "--force")

    silent = longest_silence(site, kill, 20)
    print(f"pod killed silent_seconds={silent:.1f}")
    assert silent < KILLED_POD_S


def test_a_lost_node_is_replaced_within_seconds(site: Site) -> None:
    where = announcer()
    try:
        silent = longest_silence(site, lambda: lab("node", "stop", where), 40)
    finally:
        lab("node", "start", where)
        kubectl("wait", "--for=condition=Ready", f"node/{where}", "--timeout=120s")
    print(f"node lost silent_seconds={silent:.1f}")
    assert silent < LOST_NODE_S
