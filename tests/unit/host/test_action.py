# SPDX-License-Identifier: GPL-3.0-or-later
"""The action plugin as ansible-playbook runs it: templates of a role, one remote execution, nothing shown."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock, patch

import pytest
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.atarnet.homelab.plugins.action.host_state import ActionModule, _Renderer
from ansible_collections.atarnet.homelab.plugins.action.lab_run import this_run
from ansible_collections.atarnet.homelab.plugins.module_utils._host.model import name_of
from ansible_collections.atarnet.homelab.plugins.module_utils._run import in_sync

TASK = """
- name: Configure
  atarnet.homelab.host_state:
    owner: test
    resources: {resources}
  vars:
    word: w
    password: hunter2
"""
REFERENCE = """
- name: Have Ansible's own action render the same
  ansible.builtin.template: {{src: plain.j2, dest: {place}/reference}}
  vars: {{word: w, item: a}}
  check_mode: false
"""
# What a template may do, to be rendered for several items as it is for one.
FORMS = {
    "newlines": "{{ item }}\n\n",
    "no newline": "{{ item }}",
    "block at the end": "{% if item == 'a' %}\nx\n{% endif %}\n",
    "block at the start": "{% if word %}\n{{ item }}\n{% endif %}\nend",
    "its own loop": "{% for n in range(2) %}\n{{ loop.index }} {{ item }}\n{% endfor %}\n",
    "its own names": "{% set n = item ~ word %}\n{% macro m(x) %}[{{ x }}]{% endmacro %}\n{{ m(n) }}\n",
    "include": "{% include 'part.j2' %}\n{{ item }}\n",
    "whitespace": "{%- if true -%}\n  {{ item }}  \n{%- endif -%}\n\n",
    "settings": "#jinja2: trim_blocks: False\n{% if true %}\n{{ item }}\n{% endif %}\n",
    "a variable of the item": "{{ named }}\n",
    "empty": "",
    "ends the loop": "{% endfor %}{% for x in [1] %}{{ item | default('none') }}",
    "blocks": "{% block b %}{{ word }}{% endblock %}{{ item }}\n",
    "value with newline": "{{ item ~ '\\n' }}\n",
    "nothing": "{{ none }}",
}
TEMPLATES = {
    "plain.j2": "# {{ ansible_managed }}\n{% if word %}\n{{ word }} {{ item | default('-') }}\n{% endif %}\n"
    "{% include 'part.j2' %}\nend\n\n",
    "part.j2": "part {{ word }} {{ item | default('') }}",
    "broken.j2": "{{ nosuch }}",
}


def _play(tmp_path: Path, resources: str, more: str = "") -> subprocess.CompletedProcess[str]:
    role = tmp_path / "roles/some"
    for folder in ("tasks", "templates"):
        (role / folder).mkdir(parents=True)
    (role / "tasks/main.yml").write_text(TASK.format(resources=resources) + more)
    for name, text in TEMPLATES.items():
        (role / "templates" / name).write_text(text)
    (tmp_path / "play.yml").write_text("- hosts: all\n  gather_facts: false\n  roles: [some]\n")
    (tmp_path / "ansible.cfg").write_text("[defaults]\n")
    collections = next(place for place in sys.path if (Path(place) / "ansible_collections/atarnet/homelab").exists())
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": collections,
        "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_STDOUT_CALLBACK": "default",
        "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "ANSIBLE_PIPELINING": "1",
    }
    program = Path(sys.executable).with_name("ansible-playbook")
    command = [str(program), "-i", "host,", "-c", "local", "play.yml", "--check", "--diff", "-vvv"]
    command += ["-e", f"ansible_python_interpreter={sys.executable}"]
    return subprocess.run(command, cwd=tmp_path, env=environment, text=True, capture_output=True, check=False)


def test_templates_are_rendered_as_the_template_module_does(tmp_path: Path) -> None:
    place = tmp_path / "host"
    place.mkdir()
    reference = REFERENCE.format(place=place)
    done = _play(
        tmp_path,
        f"[{{file: {place}/@item, each: [a, b], template: plain.j2}}, "
        f"{{file: {place}/key, content: '{{{{ password }}}}', secret: true}}, "
        f"{{file: {place}/no, content: no, when: \"{{{{ word == 'x' }}}}\"}}]",
        reference,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"file:{place}/a (absent)" in done.stdout
    for line in ("+# Ansible managed", "+w a", "+w b"):
        assert line in done.stdout
    rendered = (place / "reference").read_bytes()
    assert f"{place}/a (create: 0644 root:root, sha256 {hashlib.sha256(rendered).hexdigest()[:12]})" in done.stdout
    assert f"file:{place}/no" not in done.stdout
    assert "hunter2" not in done.stdout + done.stderr
    assert done.stdout.count("modules/host_state.py") == 1, "one remote execution"
    assert os.listdir(place) == ["reference"]


@pytest.mark.parametrize("form", FORMS)
def test_many_items_are_rendered_as_one_by_one(tmp_path: Path, form: str) -> None:
    (tmp_path / "part.j2").write_text(TEMPLATES["part.j2"])
    variables = {"word": "w", "named": trust_as_template("<{{ item }}>")}
    action = SimpleNamespace(
        find_template=lambda name: name,
        read_template=lambda path: FORMS[form],
        templar_for=lambda path, known: Templar(DataLoader(), known).copy_with_new_env(searchpath=[str(tmp_path)]),
    )
    renderer = _Renderer(t.cast(t.Any, action), variables)

    def one_by_one() -> list[str]:
        return [renderer.render(form, [item])[0] for item in ("a", "b b", "c{{x}}")]

    try:
        expected = one_by_one()
    except AnsibleError as exc:
        with pytest.raises(type(exc)):
            renderer.render(form, ["a", "b b", "c{{x}}"])
    else:
        assert renderer.render(form, ["a", "b b", "c{{x}}"]) == expected


ERRORS = {
    "bad resource": ("[{file: etc, content: ''}]", "Cannot use resources[0] (file:etc)"),
    "no template": ("[{file: /tmp/x, template: nosuch.j2}]", "Cannot read the template nosuch.j2"),
    "undefined variable": ("[{file: /tmp/x, template: broken.j2}]", "'nosuch' is undefined"),
}


@pytest.mark.parametrize(("resources", "words"), ERRORS.values(), ids=ERRORS)
def test_mistakes_are_found_without_the_host(tmp_path: Path, resources: str, words: str) -> None:
    done = _play(tmp_path, resources)
    assert done.returncode == 2
    assert words in done.stdout + done.stderr
    assert "Using module file" not in done.stdout


def test_result_is_json_without_arguments(tmp_path: Path) -> None:
    done = _play(tmp_path, f"[{{directory: {tmp_path}/new}}]")
    text = done.stdout[done.stdout.index("=> {") + 3 : done.stdout.index("\n}\n") + 2]
    result = json.loads(text)
    assert "invocation" not in result
    assert [change["resource"] for change in result["changes"]] == [f"directory:{tmp_path}/new"]


def _action(arguments: dict[str, t.Any], diff: bool = False) -> ActionModule:
    task = SimpleNamespace(args=arguments, async_val=0, check_mode=False, diff=diff, environment=None)
    return ActionModule(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), MagicMock())


def _execute(arguments: dict[str, t.Any]) -> t.Any:
    """What the action hands to its one module execution."""
    action = _action(arguments)
    with patch.object(ActionModule, "_execute_module", return_value={"invocation": {"module_args": {}}}) as execute:
        assert "invocation" not in action.run(task_vars={"x": 1})
    execute.assert_called_once()
    return execute.call_args.kwargs


SECRET = {"file": "/etc/key", "content": "hunter2", "secret": True}


def test_secrets_travel_apart_and_nothing_is_written_to_the_journal() -> None:
    sent = _execute({"owner": "me", "resources": [SECRET]})
    assert list(sent["module_args"]["secret_contents"].values()) == ["hunter2"]
    assert "hunter2" not in json.dumps({**sent["module_args"], "secret_contents": None})
    assert sent["task_vars"] == {"x": 1, "ansible_no_target_syslog": True}


def test_absent_sends_no_resources() -> None:
    assert _execute({"owner": "me", "state": "absent", "resources": [SECRET]})["module_args"] == {
        "owner": "me",
        "state": "absent",
    }


def test_unknown_option_is_named() -> None:
    with pytest.raises(AnsibleActionFail, match=r"Cannot use the option purge: .* Use owner, state, resources, forget"):
        _execute({"owner": "me", "purge": True})


WISH = {"owner": "me", "resources": [{"directory": "/etc/d"}]}


def _facts() -> dict[str, t.Any]:
    sent = _execute(WISH)["module_args"]["resources"]
    return {"ansible_facts": in_sync.seen(this_run().id, {"me": name_of(json.loads(json.dumps(sent)))})}


@pytest.mark.parametrize("diff", [False, True])
def test_a_host_that_was_seen_in_sync_is_not_visited(diff: bool) -> None:
    expected = {"changed": False, "changes": [], **({"diff": []} if diff else {})}
    with patch.object(ActionModule, "_execute_module") as execute:
        result = _action(WISH, diff).run(task_vars=_facts())
    assert {key: result[key] for key in ("changed", "changes", "diff") if key in result} == expected
    execute.assert_not_called()


@pytest.mark.parametrize("wish", [{**WISH, "state": "absent"}, {**WISH, "resources": [{"directory": "/etc/e"}]}])
def test_it_is_visited_for_anything_else(wish: dict[str, t.Any]) -> None:
    action = _action(wish)
    with patch.object(ActionModule, "_execute_module", return_value={"changed": True}) as execute:
        assert action.run(task_vars=_facts())["ansible_facts"] == {"lab_in_sync": {}}
    execute.assert_called_once()
