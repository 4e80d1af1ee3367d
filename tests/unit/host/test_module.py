# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules as Ansible runs them: arguments in, JSON out."""

from __future__ import annotations

import json
import time
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.atarnet.homelab.plugins.module_utils._host.model import digest
from ansible_collections.atarnet.homelab.plugins.modules import host_fingerprint, host_state

from tests.unit.host.fake import Host

SECRET = "hunter2-very-secret\n"
RESOURCES: list[dict[str, t.Any]] = [
    {"directory": "/etc/a"},
    {"file": "/etc/a/conf", "sha256": digest("text\n")},
    {"file": "/etc/a/key", "sha256": digest(SECRET), "secret": True, "mode": "0600"},
]
ARGUMENTS: dict[str, t.Any] = {
    "owner": "node",
    "resources": RESOURCES,
    "contents": {digest("text\n"): "text\n"},
    "secret_contents": {digest(SECRET): SECRET},
}
Run = t.Callable[..., dict[str, t.Any]]


@pytest.fixture
def run(host: Host, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a module on the host in the folder, as -vvv would; no output may ever hold a secret."""

    def runner(
        module: t.Any = host_state, check: bool = False, diff: bool = True, **arguments: t.Any
    ) -> dict[str, t.Any]:
        monkeypatch.setattr(module, "System", lambda _root, _runner: host.system)
        controls = {"_ansible_check_mode": check, "_ansible_diff": diff, "_ansible_inject_invocation": True}
        with patch_module_args({**arguments, **controls}), pytest.raises(SystemExit):
            module.main()
        output = capsys.readouterr().out
        assert "hunter2" not in output
        return t.cast("dict[str, t.Any]", json.loads(output))

    return runner


def test_check_equals_real_and_then_nothing(host: Host, run: Run) -> None:
    before = host.snapshot()
    predicted = run(check=True, **ARGUMENTS)
    assert host.snapshot() == before
    real = run(**ARGUMENTS)
    assert predicted == real
    assert real["changed"] is True and len(real["changes"]) == len(real["diff"]) == 3
    assert real["changes"][1] == {
        "resource": "file:/etc/a/conf",
        "action": "create",
        "before": "absent",
        "after": f"0644 root:root, sha256 {digest('text' + chr(10))[:12]}",
    }
    assert (real["diff"][1]["before"], real["diff"][1]["after"]) == ("", "text\n")
    assert run(**ARGUMENTS) == {"changed": False, "changes": [], "diff": [], "invocation": {}}
    assert host.read("/etc/a/key") == SECRET


def test_no_diff_unless_asked(run: Run) -> None:
    assert "diff" not in run(diff=False, **ARGUMENTS)


def test_secret_is_hidden_when_it_changes_and_when_it_goes(run: Run) -> None:
    run(**ARGUMENTS)
    changed = {**ARGUMENTS, "resources": [*RESOURCES[:2], {**RESOURCES[2], "sha256": digest("hunter2 new")}]}
    result = run(**{**changed, "secret_contents": {digest("hunter2 new"): "hunter2 new"}})
    assert result["diff"][0]["after"] == "(secret, sha256 changed)\n"
    shown = json.dumps(result)
    assert digest("hunter2 new")[:12] not in shown and digest(SECRET)[:12] not in shown
    assert digest("hunter2 new")[:12] not in json.dumps(run(owner="node", state="absent"))


def test_programs_are_in_no_diff(run: Run) -> None:
    resources = [RESOURCES[0], {"file": "/etc/a/tool", "sha256": digest("#!/bin/sh\n"), "mode": "0755", "diff": False}]
    given = {"owner": "node", "resources": resources, "contents": {digest("#!/bin/sh\n"): "#!/bin/sh\n"}}
    for result in (run(**given), run(owner="node", state="absent")):
        shown = [one for one in result["diff"] if "tool" in one["after_header"]]
        assert len(shown) == 1 and "#!" not in json.dumps(shown) and digest("#!/bin/sh\n")[:12] in json.dumps(shown)


def test_absent_undoes_all(host: Host, run: Run) -> None:
    before = host.snapshot()
    run(**ARGUMENTS)
    result = run(owner="node", state="absent", forget=True)
    assert [change["action"] for change in result["changes"]] == ["remove"] * 4
    left = host.snapshot()
    assert {path for path in left if path not in before} <= {"run", "run/lock", "run/lock/atarnet-homelab.lock"}


def test_failure_says_what_was_done_before_it(host: Host, run: Run) -> None:
    resources = [RESOURCES[0], {"kernel_module": "nosuch"}]
    result = run(owner="node", resources=resources)
    assert result["failed"] is True and result["changed"] is True
    assert result["msg"].startswith("Cannot load kernel_module:nosuch")
    assert [change["resource"] for change in result["changes"]] == ["directory:/etc/a"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"owner": "no de"}, "Cannot use owner: 'no de'"),
        ({"owner": "node", "forget": True}, "Cannot use forget: state is present"),
        ({"owner": "node", "resources": [{"pakage": "x"}]}, 'Did you mean "package"?'),
        ({"owner": "node", "state": "gone"}, "value of state must be one of"),
        ({"owner": "node", "resources": [RESOURCES[1]]}, "its content was not sent"),
    ],
    ids=["owner", "forget", "resource", "state", "content"],
)
def test_bad_arguments(run: Run, arguments: dict[str, t.Any], words: str) -> None:
    result = run(**arguments)
    assert result["failed"] is True and words in result["msg"]


def test_thousand_files_that_are_right_take_less_than_half_a_second(host: Host, run: Run) -> None:
    contents = {digest(f"{n}\n" * 50): f"{n}\n" * 50 for n in range(1000)}
    resources = [{"directory": "/etc/many"}]
    resources += [{"file": f"/etc/many/{n}", "sha256": sha256} for n, sha256 in enumerate(contents)]
    run(owner="many", resources=resources, contents=contents)
    start = time.process_time()
    assert run(owner="many", resources=resources, contents=contents)["changed"] is False
    assert time.process_time() - start < 0.5


def test_fingerprint_finds_every_difference_and_nothing_else(host: Host, run: Run) -> None:
    host.write("/etc/shadow-", "not compared")
    host.write("/etc/old", "1")
    assert run(host_fingerprint)["baseline"] is False
    run(owner="node", resources=[{"directory": "/opt/x"}])
    same = run(host_fingerprint)
    assert same["baseline"] is True and same["differences"] == []
    host.write("/etc/shadow-", "still not")
    host.write("/etc/old", "2")
    host.write("/usr/local/bin/new", "")
    (host.root / "opt/link").symlink_to("x")
    host.commands.packages["left"] = "1.0"
    host.write("/proc/sys/net/ipv4/ip_forward", "1")
    found = run(host_fingerprint)["differences"]
    assert [(row["section"], row["name"]) for row in found] == [
        ("files", "/etc/old"),
        ("files", "/opt/link"),
        ("files", "/usr/local/bin/new"),
        ("packages", "left"),
        ("sysctls", "net.ipv4.ip_forward"),
    ]
    assert (found[1]["before"], found[1]["after"]) == ("absent", "-> x")
    assert (found[4]["before"], found[4]["after"]) == ("0", "1")


def test_fingerprint_compares_with_what_is_given(host: Host, run: Run) -> None:
    now = run(host_fingerprint)["fingerprint"]
    host.write("/etc/new", "")
    assert [row["name"] for row in run(host_fingerprint, compare_to=now)["differences"]] == ["/etc/new"]
