# SPDX-License-Identifier: GPL-3.0-or-later
"""helm_release with a real Helm on a real API server."""

from __future__ import annotations

import json
import subprocess
import time
import typing as t
from pathlib import Path

CANARY = "canary-4711"
IDLE = {"read": 1, "dry_run": 0, "write": 0}
WORKLOAD = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: example.test/app:1}]}
"""


def plan(result: dict[str, t.Any]) -> tuple[t.Any, ...]:
    """Return what a check and the run after it must have in common."""
    assert "failed" not in result, result
    return result["changes"], result["diff"], result["notes"]


def kill_at_work(site: t.Any, command: list[str]) -> None:
    """Run Helm and kill it as soon as the Deployment is there, which never becomes ready."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not site.server.exists(f"/apis/apps/v1/namespaces/{site.namespace}/deployments/web"):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.1)
        process.kill()


def test_install_rest_change_remove(site: t.Any) -> None:
    wanted = site.release(values={"password": CANARY})
    checked = site.run(wanted, check=True)
    assert not site.server.exists(f"/api/v1/namespaces/{site.namespace}")
    done = site.run(wanted)
    assert plan(checked) == plan(done)
    assert [change["action"] for change in done["changes"]] == ["install"]
    assert len(done["diff"]) == 4, done["diff"]
    again = site.run(wanted)
    assert (again["changed"], again["helm_runs"], again["requests"]) == (False, 0, IDLE)
    other = site.release(values={"password": CANARY, "colour": "blue"})
    checked, done = site.run(other, check=True), site.run(other)
    assert plan(checked) == plan(done)
    assert done["changes"][0]["reason"] == "values changed"
    assert [entry["before_header"] for entry in done["diff"]][1:] == [f"v1 ConfigMap {site.namespace}/web-settings"]
    live = site.server.call("GET", f"/api/v1/namespaces/{site.namespace}/configmaps/web-settings")
    assert live["data"] == {"colour": "blue"}
    gone = site.release(state="absent", chart=None)
    checked, done2 = site.run(gone, check=True), site.run(gone)
    assert plan(checked) == plan(done2)
    assert not site.server.exists(f"/api/v1/namespaces/{site.namespace}/configmaps/web-settings")
    assert site.run(gone)["helm_runs"] == 0
    assert CANARY not in json.dumps([checked, done, done2, again])


def test_a_changed_chart_is_noticed_without_a_new_version(site: t.Any) -> None:
    site.run(site.release())
    site.write("templates/more.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\n")
    done = site.run(site.release())
    assert done["changes"][0]["reason"] == "the chart's content changed"
    assert not site.run(site.release())["changed"]


def test_values_that_become_empty_are_taken_back(site: t.Any) -> None:
    site.run(site.release(values={"colour": "blue"}))
    site.run(site.release())
    live = site.server.call("GET", f"/api/v1/namespaces/{site.namespace}/configmaps/web-settings")
    assert live["data"] == {"colour": "red"}


def test_twenty_unchanged_releases_cost_one_request(site: t.Any) -> None:
    wanted = [site.release(f"web-{number}") for number in range(20)]
    assert "failed" not in site.run(*wanted)
    again = site.run(*wanted)
    assert (again["changed"], again["helm_runs"], again["requests"]) == (False, 0, IDLE)


def test_two_namespaces_cost_one_request(site: t.Any) -> None:
    wanted = [site.release(), site.release(namespace=f"{site.namespace}-b")]
    assert "failed" not in site.run(*wanted)
    again = site.run(*wanted)
    assert (again["changed"], again["helm_runs"], again["requests"]) == (False, 0, IDLE)


def test_a_namespace_is_made_only_when_asked_for(site: t.Any) -> None:
    told = site.run(site.release(create_namespace=False))["msg"]
    assert f"namespace {site.namespace} does not exist. Set create_namespace" in told
    assert not site.server.exists(f"/api/v1/namespaces/{site.namespace}")


def test_another_version_than_the_chart_s_is_refused(site: t.Any) -> None:
    assert "it has version 1.0.0, not 1.0.1. Correct version." in site.run(site.release(version="1.0.1"))["msg"]


def test_a_killed_installation_is_taken_over(site: t.Any) -> None:
    site.write("templates/web.yaml", WORKLOAD)
    command = [site.helm, "install", "web", str(site.chart), "--namespace", site.namespace, "--create-namespace"]
    command += ["--wait", "--kubeconfig", str(site.server.kubeconfig)]
    kill_at_work(site, command)
    young = site.run(site.release())
    assert "has been pending-install" in young["msg"]
    done = site.run(site.release(), clock=lambda: time.time() + 91)
    assert "failed" not in done, done
    assert done["recovered"] == [
        f"release {site.namespace}/web: revision 1 was pending-install and is now marked failed"
    ]
    assert site.run(site.release())["helm_runs"] == 0


def test_a_failed_wait_tells_the_cause_and_goes_back(site: t.Any) -> None:
    site.run(site.release())
    site.write("templates/web.yaml", WORKLOAD)
    failed = site.run(site.release(wait=True, rollback=True, timeout=3))
    assert "no controller has seen it yet" in failed["msg"]
    assert failed["msg"].endswith("Revision 1 was restored.")
    assert not site.server.exists(f"/apis/apps/v1/namespaces/{site.namespace}/deployments/web")
    assert site.run(site.release(), check=True)["changes"][0]["reason"] == "the chart's content changed"


def test_helm_3_is_refused(site: t.Any, tmp_path: Path) -> None:
    old = tmp_path / "helm3"
    old.write_text("#!/bin/sh\necho v3.19.0\n", encoding="utf-8")
    old.chmod(0o755)
    site.helm = str(old)
    assert "says v3.19.0, and only Helm 4" in site.run(site.release())["msg"]


def test_a_schema_elsewhere_is_named(site: t.Any) -> None:
    site.write("values.schema.json", json.dumps({"$ref": "https://127.0.0.1:1/schema.json"}))
    told = site.run(site.release(values={"password": CANARY}))["msg"]
    assert "refers to https://127.0.0.1:1/schema.json" in told and "skip_schema_validation" in told
    assert CANARY not in told
    assert "failed" not in site.run(site.release(skip_schema_validation=True))


def test_a_killed_upgrade_that_is_taken_back_leaves_nothing(site: t.Any) -> None:
    assert "failed" not in site.run(site.release())
    wanted = site.chart / "templates" / "web.yaml"
    site.write("templates/web.yaml", WORKLOAD)
    command = [site.helm, "upgrade", "web", str(site.chart), "--namespace", site.namespace, "--wait"]
    command += ["--kubeconfig", str(site.server.kubeconfig)]
    kill_at_work(site, command)
    wanted.unlink()
    done = site.run(site.release(), clock=lambda: time.time() + 91)
    assert done["recovered"] == [
        f"release {site.namespace}/web: revision 2 was pending-upgrade and is now marked failed",
        f"release {site.namespace}/web: apps/v1 Deployment {site.namespace}/web was removed, "
        "no revision that counts has it",
    ], done
    assert not site.server.exists(f"/apis/apps/v1/namespaces/{site.namespace}/deployments/web")
    assert site.run(site.release())["helm_runs"] == 0


def test_a_failed_hook_removes_the_first_installation(site: t.Any) -> None:
    hook = WORKLOAD.split("spec:", maxsplit=1)[0].replace("apps/v1", "batch/v1").replace("Deployment", "Job")
    hook = hook.replace("{name: web}", '{name: web, annotations: {"helm.sh/hook": post-install}}')
    hook += "spec: {template: {spec: {restartPolicy: Never, containers: [{name: app, image: example.test/app:1}]}}}\n"
    site.write("templates/hook.yaml", hook)
    failed = site.run(site.release(rollback=True, timeout=3))
    assert failed["msg"].endswith("The failed installation was removed."), failed
    assert not site.server.exists(f"/api/v1/namespaces/{site.namespace}/configmaps/web-settings")


def test_a_chart_that_brings_its_own_kinds(site: t.Any) -> None:
    group = f"{site.namespace}.example.test"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": "Thing", "plural": "things"},
            "scope": "Namespaced",
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }
    site.write("crds/thing.yaml", json.dumps(definition))
    site.write("templates/thing.yaml", f"apiVersion: {group}/v1\nkind: Thing\nmetadata: {{name: one}}\n")
    checked, done = site.run(site.release(), check=True), site.run(site.release())
    assert plan(checked) == plan(done)
    assert done["notes"] == [f"release {site.namespace}/web: rendered without the server, which lacks its kinds"]
    assert f"apiextensions.k8s.io/v1 CustomResourceDefinition things.{group}" in str(done["diff"])
    assert site.server.exists(f"/apis/{group}/v1/namespaces/{site.namespace}/things/one")
    assert not site.run(site.release())["changed"]
    upgraded = site.run(site.release(values={"colour": "blue"}))
    assert upgraded["notes"] == [
        f"release {site.namespace}/web: definitions in the chart's folder crds stay as they were first installed"
    ]
