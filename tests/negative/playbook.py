# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the validate role with the real ansible-playbook, on hosts that are this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from dataclasses import dataclass
from pathlib import Path

_PLAYS = {
    "validate": [
        {
            "name": "Validate",
            "ansible.builtin.import_role": {"name": "atarnet.homelab.validate", "rolespec_validate": False},
        }
    ],
    "plan": [
        {"name": "Compile", "atarnet.homelab.lab_plan": {}, "register": "compiled", "run_once": True},
        {
            "name": "Keep",
            "ansible.builtin.copy": {"content": "{{ compiled.plan | to_json }}", "dest": "{{ keep }}", "mode": "0600"},
            "when": "inventory_hostname == ansible_play_hosts_all[-1]",
        },
    ],
    "report": [
        {"name": "Compile", "atarnet.homelab.lab_plan": {}, "register": "validate_result", "run_once": True},
        {"name": "Change nothing", "ansible.builtin.set_fact": {"layer_result": {"changes": []}}},
        {
            "name": "Report",
            "atarnet.homelab.lab_report": {
                "title": "Plan",
                "lab": "home",
                "network": "{{ validate_result.plan.network | default(omit, true) }}",
                "picture_file": "{{ keep }}.svg",
                "router_rules": "{{ router_of.router_rules | default(omit) }}",
                "router_file": "{{ router_of.router_file | default(omit) }}",
                "router_interfaces": "{{ router_of.router_interfaces | default(omit) }}",
            },
            "register": "report",
            "run_once": True,
        },
        {
            "name": "Keep",
            "ansible.builtin.copy": {"content": "{{ report.msg.splitlines() | to_json }}", "dest": "{{ keep }}"},
            "run_once": True,
        },
    ],
}


@dataclass(frozen=True)
class Run:
    """How a run ended; *touched* tells whether a task after the validation ran."""

    code: int
    output: str
    touched: bool
    kept: t.Any


def run(
    folder: Path,
    play: str,
    variables: dict[str, t.Any],
    hosts: tuple[str, ...],
    other_hosts: tuple[str, ...] = (),
    one_host: dict[str, dict[str, t.Any]] | None = None,
) -> Run:
    """Run a play ("validate" or "plan"), then a task that leaves a trace; *one_host* has variables of single hosts."""
    trace, kept = folder / "touched", folder / "kept.json"
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    members = {host: {**local, **(one_host or {}).get(host, {})} for host in hosts}
    groups = {
        "lab": {"hosts": members, "vars": {**variables, "keep": str(kept)}},
        "others": {"hosts": dict.fromkeys(other_hosts)},
    }
    touch = {"name": "Leave a trace", "ansible.builtin.command": f"touch {trace}"}
    document = [{"hosts": "lab", "gather_facts": False, "max_fail_percentage": 0, "tasks": [*_PLAYS[play], touch]}]
    inventory, playbook, config = folder / "inventory.json", folder / "play.yml", folder / "ansible.cfg"
    config.write_text("[defaults]\n", encoding="utf-8")
    inventory.write_text(json.dumps({"all": {"children": groups}}), encoding="utf-8")
    playbook.write_text(json.dumps(document), encoding="utf-8")
    done = subprocess.run(
        [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(inventory), str(playbook)],
        cwd=folder,
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": _collections(), "ANSIBLE_CONFIG": str(config)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    plan = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else None
    return Run(done.returncode, done.stdout + done.stderr, trace.exists(), plan)


def _collections() -> str:
    """Return the folder through which this checkout is a collection."""
    inside = Path("ansible_collections") / "atarnet" / "homelab" / "galaxy.yml"
    candidates = [Path(folder) for folder in sys.path] + list(Path(__file__).resolve().parents)
    return str(next(folder for folder in candidates if (folder / inside).exists()))
