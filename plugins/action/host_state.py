# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of host_state: renders the templates and sends one payload to the host."""

from __future__ import annotations

import os
import typing as t

from ansible import constants
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.template import trust_as_template
from ansible_collections.atarnet.homelab.plugins.action.lab_run import is_in_sync
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError
from ansible_collections.atarnet.homelab.plugins.module_utils._host.payload import Payload, build
from ansible_collections.atarnet.homelab.plugins.module_utils._host.repeated import Repeated
from ansible_collections.atarnet.homelab.plugins.module_utils._run import in_sync

_OPTIONS = ("owner", "state", "resources", "forget")


class ActionModule(ActionBase):
    """Runs the module of the same name exactly once, with all contents in its arguments."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Build the payload and have the module apply it; contents are not shown at any verbosity."""
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        variables = dict(task_vars or {})
        unknown = sorted(set(self._task.args) - set(_OPTIONS))
        if unknown:
            raise AnsibleActionFail(
                f"Cannot use the option {unknown[0]}: host_state has none of this name. Use {', '.join(_OPTIONS)}."
            )
        arguments = {key: self._task.args[key] for key in _OPTIONS if key in self._task.args and key != "resources"}
        if arguments.get("state", "present") == "present":
            payload = self._payload(variables)
            arguments.update(resources=payload.resources, contents=payload.contents, secret_contents=payload.secrets)
            if is_in_sync(variables, str(arguments.get("owner", "")), payload.resources):
                return {**result, "changed": False, "changes": [], **({"diff": []} if self._task.diff else {})}
        # Ansible would have every module write its arguments, here the contents of files, into the host's journal.
        variables["ansible_no_target_syslog"] = True
        result.update(
            self._execute_module(module_name="atarnet.homelab.host_state", module_args=arguments, task_vars=variables)
        )
        result.pop("invocation", None)
        return in_sync.after(result, self._task.check_mode)

    def _payload(self, variables: dict[str, t.Any]) -> Payload:
        renderer = _Renderer(self, variables)
        try:
            return build(self._task.args.get("resources", []), renderer.render)
        except HostError as exc:
            raise AnsibleActionFail(str(exc)) from exc

    def find_template(self, name: str) -> str:
        """The path of a template, looked for as the template action does."""
        try:
            return str(self._find_needle("templates", name))
        except AnsibleError as exc:
            fix = "Put it into the templates/ folder of the role"
            raise HostError(f"Cannot read the template {name}", str(exc), fix) from exc

    def read_template(self, path: str) -> str:
        """The text of a template, vault-encrypted or not."""
        return str(self._loader.get_text_file_contents(path))

    def templar_for(self, path: str, variables: dict[str, t.Any]) -> t.Any:
        """A templar whose includes are found beside the template and in the task's search path."""
        folders = [*variables.get("ansible_search_path", []), self._loader.get_basedir(), os.path.dirname(path)]
        searchpath = [place for folder in folders for place in (os.path.join(folder, "templates"), folder)]
        return self._templar.copy_with_new_env(searchpath=searchpath, available_variables=variables)


class _Renderer:
    """Renders templates as the template action does; each file is found and read once."""

    def __init__(self, action: ActionModule, variables: dict[str, t.Any]) -> None:
        self._action = action
        self._variables = variables
        self._known: dict[str, tuple[str, str]] = {}

    def render(self, name: str, items: t.Sequence[str | None]) -> list[str]:
        """The texts of a template, one for each of *items*; inside it ``item`` is the item of ``each``."""
        if name not in self._known:
            path = self._action.find_template(name)
            self._known[name] = (path, self._action.read_template(path))
        path, source = self._known[name]
        variables = {
            "ansible_managed": constants.config.get_config_value("DEFAULT_MANAGED_STR"),
            **self._variables,
            "template_path": name,
            "template_fullpath": path,
        }
        if len(items) > 1 and (repeated := Repeated.of(source, [str(item) for item in items])):
            # Without the item of a loop around the task: a variable that is defined by ours has to fail here.
            named = {key: value for key, value in variables.items() if key != "item"} | repeated.variables
            try:
                return repeated.split(self._template(path, repeated.source, named))
            except (AnsibleError, ValueError):
                pass  # One by one there is no error, or it names its line.
        return [
            self._template(path, source, variables if item is None else {**variables, "item": item}) for item in items
        ]

    def _template(self, path: str, source: str, variables: dict[str, t.Any]) -> str:
        templar = self._action.templar_for(path, variables)
        overrides = {"trim_blocks": True, "newline_sequence": "\n"}
        text = templar.template(trust_as_template(source), escape_backslashes=False, overrides=overrides)
        return "" if text is None else str(text)
