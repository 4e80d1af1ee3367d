# SPDX-License-Identifier: GPL-3.0-or-later
"""The task as a playbook runs it: templates, check mode, a blank lab, and not a word of a secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

TEMPLATE = """
{% for name in names %}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ name }}}
data:
  made: 2026-01-01
{% endfor %}
---
apiVersion: v1
kind: Secret
metadata: {name: token}
stringData: {key: {{ password }}}
"""


class Playbook:
    """A play with one kube_apply task in a folder of its own."""

    def __init__(self, folder: Path, lab: t.Any) -> None:
        self.folder = folder
        self.lab = lab
        self.arguments: dict[str, t.Any] = {
            "kubeconfig": str(lab.server.kubeconfig),
            "owner": lab.owner,
            "namespace": lab.namespace,
            "templates": ["set.yaml.j2"],
            "objects": [lab.namespace_object()],
        }
        (folder / "templates").mkdir()
        (folder / "templates" / "set.yaml.j2").write_text(TEMPLATE, encoding="utf-8")

    def run(self, *options: str, **variables: t.Any) -> tuple[dict[str, t.Any], str]:
        """Return the task's result and everything that was printed."""
        text = self.play([{"atarnet.homelab.kube_apply": self.arguments}], *options, **variables)
        _before, arrow, rest = text.partition("localhost] => ")
        failed = text.partition("fatal: [localhost]: FAILED! => ")[2]
        assert arrow or failed, text
        return json.JSONDecoder().raw_decode((failed or rest).lstrip())[0], text

    def play(self, tasks: list[dict[str, t.Any]], *options: str, **variables: t.Any) -> str:
        """Return everything that a play of these tasks printed."""
        values = {"names": ["a", "b"], "password": "canary-4711", **variables}
        play = {"hosts": "localhost", "gather_facts": False, "vars": values, "tasks": tasks}
        (self.folder / "play.yml").write_text(json.dumps([play]), encoding="utf-8")
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": next(p for p in sys.path if (Path(p) / "ansible_collections/atarnet").exists()),
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
            "ANSIBLE_CONFIG": str(self.folder / "ansible.cfg"),
            "ANSIBLE_LOCAL_TEMP": str(self.folder / "tmp"),
            "ANSIBLE_NOCOLOR": "1",
        }
        command = [sys.executable, "-m", "ansible", "playbook", "-i", "localhost,", "-c", "local", "play.yml", *options]
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=120)
        return done.stdout + done.stderr

    def secret(self, **content: t.Any) -> dict[str, t.Any]:
        """Return a Secret, written into the play itself."""
        return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "inline"}, **content}


@pytest.fixture
def playbook(tmp_path: Path, lab: t.Any) -> Playbook:
    """Give a play on a fresh owner."""
    return Playbook(tmp_path, lab)


def test_a_play_applies_its_template_and_then_rests(playbook: Playbook) -> None:
    checked, _text = playbook.run("--check", "--diff", "-vvv")
    done, text = playbook.run("--diff", "-vvvv")
    assert len(done["changes"]) == 4, done
    assert (checked["changes"], checked["diff"]) == (done["changes"], done["diff"])
    assert "canary" not in text
    again, _text = playbook.run("-v")
    assert (again["changed"], again["requests"]) == (False, {"read": 4, "dry_run": 0, "write": 0})
    fewer, text = playbook.run("--diff", "-vvvv", names=["a"], password="canary-4712")
    assert [change["action"] for change in fewer["changes"]] == ["update", "delete"]
    assert "canary" not in text


def test_a_blank_lab_can_be_checked_but_not_run(playbook: Playbook) -> None:
    playbook.arguments.update(kubeconfig=str(playbook.folder / "none.conf"), api_optional=True)
    checked, text = playbook.run("--check", "--diff", "-vvv")
    assert (checked["api"], len(checked["changes"]), "canary" in text) == ("unreachable", 4, False)
    playbook.arguments["kubeconfig"] = str(playbook.lab.server.kubeconfig)
    live, _text = playbook.run("--check", "--diff", "-vvv")
    assert (live["changes"], live["diff"]) == (checked["changes"], checked["diff"])
    playbook.arguments["kubeconfig"] = str(playbook.folder / "none.conf")
    failed, _text = playbook.run()
    assert failed["msg"].endswith("none.conf: it does not exist. Build the cluster first or correct the path.")


def test_a_broken_template_is_named(playbook: Playbook) -> None:
    (playbook.folder / "templates" / "set.yaml.j2").write_text("a: {{ password }}: x", encoding="utf-8")
    failed, text = playbook.run("-vvvv")
    assert "Reading template set.yaml.j2: line 1 of what it renders to is no YAML" in failed["msg"]
    assert "canary" not in text


SLIPS: dict[str, tuple[dict[str, t.Any], str]] = {
    "refused by the server": (
        {"objects": [{"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": "canary-4711"}}]},
        "field data[.dockerconfigjson]: Invalid value: ",
    ),
    "no base64": ({"objects": [{"data": {"key": "canary-4711"}}]}, "data.key is not base64"),
    "no string": ({"objects": [{"stringData": {"key": ["canary-4711"]}}]}, "the value of key 'key' is not a string"),
    "no object": ({"objects": ["canary-4711"]}, "Reading the arguments of kube_apply: "),
    "no such option": (
        {"secret": "canary-4711"},
        "Reading the arguments of kube_apply: secret. Supported parameters include: ",
    ),
}


def test_no_slip_prints_a_secret(playbook: Playbook) -> None:
    tasks = []
    for arguments, _told in SLIPS.values():
        objects = [playbook.secret(**item) if isinstance(item, dict) else item for item in arguments.get("objects", [])]
        all_objects = [playbook.lab.namespace_object(), *objects]
        given = {**playbook.arguments, "templates": [], **arguments, "objects": all_objects}
        tasks.append({"atarnet.homelab.kube_apply": given, "ignore_errors": True})
    text = playbook.play(tasks, "--diff", "-vvvv")
    assert text.count("FAILED! => ") == len(SLIPS)
    assert [told for _arguments, told in SLIPS.values() if told not in text] == []
    assert "canary" not in text
    assert "invocation" not in text
