# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half: one round, or two with a new connection between them, or an explanation."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible_collections.atarnet.homelab.plugins.action import host_network
from ansible_collections.atarnet.homelab.plugins.action.lab_run import this_run
from ansible_collections.atarnet.homelab.plugins.module_utils._host.model import name_of
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network import wish
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network.apply import LATER
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network.explain import suspect
from ansible_collections.atarnet.homelab.plugins.module_utils._run import in_sync

from tests.unit.host_network.test_real_nft import OTHER, SYSTEMCTL

DROP = "chain input { type filter hook input priority filter; policy drop; }"
APPLIED: dict[str, t.Any] = {
    "changed": True,
    "changes": [{"resource": "table:inet homelab"}],
    "unconfirmed": {"session": "192.0.2.1 4 192.0.2.2 22", "address": "", "again": False},
}
MOVED = {
    "changed": True,
    "changes": [{"resource": "interface:eth0"}],
    "unconfirmed": {"session": "192.0.2.1 4 192.0.2.2 22", "address": "198.51.100.2", "again": False},
}
LINKS = {"links": [{"name": "eth0", "addresses": ["198.51.100.2/24"]}]}
DOWN = AnsibleConnectionFailure("Connection timed out")
Answer = t.Union[dict[str, t.Any], Exception]


class Clock:
    """Time that passes only by waiting; an attempt to connect that fails takes ten seconds."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Played:
    """An action whose rounds are answered from a list; *log* is what was done, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, transport: str = "ssh", **arguments: t.Any) -> None:
        self.clock, self.log, self.sent = Clock(), [], []  # type: tuple[Clock, list[str], list[dict[str, t.Any]]]
        self.answers: list[Answer] = []
        task = SimpleNamespace(args={"ruleset": DROP, **arguments}, async_val=0, check_mode=False, diff=False)
        connection = MagicMock(transport=transport)
        connection.reset.side_effect = lambda: self.log.append("reset")
        self.options = {"host": "192.0.2.2", "ssh_extra_args": "-4"}
        connection.get_option.side_effect = lambda name: self.options[name]
        connection.set_option.side_effect = self._set_option
        self.action = host_network.ActionModule(task, connection, MagicMock(), MagicMock(), MagicMock(), MagicMock())
        monkeypatch.setattr(self.action, "_execute_module", self._execute)
        monkeypatch.setattr(host_network, "time", self.clock)

    def _set_option(self, name: str, value: str) -> None:
        self.options[name] = value
        self.log.append(value)

    def _execute(
        self, module_name: str, module_args: dict[str, t.Any], task_vars: dict[str, t.Any]
    ) -> dict[str, t.Any]:
        assert module_name == "atarnet.homelab.host_network" and task_vars["ansible_no_target_syslog"] is True
        self.sent.append(module_args)
        self.log.append(module_args["call"]["step"])
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            self.clock.sleep(10)
            raise answer
        return {"invocation": {}, **answer}

    def run(self, *answers: Answer, **variables: t.Any) -> dict[str, t.Any]:
        self.answers = list(answers)
        result: dict[str, t.Any] = self.action.run(task_vars=variables)
        return result


def outcome(word: str) -> dict[str, t.Any]:
    return {"changed": word == "confirmed", "outcome": word, "cause": ""}


def test_nothing_is_asked_of_a_host_that_was_seen_in_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {"ruleset": DROP, "interfaces": None, "confirm_within": 30}
    facts = in_sync.seen(this_run().id, {wish.NAME: name_of(kept)})
    played = Played(monkeypatch)
    assert played.run(ansible_facts=facts) == {"changed": False, "changes": [], "notes": []}
    assert played.log == []
    for other in ({"confirm_within": 31}, {"ruleset": "", "state": "absent"}):
        played = Played(monkeypatch, **other)
        played.run({"changed": False, "changes": []}, ansible_facts=facts)
        assert played.log == ["apply"]


def test_nothing_changes_in_one_round(monkeypatch: pytest.MonkeyPatch) -> None:
    played = Played(monkeypatch)
    assert played.run({"changed": False, "changes": []}) == {"changed": False, "changes": []}
    assert played.log == ["apply"]


def test_a_change_is_confirmed_over_a_new_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    played = Played(monkeypatch)
    outdated = {"lab_in_sync": {}}
    assert played.run(APPLIED, outcome("confirmed")) == {
        "changed": True,
        "changes": APPLIED["changes"],
        "ansible_facts": outdated,
    }
    assert played.log == ["apply", "reset", "confirm"]
    first, second = (sent["call"] for sent in played.sent)
    assert first["token"] == second["token"] and second["new"] is True
    assert "ruleset" not in played.sent[1]


def test_over_a_local_connection_no_other_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    played = Played(monkeypatch, transport="local")
    played.run(APPLIED, outcome("confirmed"))
    assert played.sent[1]["call"]["new"] is False


def test_it_tries_again_while_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    played = Played(monkeypatch)
    played.run(APPLIED, DOWN, outcome("same connection"), outcome("confirmed"))
    assert played.log == ["apply", *["reset", "confirm"] * 3]


def test_a_later_connection_is_made_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    played = Played(monkeypatch)
    began = played.clock.now
    played.run(APPLIED, outcome(LATER), outcome("confirmed"))
    assert played.log == ["apply", *["reset", "confirm"] * 2] and played.clock.now == began


def test_no_connection_ends_with_what_the_host_says(monkeypatch: pytest.MonkeyPatch) -> None:
    played = Played(monkeypatch, confirm_within=20)
    with pytest.raises(AnsibleActionFail) as failure:
        played.run(APPLIED, DOWN, DOWN, DOWN, outcome("reverted"))
    for words in (
        "with the change in force no new connection came through within 20 s: Connection timed out.",
        "The host was asked: it has put everything back and is as before.",
        "chain input drops by its policy, and no rule or set opens tcp port 22 to 192.0.2.1.",
    ):
        assert words in str(failure.value)
    assert played.log == ["apply", *["reset", "confirm"] * 2, *["reset", "ask"] * 2]
    assert played.clock.now >= 100 + 20 + 2


def test_the_host_is_not_asked_before_it_must_have_reverted(monkeypatch: pytest.MonkeyPatch) -> None:
    played = Played(monkeypatch, confirm_within=50)
    with pytest.raises(AnsibleActionFail, match=r"the first one that did found the change reverted.*chain input drops"):
        played.run(APPLIED, outcome("reverted"), outcome("reverted"))
    assert played.clock.now == 100 + 50 + 2


def test_a_confirmation_whose_answer_was_lost_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    played = Played(monkeypatch, confirm_within=5)
    assert played.run(APPLIED, DOWN, outcome("confirmed"))["changed"] is True


def test_why_the_host_could_not_keep_the_change_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    played = Played(monkeypatch)
    full = {"failed": True, "msg": "Cannot write /etc/x: No space left on device (ENOSPC). Free space."}
    with pytest.raises(AnsibleActionFail, match=r"could not be confirmed: .* \(ENOSPC\)") as failure:
        played.run(APPLIED, full, outcome("reverted"))
    assert "chain input" not in str(failure.value), "the ruleset is not to blame"


def test_a_host_that_has_not_reverted_is_told_how(monkeypatch: pytest.MonkeyPatch) -> None:
    played = Played(monkeypatch, confirm_within=5)
    with pytest.raises(AnsibleActionFail, match="says 'pending': run `systemctl start homelab-network-revert`"):
        played.run(APPLIED, DOWN, outcome("pending"))


def test_a_host_that_stays_away_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    played = Played(monkeypatch, confirm_within=5)
    with pytest.raises(AnsibleConnectionFailure, match="cannot be reached any more, though 5 s and 60 s more"):
        played.run(APPLIED, *[DOWN] * 20)


def test_a_host_that_moves_is_asked_at_its_new_address_for_its_old_key(monkeypatch: pytest.MonkeyPatch) -> None:
    played = Played(monkeypatch, interfaces=LINKS)
    result = played.run(MOVED, DOWN, outcome("incomplete: eth0: the address is missing"), outcome("confirmed"))
    assert result["address"] == "198.51.100.2"
    moved = ["reset", "198.51.100.2", "-4 -o HostKeyAlias=192.0.2.2"]
    assert played.log == ["apply", *moved, *["reset", "confirm"] * 3]
    assert played.sent[-1]["interfaces"]["links"][0]["name"] == "eth0"


def test_a_host_that_did_not_move_is_asked_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    played = Played(monkeypatch, interfaces=LINKS, confirm_within=10)
    with pytest.raises(AnsibleActionFail) as failure:
        played.run(MOVED, DOWN, outcome("reverted"))
    assert "no new connection to 198.51.100.2 came through within 10 s: Connection timed out." in str(failure.value)
    assert "Compare the VLAN ids" in str(failure.value) and "chain" not in str(failure.value)
    assert played.log[-4:] == ["192.0.2.2", "-4", "reset", "ask"]


def test_why_the_interfaces_could_not_be_made_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    played = Played(monkeypatch, interfaces=LINKS)
    cause = "Command '['networkctl', 'reload']' returned non-zero exit status 1."
    with pytest.raises(AnsibleActionFail, match=r"could not be confirmed: Command .*networkctl.* put everything back"):
        played.run(MOVED, {**outcome("reverted"), "cause": cause}, outcome("reverted"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"interfaces": {"links": [{"name": "a b"}]}}, "interfaces.links.0..name"),
        ({"confirm_within": 3}, "3 s is not between 5 and 600"),
        ({"rulset": ""}, "Unsupported parameters: rulset|rulset"),
        ({"ruleset": "}"}, "closes more braces"),
    ],
)
def test_mistakes_are_found_without_the_host(
    monkeypatch: pytest.MonkeyPatch, arguments: dict[str, t.Any], words: str
) -> None:
    played = Played(monkeypatch, **arguments)
    with pytest.raises(AnsibleActionFail, match=words):
        played.run()
    assert played.log == []


SESSION = "192.0.2.1 4 192.0.2.2 22"
SUSPECTS = {
    "drop": ("chain i {\n tcp dport 22 drop\n}", "its line `tcp dport 22 drop` keeps 192.0.2.1 from tcp port 22"),
    "by name": ("tcp dport { http, ssh } reject", "its line `tcp dport { http, ssh } reject`"),
    "too narrow": (
        "ip saddr 192.0.2.9 tcp dport 22 accept",
        "most likely 192.0.2.1 is dropped before it, or not meant",
    ),
    "a limit": (
        "tcp dport 22 limit rate over 20/minute drop\ntcp dport 22 ip saddr 192.0.2.9 accept",
        "`tcp dport 22 ip saddr 192.0.2.9 accept` opens",
    ),
    "policy": (DROP, "no rule or set opens tcp port 22"),
    "unknown": ("chain x { jump y }", "Look for the rule that drops a new connection from 192.0.2.1"),
    "another port": ("tcp dport 222 accept\n" + DROP, "no rule or set opens tcp port 22"),
}


@pytest.mark.parametrize(("ruleset", "words"), SUSPECTS.values(), ids=SUSPECTS)
def test_the_suspect(ruleset: str, words: str) -> None:
    assert words in suspect(ruleset, SESSION)


def test_the_suspect_without_a_session() -> None:
    assert "to the controller" in suspect(DROP, "")


def test_ansible_runs_it_as_a_check(tmp_path: Path) -> None:
    """The module as it travels to a host, in one round; the kernel checks the ruleset in a network of its own."""
    for name, script in {"systemctl": SYSTEMCTL, "dpkg-query": "#!/bin/sh\n"}.items():
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    task = {"name": "Protect", "atarnet.homelab.host_network": {"ruleset": OTHER}}
    (tmp_path / "play.yml").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [task]}]))
    (tmp_path / "ansible.cfg").write_text("[defaults]\n")
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}:{os.environ['PATH']}:/usr/sbin",
        "ANSIBLE_COLLECTIONS_PATH": next(
            place for place in sys.path if (Path(place) / "ansible_collections/atarnet/homelab").exists()
        ),
        "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_STDOUT_CALLBACK": "default",
        "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
        "ANSIBLE_PIPELINING": "1",
    }
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    command = ["unshare", "--net", program, "-i", "host,", "-c", "local", "play.yml", "--check", "--diff", "-vvv"]
    command += ["-e", f"ansible_python_interpreter={sys.executable}"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("modules/host_network.py") == 1, "one remote execution"
    assert "+  type filter hook input priority filter; policy drop;" in done.stdout
    text = done.stdout[done.stdout.index("=> {") + 3 : done.stdout.index("\n}\n") + 2]
    changes = json.loads(text)["changes"]
    assert [change["resource"] for change in changes if change["action"] == "create"][-2:] == [
        "table:inet homelab",
        "file:/etc/atarnet-homelab/firewall.nft",
    ]
    assert not Path("/etc/atarnet-homelab/firewall.nft").exists()
