# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compile the homelab_* variables into the lab plan, on the controller, without asking any host."""

from __future__ import annotations

import os
import typing as t
import zoneinfo
from collections.abc import Mapping
from pathlib import Path

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.atarnet.homelab.plugins.module_utils._lab import lock, model, plan, specs
from ansible_collections.atarnet.homelab.plugins.module_utils._lab.problems import UNSET, InputError, Problem, show

_COLLECTION = Path(__file__).resolve().parents[2]
_LOCK = _COLLECTION / "meta" / "artifacts.yml"
_SPECS = _COLLECTION / "roles" / "validate" / "meta" / "argument_specs.yml"
_DEFAULTS = _COLLECTION / "roles" / "validate" / "defaults" / "main.yml"
_PREFIX = "homelab_"


def plain(value: t.Any) -> t.Any:
    """Return *value* as plain JSON-able Python, without Ansible's tags and lazy containers."""
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value


class ActionModule(ActionBase):
    """The controller's half of atarnet.homelab.lab_plan; there is no other."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _VALID_ARGS: frozenset[str] = frozenset()

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return {"changed": False, "plan": ...}; fails with every problem of the input."""
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        try:
            surroundings = self._surroundings(task_vars)
            lab = self._lab(task_vars, surroundings)
        except (InputError, lock.LockError) as error:
            raise AnsibleActionFail(str(error), show_content=False) from None
        compiled = plan.compile_plan(lab, surroundings.lock)
        compiled["kubeconfig"] = os.path.expanduser(compiled["kubeconfig"])
        # With -v a result is printed whole, and the routes have hashes of passwords.
        secret = any(item["kind"] == "Secret" for item in (compiled["routes"] or {}).get("objects", []))
        result.update(changed=False, plan=compiled, _ansible_no_log=secret)
        return result

    def _lab(self, task_vars: Mapping[str, t.Any], surroundings: model.Surroundings) -> model.Lab:
        options = specs.parse_options(self._load(_SPECS)["argument_specs"]["main"]["options"])
        problems = self._differences(task_vars)
        values = self._input(task_vars, problems)
        known = {problem.key for problem in problems}
        try:
            lab = model.parse(values, options, surroundings)
        except InputError as error:
            problems += [problem for problem in error.problems if problem.key not in known]
        if problems:
            raise InputError(problems)
        return lab

    def _load(self, path: Path) -> t.Any:
        return plain(self._loader.load_from_file(str(path)))

    def _surroundings(self, task_vars: Mapping[str, t.Any]) -> model.Surroundings:
        return model.Surroundings(
            lock=lock.parse(self._load(_LOCK)),
            timezones=frozenset(zoneinfo.available_timezones()),
            inventory_hosts=frozenset(plain(task_vars["groups"]["all"])),
            play_hosts=frozenset(plain(task_vars["ansible_play_hosts_all"])),
        )

    def _input(self, task_vars: Mapping[str, t.Any], problems: list[Problem]) -> dict[str, t.Any]:
        """Return the homelab_* variables as rendered; those that cannot be go to *problems*."""
        # The defaults are read here too: the plan is also compiled where the role is not at hand (status, reset).
        defaults = self._loader.load_from_file(str(_DEFAULTS), trusted_as_template=True)
        given = _homelab(task_vars)
        values = {}
        for name, value in sorted({**defaults, **given}.items()):
            try:
                values[name] = plain(self._templar.template(value))
            except AnsibleError as error:
                if value == defaults.get(name):
                    continue  # what it refers to is missing, and reported
                reason = f"its template cannot be rendered ({error})"
                problems.append(Problem(name, UNSET, reason, "Define what it refers to, or write the value itself"))
        return values

    def _differences(self, task_vars: Mapping[str, t.Any]) -> list[Problem]:
        """Return a problem for each homelab_* variable that hosts were given differently: there is only one lab."""
        here = str(task_vars["inventory_hostname"])
        first = _homelab(task_vars["hostvars"].raw_get(here))
        problems = []
        for host in sorted(set(task_vars["ansible_play_hosts_all"]) - {here}):
            other = _homelab(task_vars["hostvars"].raw_get(host))
            for name in sorted({*first, *other}):
                if first.get(name, UNSET) != other.get(name, UNSET):
                    seen = show(plain(other[name])) if name in other else "no value"
                    reason = f"host {host} has {seen} instead, and there is only one lab"
                    fix = f"Set {name} once, in group_vars/all"
                    problems.append(Problem(name, plain(first.get(name, UNSET)), reason, fix))
        return problems


def _homelab(variables: Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {str(name): value for name, value in variables.items() if name.startswith(_PREFIX)}
