# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change a host's network, then prove over a new connection that it can still be reached, or explain why not."""

from __future__ import annotations

import secrets
import time
import typing as t

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible_collections.atarnet.homelab.plugins.action.lab_run import is_in_sync
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network import wish
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network.explain import suspect
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network.model import INCOMPLETE, LATER, parse
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network.plan import TABLE_ID
from ansible_collections.atarnet.homelab.plugins.module_utils._run import in_sync
from ansible_collections.atarnet.homelab.plugins.modules.host_network import ARGUMENT_SPEC
from ansible_collections.atarnet.homelab.plugins.plugin_utils.arguments import validated

Json = dict[str, t.Any]

_PAUSE = 1.0
# The host has reverted itself by then, on whose clock the time began to run earlier.
_REVERT_TAKES = 2.0
_ASK_FOR = 60.0
_FOUND_REVERTED = "the first one that did found the change reverted"


class ActionModule(ActionBase):
    """The controller's half of atarnet.homelab.host_network."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: Json | None = None) -> Json:
        """Apply in one round; when something changed that can cut the host off, confirm in another."""
        super().run(tmp, task_vars)
        self._args = validated("host_network", ARGUMENT_SPEC, self._task.args)
        try:
            parse(self._args, "")
        except HostError as exc:
            raise AnsibleActionFail(str(exc)) from exc
        # The ruleset has no place in the host's journal.
        self._vars = {**(task_vars or {}), "ansible_no_target_syslog": True}
        if self._args["state"] == "present" and is_in_sync(self._vars, wish.NAME, wish.of(self._args)):
            return {"changed": False, "changes": [], "notes": [], **({"diff": []} if self._task.diff else {})}
        self._token = secrets.token_hex(8)
        self._moved = ""
        result = self._call("apply", **{key: self._args[key] for key in ARGUMENT_SPEC if key != "call"})
        unconfirmed = result.pop("unconfirmed", None)
        self._changed = [change["resource"] for change in result.get("changes", ())]
        if unconfirmed:
            self._move(unconfirmed["address"])
            self._confirm(unconfirmed["session"])
            if self._moved:
                result["address"] = self._moved
            if unconfirmed["again"]:
                rest = self._call("apply", confirm_within=self._args["confirm_within"], state=self._args["state"])
                result = rest if rest.get("failed") else result
        return in_sync.after(result, self._task.check_mode)

    def _move(self, address: str) -> None:
        """Have new connections go to *address* ("": where they went before), and expect the host key they found."""
        if not address:
            return
        self._came_to = self._connection.get_option("host") or self._play_context.remote_addr
        self._options = self._connection.get_option("ssh_extra_args") or ""
        self._connection.reset()
        self._connect_to(address, f"{self._options} -o HostKeyAlias={self._came_to}".strip())
        self._moved = address

    def _connect_to(self, address: str, options: str) -> None:
        self._connection.set_option("host", address)
        self._connection.set_option("ssh_extra_args", options)

    def _call(self, step: str, **arguments: t.Any) -> Json:
        """Run one step on the host; raises AnsibleConnectionFailure when it cannot be reached."""
        call = {"step": step, "token": self._token, "new": self._connection.transport != "local"}
        result = dict(
            self._execute_module(
                module_name="atarnet.homelab.host_network",
                module_args={**arguments, "call": call},
                task_vars=self._vars,
            )
        )
        result.pop("invocation", None)
        return result

    def _confirm(self, session: str) -> None:
        """Confirm over a new connection; raises AnsibleActionFail when that did not succeed in time."""
        deadline = time.monotonic() + self._args["confirm_within"]
        cut, cause = True, "none was tried in time"
        given = {key: self._args[key] for key in ("ruleset", "interfaces")} if self._args["interfaces"] else {}
        while time.monotonic() < deadline:
            try:
                self._connection.reset()
                result = self._call("confirm", **given)
            except AnsibleConnectionFailure as exc:
                cut, cause = True, str(exc)
            else:
                outcome = str(result.get("outcome"))
                if outcome == "confirmed":
                    return
                cut, cause = False, result.get("msg", f"the host answers: {outcome}")
                if outcome == "reverted":
                    cut, cause = not result["cause"], result["cause"] or _FOUND_REVERTED
                if outcome == LATER:
                    continue
                if outcome != "same connection" and not outcome.startswith(INCOMPLETE):
                    break
            time.sleep(_PAUSE)
        time.sleep(max(0.0, deadline + _REVERT_TAKES - time.monotonic()))
        if self._moved:
            self._connection.reset()
            self._connect_to(self._came_to, self._options)
        outcome = self._outcome()
        if outcome != "confirmed":
            raise AnsibleActionFail(self._explanation(cut, cause, outcome, session))

    def _outcome(self) -> str:
        """Return what the host says became of the change; raises AnsibleConnectionFailure when it does not answer."""
        end = time.monotonic() + _ASK_FOR
        while True:
            try:
                self._connection.reset()
                result = self._call("ask")
                return str(result.get("outcome") or result.get("msg"))
            except AnsibleConnectionFailure as exc:
                if time.monotonic() >= end:
                    waited = f"{self._args['confirm_within']} s and {_ASK_FOR:.0f} s more"
                    raise AnsibleConnectionFailure(
                        f"Changing the network: the host cannot be reached any more, though {waited} after the change "
                        f"it should have reverted itself: {exc}. A reboot returns to what was confirmed last."
                    ) from exc
            time.sleep(_PAUSE)

    def _explanation(self, cut: bool, cause: str, outcome: str, session: str) -> str:
        """Return what was tried, what became of it, and where it was *cut* off, what in the ruleset did that."""
        seconds, cause = self._args["confirm_within"], cause.strip().rstrip(".")
        way = f" to {self._moved}" if self._moved else ""
        why = f"with the change in force no new connection{way} came through within {seconds} s: {cause}."
        now = "The host was asked: it has put everything back and is as before."
        if outcome != "reverted":
            now = f"The host was asked and says '{outcome}': run `systemctl start homelab-network-revert` there."
        if not cut:
            return f"Changing the network: the change could not be confirmed: {cause}. {now}"
        blamed = [suspect(self._args["ruleset"], session)] if TABLE_ID in self._changed else []
        if any(resource.startswith("interface:") for resource in self._changed):
            blamed.append(
                "Compare the VLAN ids, the addresses and the gateway with those of the switch and the router."
            )
        return " ".join([f"Changing the network: {why} {now}", *blamed])
