# SPDX-License-Identifier: GPL-3.0-or-later
"""The role in ansible-playbook, with this machine as every host: who is visited, and what stops a run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

PLAY = [
    {
        "hosts": "all",
        "gather_facts": False,
        "tasks": [
            {
                "name": "Check and keep up the machine",
                "ansible.builtin.import_role": {"name": "atarnet.homelab.hardware"},
                "vars": {"hardware_plan": {"hardware": "{{ sections }}"}},
            }
        ],
    }
]
NOTHING: dict[str, t.Any] = {"disks": [], "pools": [], "ports": {}, "updates": None}


@pytest.fixture
def run(tmp_path: Path) -> t.Callable[..., subprocess.CompletedProcess[str]]:
    """Run the role in check mode on a and b, with these sections of the plan."""

    def runner(*more: str, **sections: dict[str, t.Any]) -> subprocess.CompletedProcess[str]:
        # A host that is visited fails at once where there is no Python.
        hosts = {"a": {"ansible_python_interpreter": sys.executable}, "b": {"ansible_python_interpreter": "/none"}}
        variables = {"ansible_connection": "local", "sections": sections}
        (tmp_path / "play.json").write_text(json.dumps(PLAY), encoding="utf-8")
        (tmp_path / "inventory.json").write_text(json.dumps({"all": {"hosts": hosts, "vars": variables}}))
        (tmp_path / "ansible.cfg").write_text("[defaults]\n", encoding="utf-8")
        inside = Path("ansible_collections") / "atarnet" / "homelab" / "galaxy.yml"
        collections = next(folder for folder in sys.path if (Path(folder) / inside).exists())
        return subprocess.run(
            [
                str(Path(sys.executable).parent / "ansible-playbook"),
                "--check",
                "-i",
                "inventory.json",
                *more,
                "play.json",
            ],
            cwd=tmp_path,
            env={
                **os.environ,
                "ANSIBLE_COLLECTIONS_PATH": collections,
                "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"),
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return runner


def recap(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """Return Ansible's last words about each host."""
    lines = done.stdout.split("PLAY RECAP")[1].splitlines()[1:]
    return dict(line.split(" ", 1) for line in lines if line)


def test_hosts_without_a_section_are_not_visited(run: t.Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = run(a=NOTHING)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ("skipped=1" in recap(done)["a"], "skipped=3" in recap(done)["b"]) == (True, True), done.stdout
    assert run(b=NOTHING).returncode != 0


def test_missing_disk_and_port_stop_the_host(run: t.Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = run(a={**NOTHING, "disks": [{"serial": "nope", "tier": "ssd"}], "ports": {"nope0": 0}})
    assert done.returncode != 0
    assert "Using disk nope of host a for tier ssd: there is no such disk." in done.stdout
    assert "Using port nope0 of host a: there is no such interface." in done.stdout
    assert recap(done)["a"].split()[:5] == [":", "ok=1", "changed=0", "unreachable=0", "failed=1"]


@pytest.mark.parametrize("boot", ["raspberry_pi", "uefi"])
def test_command_line_is_only_a_raspberry_pis(
    run: t.Callable[..., subprocess.CompletedProcess[str]], boot: str
) -> None:
    """This machine has no such file, which is said when it is asked for."""
    seen = json.dumps({"hardware_report": {"hardware": {"physical": False, "boot": boot}}})
    done = run("-e", seen, a=NOTHING)
    refused = "Cannot apply kernel_parameter:cgroup_enable=memory: /boot/firmware/cmdline.txt has no command line"
    assert (refused in done.stdout) == (boot == "raspberry_pi") == (done.returncode != 0), done.stdout
