# SPDX-License-Identifier: GPL-3.0-or-later
"""The module in ansible-playbook, and what it asks of a cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.errors import KubeError
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.model import Ref
from ansible_collections.atarnet.homelab.plugins.module_utils._translate import apply

from tests.unit.translate.support import HTPASSWD, Json, an_ingress

OBJECTS = [an_ingress(auth_type="basic", auth_secret="htpasswd"), HTPASSWD]


class FakeApi:
    """A cluster with *objects*; remembers what it was asked for by name."""

    def __init__(self, *objects: Json) -> None:
        self.asked: list[str] = []
        self._objects = objects

    def list_all(self, ref: Ref) -> list[Json]:
        """Return all objects of a kind."""
        return [item for item in self._objects if item["kind"] == ref.kind]

    def get(self, ref: Ref) -> Json | None:
        """Return one object."""
        self.asked.append(str(ref))
        return next((item for item in self._objects if Ref.of(item) == ref), None)


def test_a_cluster_is_asked_for_what_is_named_only() -> None:
    named_port = an_ingress(name="api", auth_secret="gone", custom_headers="other/headers")
    named_port["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["port"] = {"name": "http"}
    others = an_ingress(name="other", ingressClassName="traefik", auth_secret="secret")
    api = FakeApi(*OBJECTS, named_port, others)
    found, named = apply.of_cluster(t.cast(t.Any, api), "nginx")
    assert [str(item) for item in found] == ["shop/web", "shop/api", "shop/other"]
    assert list(named) == [("Secret", "shop", "htpasswd")]
    assert api.asked == [
        "v1 Secret shop/htpasswd",
        "v1 Secret shop/gone",
        "v1 ConfigMap other/headers",
        "v1 Service shop/api",
    ]


def test_lists_are_taken_apart() -> None:
    found, named = apply.of_task([{"kind": "List", "items": OBJECTS}])
    assert (len(found), len(named)) == (1, 1)


WRONG: dict[str, tuple[t.Any, str]] = {
    "no object": ({"kind": "Ingress"}, "Reading objects[0]: it has no metadata with namespace and name."),
    "another kind": (
        {"kind": "Pod", "metadata": {"namespace": "a", "name": "b"}},
        "Reading objects[0]: it is a Pod. Give Ingress, Secret, ConfigMap, Service only.",
    ),
    "an old version": (
        {**OBJECTS[0], "apiVersion": "extensions/v1beta1"},
        "Reading objects[0]: it is of extensions/v1beta1. Give it as the server has networking.k8s.io/v1.",
    ),
    "a wrong shape": (
        {**OBJECTS[0], "spec": {"rules": [{"http": {"paths": [{"path": "/"}]}}]}},
        "Reading objects[0]: no API server stores such an Ingress (KeyError: 'backend').",
    ),
}


@pytest.mark.parametrize(("body", "message"), WRONG.values(), ids=WRONG)
def test_what_is_no_ingress_is_refused(body: t.Any, message: str) -> None:
    with pytest.raises(KubeError) as error:
        apply.of_task([body])
    assert str(error.value).startswith(message)


def test_a_file_is_written_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "routes.yml"
    (tmp_path / "routes.yml.partial").write_text("of a killed run", encoding="utf-8")
    apply.write(str(path), "new")
    assert (path.read_text(encoding="utf-8"), path.stat().st_mode & 0o777) == ("new", 0o600)
    with pytest.raises(KubeError, match="Name a file in a folder that is there"):
        apply.write(str(tmp_path / "none" / "routes.yml"), "new")


def test_a_file_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "all.yml"
    assert apply.written(str(path), "# Routes") == ""
    path.write_text("# Routes\nmine: true\n", encoding="utf-8")
    assert apply.written(str(path), "# Routes") == "# Routes\nmine: true\n"
    path.write_text("homelab_name: home\n", encoding="utf-8")
    with pytest.raises(KubeError, match=r"it is there, and nothing that was translated\. Name another file\."):
        apply.written(str(path), "# Routes")


def test_the_module(tmp_path: Path) -> None:
    """Check mode writes nothing, a run writes once, a failure leaves the file; hashes are in the file alone."""
    module, place = "atarnet.homelab.ingress_nginx_translate", str(tmp_path / "routes.yml")

    def task(name: str, conditions: list[str], **more: t.Any) -> list[Json]:
        arguments = {"objects": OBJECTS, "file": place, **more.pop("arguments", {})}
        arguments = {key: value for key, value in arguments.items() if value is not None}
        check = {"name": f"See {name}", "ansible.builtin.assert": {"that": conditions}}
        return [{"name": name, module: arguments, "register": "result", **more}, check]

    guarded = {"objects": [an_ingress(satisfy="any")]}
    # A task that is to fail is followed by one that asserts how it did.
    tasks = [
        *task("check", ["result is changed", f"'{place}' is not exists"], check_mode=True),
        *task("run", ["result is changed", "result.routes['shop-example-org'].auth.basic.users.anna == '(hidden)'"]),
        *task("run again", ["result is not changed", "result.report.hosts | length == 1"]),
        *task(
            "failure",
            ["result is failed", "'satisfy' in result.msg", "result.report.lines[0].outcome == 'failed'"],
            arguments=guarded,
            ignore_errors=True,
        ),
        *task(
            "both sources", ["'mutually exclusive' in result.msg"], arguments={"kubeconfig": "x"}, ignore_errors=True
        ),
        *task("no source", ["'required' in result.msg"], arguments={"objects": None}, ignore_errors=True),
    ]
    play = [{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]
    (tmp_path / "play.json").write_text(json.dumps(play), encoding="utf-8")
    (tmp_path / "ansible.cfg").write_text("[defaults]\n", encoding="utf-8")
    inside = Path("ansible_collections") / "atarnet" / "homelab" / "galaxy.yml"
    collections = next(folder for folder in sys.path if (Path(folder) / inside).exists())
    ran = subprocess.run(
        [str(Path(sys.executable).parent / "ansible-playbook"), "-vv", "--diff", "-i", "localhost,", "play.json"],
        cwd=tmp_path,
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": collections, "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "+homelab_routes:" in ran.stdout
    assert "anna: (hidden)" in ran.stdout
    assert "$2y$" not in ran.stdout + ran.stderr
    assert "anna: $2y$05$" in Path(place).read_text(encoding="utf-8")
