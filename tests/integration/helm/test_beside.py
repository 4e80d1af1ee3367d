# SPDX-License-Identifier: GPL-3.0-or-later
"""What other Helms do or did to the releases: still at work, killed, or started by hand."""

from __future__ import annotations

import json
import subprocess
import time
import typing as t
from pathlib import Path

from ansible_collections.atarnet.homelab.plugins.module_utils._helm.locks import Note
from ansible_collections.atarnet.homelab.plugins.module_utils._helm.model import Release
from ansible_collections.atarnet.homelab.plugins.module_utils._helm.storage import RUN_LABEL

from tests.integration.helm.play import Play

IDLE = {"read": 1, "dry_run": 0, "write": 0}
NEVER = """
apiVersion: batch/v1
kind: Job
metadata: {name: never, annotations: {helm.sh/hook: pre-install}}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: app, image: example.test/app:1}]}}}
"""


def by_hand(site: t.Any, *arguments: str) -> str:
    """Run Helm as a person does and return what it prints."""
    command = [site.helm, *arguments, "--namespace", site.namespace, "--kubeconfig", str(site.server.kubeconfig)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def installing(site: t.Any, seconds: int, revision: int = 1) -> subprocess.Popen[bytes]:
    """Return a Helm that installs for some seconds under the lock of a run that is gone."""
    site.write("templates/never.yaml", NEVER)
    site.server.call("POST", "/api/v1/namespaces", {"metadata": {"name": site.namespace}})
    release = Release("web", site.namespace)
    locks = site.locks()
    locks.take([release])
    locks[release].expect(revision)
    command = [site.helm, "install", "web", str(site.chart), "--namespace", site.namespace, f"--timeout={seconds}s"]
    command += ["--kubeconfig", str(site.server.kubeconfig), f"--labels={RUN_LABEL}={locks[release].run}"]
    process = subprocess.Popen(
        command, pass_fds=[locks[release].fileno()], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    locks[release].started(process.pid)
    locks.close()
    deadline = time.monotonic() + 60
    while not site.server.exists(f"/apis/batch/v1/namespaces/{site.namespace}/jobs/never"):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.1)
    (site.chart / "templates" / "never.yaml").unlink()
    return process


def test_a_helm_that_still_works_is_waited_for(site: t.Any, tmp_path: Path) -> None:
    play = Play(site, tmp_path)
    play.releases = [site.release()]
    with installing(site, 12) as helm:
        holder = f"Helm or its run (process {helm.pid})"
        checked = site.run(site.release(), check=True)
        assert f"release {site.namespace}/web: {holder} is still at it, a run waits for its end" in checked["notes"]
        refused = site.run(site.release(timeout=1))
        assert f"{holder} has been at it for over 1 s" in refused["msg"] and helm.poll() is None
        done, text = play.run()
        assert helm.poll() is not None and "failed" not in done, text
    assert f"release {site.namespace}/web: {holder} is still at it, waiting for its end" in text.splitlines()
    assert done["changes"][0]["reason"].startswith("status failed")
    assert done["recovered"] == [f"release {site.namespace}/web: the end of {holder} was waited for"]
    assert site.run(site.release())["helm_runs"] == 0


def test_what_a_killed_helm_of_this_controller_left_is_taken_over_at_once(site: t.Any) -> None:
    with installing(site, 60) as helm:
        helm.kill()
    before = sorted((path.name, path.read_bytes()) for path in site.state.rglob("*.lock"))
    assert "may still be at it" not in str(site.run(site.release(), check=True)["notes"])
    assert sorted((path.name, path.read_bytes()) for path in site.state.rglob("*.lock")) == before
    done = site.run(site.release())
    assert done["recovered"] == [
        f"release {site.namespace}/web: revision 1 was pending-install and is now marked failed"
    ], done
    assert site.run(site.release())["helm_runs"] == 0


def test_a_young_record_of_somebody_else_is_left_alone(site: t.Any) -> None:
    with installing(site, 60, revision=7) as helm:
        helm.kill()
    told = "so a Helm that was not started from here may still be at it"
    assert told in site.run(site.release())["msg"]
    assert told in str(site.run(site.release(), check=True)["notes"])


def test_a_rollback_by_hand_is_a_difference(site: t.Any) -> None:
    site.run(site.release(values={"colour": "blue"}))
    site.run(site.release(values={"colour": "green"}))
    labels = labels_of(site, 1)
    by_hand(site, "rollback", "web", "1")
    # A rollback keeps the labels of the revision it goes back to, whoever makes it.
    assert {name: labels_of(site, 3)[name] for name in labels if "homelab" in name} == {
        name: value for name, value in labels.items() if "homelab" in name
    }
    done = site.run(site.release(values={"colour": "green"}))
    assert [change["reason"] for change in done["changes"]] == ["values changed"]
    again = site.run(site.release(values={"colour": "green"}))
    assert (again["changed"], again["helm_runs"], again["requests"]) == (False, 0, IDLE)
    history = json.loads(by_hand(site, "history", "web", "--output=json"))
    assert [entry["status"] for entry in history] == ["superseded", "superseded", "superseded", "deployed"]
    listed = json.loads(by_hand(site, "list", "--output=json"))
    assert [(entry["name"], entry["revision"], entry["status"]) for entry in listed] == [("web", "4", "deployed")]


def labels_of(site: t.Any, revision: int) -> dict[str, str]:
    """Return the labels of a release record."""
    path = f"/api/v1/namespaces/{site.namespace}/secrets/sh.helm.release.v1.web.v{revision}"
    return dict(site.server.call("GET", path)["metadata"]["labels"])


def test_an_uninstallation_by_hand_is_a_difference(site: t.Any) -> None:
    site.run(site.release())
    by_hand(site, "uninstall", "web", "--keep-history")
    done = site.run(site.release())
    assert [change["reason"] for change in done["changes"]] == ["not installed"], done
    assert site.run(site.release())["helm_runs"] == 0
    by_hand(site, "uninstall", "web", "--keep-history")
    gone = site.release(state="absent", chart=None)
    checked, done = site.run(gone, check=True), site.run(gone)
    assert (checked["changes"], checked["diff"]) == (done["changes"], done["diff"])
    assert [change["reason"] for change in done["changes"]] == ["its history is left"] and len(done["diff"]) == 1
    assert json.loads(by_hand(site, "list", "--output=json")) == []
    assert not site.run(gone)["changed"]


def test_what_only_failed_revisions_made_goes_with_the_release(site: t.Any) -> None:
    site.run(site.release())
    site.write("templates/more.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\n")
    broken = "apiVersion: v1\nkind: Service\nmetadata: {name: broken}\nspec: {ports: [{port: 70000}]}\n"
    site.write("templates/broken.yaml", broken)
    assert "failed" in site.run(site.release())
    path = f"/api/v1/namespaces/{site.namespace}/configmaps/more"
    assert site.server.exists(path)
    (site.chart / "templates" / "broken.yaml").unlink()
    (site.chart / "templates" / "more.yaml").unlink()
    done = site.run(site.release())
    assert f"v1 ConfigMap {site.namespace}/more was removed" in str(done["recovered"]), done
    assert not site.server.exists(path)


def test_a_worker_whose_run_was_killed_goes_no_further(site: t.Any, tmp_path: Path) -> None:
    slow = tmp_path / "helm"
    slow.write_text(
        f'#!/bin/sh\n{site.helm} "$@"; code=$?\ncase "$*" in *dry-run*|*version*) ;; *) sleep 4;; esac\nexit $code'
    )
    slow.chmod(0o755)
    play = Play(site, tmp_path)
    play.releases = [site.release("one"), site.release("two")]
    site.helm, plain = str(slow), site.helm
    with play.start(output=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not site.server.exists(f"/api/v1/namespaces/{site.namespace}/configmaps/one-settings"):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.1)
        process.kill()
    site.helm = plain
    assert len(site.run(site.release("one"), site.release("two"))["changes"]) == 1
    locks = site.locks()
    assert locks.look(Release("one", site.namespace)) == locks.look(Release("two", site.namespace)) == (False, Note())
