# SPDX-License-Identifier: GPL-3.0-or-later
"""Real runs of ansible-playbook: plain, on a terminal, in check mode, and as talkative as it can be."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import stat
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

CANARY = "canary-4711"
COMMAND = "ansible.builtin.command"
RECAP = re.compile(r"^ *(\S+) +: (ok=.*)$", re.MULTILINE)
# Runs on the controller alone, which is quicker.
DO = {"ansible.builtin.assert": {"that": "true", "quiet": True}}
TASKS: list[dict[str, t.Any]] = [
    {"name": "Look", COMMAND: "true", "changed_when": False},
    {"name": "Change", **DO, "changed_when": True},
    {"name": "Loop", **DO, "loop": ["a", "b"], "changed_when": "item == 'b'"},
    {"name": "Secret", COMMAND: f"echo {CANARY}", "no_log": True, "ignore_errors": True, "failed_when": True},
    {"name": "Secrets", **DO, "loop": [CANARY], "no_log": True, "changed_when": True},
    {"name": "Secret file", "ansible.builtin.copy": {"content": CANARY, "dest": "{{ place }}"}, "no_log": True},
    {"name": "Secret variable", "ansible.builtin.debug": {"msg": CANARY}, "no_log": True},
    {"name": "Ignore", "ansible.builtin.assert": {"that": "1 == 2", "quiet": True}, "ignore_errors": True},
    {
        "block": [{"name": "Break", "ansible.builtin.fail": {"msg": "one\ntwo"}}],
        "rescue": [{"name": "Say", "ansible.builtin.debug": {"msg": ["mended", "  well"]}, "run_once": True}],
    },
    {"name": "Skip", **DO, "when": False},
    {"name": "Include", "ansible.builtin.include_tasks": "more.yml"},
    {"name": "End", "ansible.builtin.fail": {"msg": "no room"}, "when": "inventory_hostname == 'h2'"},
]
AGAIN = {"name": "Look again", **DO}
MORE = [
    {"name": "Try", **DO, "register": "tried", "until": "tried.attempts > 1", "delay": 0, "changed_when": True},
]
PLAIN = """
First
  unreachable: [gone] Look
      WHY
      task path: PLAY
  done: Look: 2 ok, 1 unreachable, N s
  changed: [h1] Change
  changed: [h2] Change
  done: Change: 2 changed, N s
  changed: [h1] Loop (item=b)
  changed: [h2] Loop (item=b)
  done: Loop: 2 changed, N s
  ignored: [h1] Secret
      the output is hidden because of no_log
      task path: PLAY
  ignored: [h2] Secret
      the output is hidden because of no_log
      task path: PLAY
  done: Secret: 2 ignored, N s
  changed: [h1] Secrets (item=(censored due to no_log))
  changed: [h2] Secrets (item=(censored due to no_log))
  done: Secrets: 2 changed, N s
  changed: [h1] Secret file
  changed: [h2] Secret file
  done: Secret file: 2 changed, N s
  ok: [h1] Secret variable
      the output is hidden because of no_log
  ok: [h2] Secret variable
      the output is hidden because of no_log
  done: Secret variable: 2 ok, N s
  ignored: [h1] Ignore
      Assertion failed
      assertion: 1 == 2
      task path: PLAY
  ignored: [h2] Ignore
      Assertion failed
      assertion: 1 == 2
      task path: PLAY
  done: Ignore: 2 ignored, N s
  rescued: [h1] Break
      one
      two
      task path: PLAY
  rescued: [h2] Break
      one
      two
      task path: PLAY
  done: Break: 2 rescued, N s
  ok: [h1] Say
      mended
        well
  done: Say: 1 ok, N s
  changed: [h1] Try
  changed: [h2] Try
  done: Try: 2 changed, N s
  failed: [h2] End
      no room
      task path: PLAY
  done: End: 1 failed, 1 skipped, N s

Second
  done: Look again: 1 ok, N s

Summary
"""


class Project:
    """A folder with two hosts on this machine, one that cannot be reached, and a play."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.report = folder / "report.json"
        # One worker gives the hosts' results an order.
        (folder / "ansible.cfg").write_text(
            "[defaults]\nforks = 1\ncallback_result_format = yaml\n[connection]\npipelining = true\n"
            f"[callback_progress]\nreport_file = {self.report}\n"
        )
        local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        place = {name: {"place": str(folder / name)} for name in ("h1", "h2")}
        gone = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
        hosts: dict[str, t.Any] = {"gone": gone, **{name: {**local, **place[name]} for name in place}}
        (folder / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts}}))
        (folder / "more.yml").write_text(json.dumps(MORE))
        self.write([("First", TASKS), ("Second", [AGAIN])])

    def write(self, plays: list[tuple[str, list[dict[str, t.Any]]]], hosts: str = "all") -> None:
        """Write the playbook."""
        document = [{"name": name, "hosts": hosts, "gather_facts": False, "tasks": tasks} for name, tasks in plays]
        (self.folder / "play.yml").write_text(json.dumps(document))

    def run(
        self, *options: str, terminal: bool = False, interrupt: bytes | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the play; an error in the callback ends it. On a terminal, stdout is what was written to it."""
        for name in ("h1", "h2"):
            (self.folder / name).unlink(missing_ok=True)
        collections = next(path for path in sys.path if (Path(path) / "ansible_collections/atarnet/homelab").exists())
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "HOMELAB_"))}
        variables = {
            **kept,
            "ANSIBLE_COLLECTIONS_PATH": collections,
            "ANSIBLE_CONFIG": str(self.folder / "ansible.cfg"),
            "ANSIBLE_STDOUT_CALLBACK": "atarnet.homelab.progress",
            "_ANSIBLE_CALLBACK_DISPATCH_ERROR_BEHAVIOR": "error",
            "TERM": "xterm",
            **environment,
        }
        program = Path(sys.executable).with_name("ansible-playbook")
        command = [str(program), "-i", "hosts.json", "play.yml", *options]
        if not terminal:
            return subprocess.run(
                command, cwd=self.folder, env=variables, capture_output=True, text=True, timeout=120, check=False
            )
        return on_a_terminal(command, self.folder, variables, interrupt)


def on_a_terminal(
    command: list[str], folder: Path, environment: dict[str, str], interrupt: bytes | None
) -> subprocess.CompletedProcess[str]:
    """Run a command whose standard output and error are a terminal, and interrupt it once that text was written."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        written = b""
        while True:
            try:
                written += os.read(ours, 65536)
                if interrupt and interrupt in written:
                    process.send_signal(signal.SIGINT)
                    interrupt = None
            except OSError:
                # The last one who had it open has closed it.
                break
    os.close(ours)
    return subprocess.CompletedProcess(command, process.returncode, written.decode(), "")


def numbered(text: str) -> str:
    """Return the output without what differs from run to run."""
    text = re.sub(r"task path: .*", "task path: PLAY", text)
    text = re.sub(r"\d+\.\d s$", "N s", text, flags=re.MULTILINE)
    return re.sub(r"^ +Task failed: Failed to connect .*$", "      WHY", text, flags=re.MULTILINE)


def visible(written: str) -> str:
    """Return what is left to see of what was written to a terminal."""
    return re.sub(r"[^\n]*\r\x1b\[K", "", written.replace("\r\n", "\n"))


def recap(text: str) -> dict[str, list[str]]:
    """Return the counts of the recap for each host."""
    return {host: counts.split() for host, counts in RECAP.findall(text)}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Give a folder with a play."""
    return Project(tmp_path)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, subprocess.CompletedProcess[str]]:
    """Give a plain run of the whole play."""
    project = Project(tmp_path_factory.mktemp("plain"))
    return project, project.run()


def test_plain_lines_in_the_order_it_happened(plain: t.Any) -> None:
    done = plain[1]
    assert numbered(done.stdout).startswith(PLAIN), done.stdout + done.stderr
    assert not re.search(r"[\r\x1b]", done.stdout + done.stderr)


def test_the_recap_is_that_of_the_default_callback(plain: t.Any, project: Project) -> None:
    counts = recap(plain[1].stdout)
    assert set(counts) == {"gone", "h1", "h2"}
    default = project.run(ANSIBLE_STDOUT_CALLBACK="default")
    assert counts == recap(default.stdout)
    assert plain[1].returncode == default.returncode


def test_the_report(plain: t.Any) -> None:
    project = plain[0]
    assert stat.S_IMODE(project.report.stat().st_mode) == 0o600
    assert CANARY not in project.report.read_text()
    document = json.loads(project.report.read_text())
    assert (document["playbook"], document["check_mode"], document["outcome"]) == ("play.yml", False, "failed")
    assert [(phase["name"], phase["changed"]) for phase in document["phases"]] == [("First", 12), ("Second", 0)]
    assert document["hosts"]["h1"] == {"ok": 12, "changed": 6, "failed": 0, "unreachable": 0, "skipped": 2}
    of_h2 = [(task["task"], task["outcome"], task["message"]) for task in document["tasks"] if task["host"] == "h2"]
    hidden = "the output is hidden because of no_log"
    assert of_h2 == [
        ("Look", "ok", ""), ("Change", "changed", ""), ("Loop", "changed", ""), ("Secret", "ignored", hidden),
        ("Secrets", "changed", ""), ("Secret file", "changed", ""), ("Secret variable", "ok", ""),
        ("Ignore", "ignored", "Assertion failed"), ("Break", "rescued", "one\ntwo"), ("Skip", "skipped", ""),
        ("Try", "changed", ""), ("End", "failed", "no room"),
    ]  # fmt: skip
    assert all(task["action"].startswith("ansible.builtin.") for task in document["tasks"])
    assert all(0 <= task["seconds"] <= document["seconds"] for task in document["tasks"])


def test_no_secret_however_talkative(project: Project) -> None:
    done = project.run("-vvvv", "--diff", ANSIBLE_LOG_PATH=str(project.folder / "log"))
    log = (project.folder / "log").read_text()
    assert "  changed: [h1] Secret file" in done.stdout and "  changed: [h1] Secret file" in log
    assert "      ansible_loop_var: item" in done.stdout, "the results are shown in full"
    for text in (done.stdout, done.stderr, log, project.report.read_text()):
        assert CANARY not in text


WARNS = """
from ansible.module_utils.basic import AnsibleModule
module = AnsibleModule({"text": {"type": "str"}})
module.warn("warning " + module.params["text"])
module.deprecate("deprecation " + module.params["text"], version="99.0", collection_name="ansible.builtin")
module.exit_json(changed=False)
"""


def test_warnings_are_shown_once_but_not_those_of_hidden_results(project: Project) -> None:
    (project.folder / "library").mkdir()
    (project.folder / "library" / "warns.py").write_text(WARNS)
    tasks = [{"name": "Warn", "warns": {"text": "{{ item }}"}, "loop": ["seen", "seen"]}]
    tasks.append({"name": "Hide", "warns": {"text": CANARY}, "no_log": True})
    project.write([("First", tasks)], hosts="h1:h2")
    done = project.run()
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout + done.stderr
    assert [said.count(word) for word in ("warning seen", "deprecation seen", CANARY)] == [1, 1, 0]


def test_a_terminal_s_line_is_redrawn_and_nothing_of_it_stays(project: Project) -> None:
    wait = {"name": "Wait", "ansible.builtin.wait_for": {"timeout": 2}, "changed_when": True, "notify": "Nobody"}
    project.write([("First", [wait, AGAIN, {"name": "End", "ansible.builtin.fail": {"msg": "no room"}}])], hosts="h1")
    environment = {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_ERROR_ON_MISSING_HANDLER": "0", "COLUMNS": "200"}
    done = project.run(terminal=True, **environment)
    assert re.search(r"\r\x1b\[K0:\d\d \| First \| Wait \| 0 of 1 hosts, 1 s\r\x1b\[K", done.stdout), done.stdout
    head, _title, tail = numbered(visible(done.stdout)).partition("\nSummary\n")
    assert re.fullmatch(
        r"\nFirst\n\[WARNING\]: The requested handler 'Nobody' was not found .*\n  changed: \[h1\] Wait\n"
        r"  failed: \[h1\] End\n      no room\n      task path: PLAY\n",
        head,
    )
    assert re.search(r"^  1 change, \d+\.\d s in all\n\Z", tail, re.MULTILINE)


def test_an_interrupted_run_leaves_no_line_and_no_report(project: Project) -> None:
    project.report.write_text("an earlier run's")
    project.write([("First", [{"name": "Wait", "ansible.builtin.wait_for": {"timeout": 60}}])], hosts="h1")
    done = project.run(terminal=True, interrupt=b"| Wait |", ANSIBLE_NOCOLOR="1")
    assert done.returncode != 0 and "\r\x1b[K0:0" in done.stdout
    assert visible(done.stdout).startswith("\nFirst\n") and "| Wait |" not in visible(done.stdout)
    assert not project.report.exists()


def test_check_mode_says_so(project: Project) -> None:
    copied = {"name": "Copy", "ansible.builtin.copy": {"content": "new\n", "dest": "{{ place }}"}}
    project.write([("First", [copied])], hosts="h1")
    done = project.run("--check", "--diff", HOMELAB_REPORT=str(project.folder / "other.json"))
    assert done.stdout.startswith("check: nothing is changed, this would be:\n\nFirst\n  would change: [h1] Copy\n")
    assert "\n+new\n" in done.stdout and "  done: Copy: 1 would change, " in done.stdout
    assert re.search(
        r"^  check: nothing was changed, this would be: 1 change, \d+\.\d s in all$", done.stdout, re.MULTILINE
    )
    assert not (project.folder / "h1").exists()
    document = json.loads((project.folder / "other.json").read_text())
    assert (document["check_mode"], document["tasks"][0]["outcome"]) == (True, "changed")


def test_a_play_in_check_mode_says_so(project: Project) -> None:
    """As plan.yml has it: the run was not asked to check, its plays are."""
    play = {"name": "First", "hosts": "h1", "gather_facts": False, "check_mode": "{{ true }}"}
    play["tasks"] = [{"name": "Change", **DO, "changed_when": True}]
    (project.folder / "play.yml").write_text(json.dumps([play]))
    done = project.run()
    assert done.stdout.startswith("\nFirst\n  would change: [h1] Change\n  done: Change: 1 would change, ")
    assert "  check: nothing was changed, this would be: 1 change, " in done.stdout
    assert json.loads(project.report.read_text())["check_mode"] is True


def test_the_free_strategy(project: Project) -> None:
    tasks = [{"name": name, **DO} for name in ("One", "Two")]
    project.write([("First", tasks)], hosts="h1:h2")
    done = project.run(ANSIBLE_STRATEGY="free", ANSIBLE_FORKS="2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(re.findall(r"done: (\w+): (\d) ok", done.stdout)) in (
        [("One", "2"), ("Two", "2")], [("One", "1"), ("One", "1"), ("Two", "2")],
        [("One", "2"), ("Two", "1"), ("Two", "1")], [("One", "1"), ("One", "1"), ("Two", "1"), ("Two", "1")],
    )  # fmt: skip
