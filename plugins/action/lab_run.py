# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell the control planes which run begins or ends; judge on the controller whether one that was killed lives."""

from __future__ import annotations

import json
import multiprocessing
import os
import shlex
import typing as t

from ansible import context
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.atarnet.homelab.plugins.action.lab_report import variables_of_hosts
from ansible_collections.atarnet.homelab.plugins.module_utils._report.collect import collect
from ansible_collections.atarnet.homelab.plugins.module_utils._run import controller, ending, in_sync, plan
from ansible_collections.atarnet.homelab.plugins.module_utils._run.apply import PLACES
from ansible_collections.atarnet.homelab.plugins.module_utils._run.model import Run, from_dict, load
from ansible_collections.atarnet.homelab.plugins.modules.lab_run import ARGUMENT_SPEC
from ansible_collections.atarnet.homelab.plugins.plugin_utils.arguments import validated

Json = dict[str, t.Any]
Call = t.Callable[[Json], Json]
_DISPLAY = Display()


def this_run() -> Run:
    """Return the run that this worker process belongs to."""
    playbooks = ", ".join(os.path.basename(str(name)) for name in context.CLIARGS.get("args") or ())
    # Not getppid(): a worker that outlives a killed ansible-playbook would record init, which never dies.
    playbook = multiprocessing.parent_process()
    return controller.current(playbooks or "a playbook", (playbook.pid if playbook else None) or os.getpid())


def is_in_sync(variables: Json, owner: str, wish: t.Any) -> bool:
    """Tell whether this run has seen that the host with these variables is just as the owner wants it by *wish*."""
    return in_sync.holds(variables.get("ansible_facts") or {}, this_run().id, owner, wish)


def begin(call: Call, lab: str, take_over: str, check: bool) -> Json:
    """Begin the run by *call*, which runs a module with the arguments it is given. Raises AnsibleActionFail.

    In check mode a run that is under way is only a warning, as nothing is taken from it.
    """
    arguments = {"run": this_run().as_dict(), "take_over_run": take_over}
    result = call(arguments)
    if result.get("held") and controller.is_dead(from_dict(result["held"])):
        result = call({**arguments, "take_over_run": result["held"]["id"]})
    if result.get("note"):
        _DISPLAY.warning(f"{result['note']}.")
    if result.get("held"):
        held = from_dict(result["held"])
        if not check:
            raise AnsibleActionFail(plan.refusal(lab, held, result["age_s"]), show_content=False)
        _DISPLAY.warning(f"{held} is under way; what it still changes is not in this plan.")
    return result


class ActionModule(ActionBase):
    """The controller's half of atarnet.homelab.lab_run."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: Json | None = None) -> Json:
        """Return what the module returned; fails when the lab is held by another run."""
        super().run(tmp, task_vars)
        given, variables = validated("lab_run", ARGUMENT_SPEC, self._task.args), task_vars or {}

        def call(arguments: Json) -> Json:
            return dict(
                self._execute_module(
                    module_name="atarnet.homelab.lab_run",
                    module_args={"lab": given["lab"], "state": "begun", **arguments},
                    task_vars=variables,
                )
            )

        if given["state"] == "begun":
            return begin(call, given["lab"], given["take_over_run"], bool(self._task.check_mode))
        lines = collect(variables_of_hosts(variables)).lines
        changes = [{"where": line.where, "object": line.object, "action": line.action} for line in lines]
        if self._task.check_mode:
            return {"changed": False, "note": ""}
        note = self._end({"outcome": _outcome(variables), "changes": changes})
        if note:
            _DISPLAY.warning(note)
        return {"changed": False, "note": note}

    def _end(self, news: Json) -> str:
        """Record the end on the host; return a sentence when somebody else has taken the lab meanwhile."""
        given = {**PLACES, "id": this_run().id, "news": news}
        program = t.cast(t.Any, ending).__spec__.loader.get_data(ending.__file__).decode()
        answer = self._low_level_execute_command(
            f"/usr/bin/python3 -I -c {shlex.quote(program)}", in_data=json.dumps(given).encode()
        )
        if answer["rc"]:
            cause = (str(answer["stderr"]).strip().splitlines() or [f"it ended with {answer['rc']}"])[-1]
            raise AnsibleActionFail(f"Recording the end of the run: {cause}. Run again.", show_content=False)
        # Before it there may be what a login prints.
        other = load(answer["stdout"].strip().splitlines()[-1])
        return f"{other} took the lab over before this run had ended." if other else ""


def _outcome(variables: Json) -> str:
    away = sorted(set(variables["ansible_play_hosts_all"]) - set(variables["ansible_play_hosts"]))
    return f"without {', '.join(away)}" if away else "complete"
