# SPDX-License-Identifier: GPL-3.0-or-later
"""The copy has what the repository has, is enough without it, and is never begun anew where one was."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._backup import copies, model, repository
from ansible_collections.atarnet.homelab.plugins.module_utils._backup.drill import drill
from ansible_collections.atarnet.homelab.plugins.module_utils._backup.restic import Answer, Restic
from ansible_collections.atarnet.homelab.plugins.module_utils._backup.restore import last_backups, restore
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError

from tests.unit.backup.node import Node, listing

Json = dict[str, t.Any]


@pytest.fixture
def lab(node: Node, share: Path) -> Node:
    """A node with a volume that was backed up once, and a place for a copy."""
    (node.volume("a/one") / "file").write_bytes(os.urandom(4 << 20))
    node.metrics, node.elsewhere = str(node.root / "homelab.prom"), str(share)
    node.backup()
    return node


def copy(node: Node, **how: t.Any) -> copies.Copied:
    """Copy once."""
    return copies.run(node.wanted(), node.places, **how)


def restic(node: Node, *words: str) -> subprocess.CompletedProcess[str]:
    """Run restic on the copy as a person would."""
    return node.restic(*words, url=node.elsewhere)


def held(node: Node) -> list[Json]:
    """Return the snapshots of the copy."""
    found: list[Json] = json.loads(restic(node, "snapshots", "--json").stdout)
    return found


def change(node: Node, text: str) -> str:
    """Write to the volume and back it up; returns the snapshot."""
    Path(node.volumes[0]["path"], "word").write_text(text, encoding="ascii")
    return node.backup().snapshot


def test_all_of_it_is_copied_once(lab: Node) -> None:
    change(lab, "two")
    predicted = copy(lab, check=True)
    assert predicted.made and not list(Path(lab.elsewhere).iterdir())
    done = copy(lab)
    assert done.made and done.snapshots == predicted.snapshots
    assert [one["id"] for one in done.snapshots] == [one["id"] for one in lab.snapshots()]
    assert sorted(one["original"] for one in held(lab)) == sorted(one["id"] for one in lab.snapshots())
    assert "no errors were found" in restic(lab, "check", "--read-data").stdout
    for check in (True, False):
        again = copy(lab, check=check)
        assert (again.snapshots, again.count, again.made) == ([], 2, False)
    third = change(lab, "three")
    for check in (True, False):
        assert [one["id"] for one in copy(lab, check=check).snapshots] == [third]


def test_equal_files_are_cut_alike_in_both(lab: Node) -> None:
    copy(lab)
    there, here = (json.loads(one.stdout) for one in (lab.restic("cat", "config"), restic(lab, "cat", "config")))
    assert there["chunker_polynomial"] == here["chunker_polynomial"] and there["id"] != here["id"]


def test_the_copy_is_enough(lab: Node) -> None:
    folder = Path(lab.volumes[0]["path"])
    before = listing(folder)
    copy(lab)
    shutil.rmtree(lab.url)
    shutil.rmtree(folder)
    of_copy = lab.wanted().of_copy()
    found = last_backups(Restic(of_copy.repository, lab.places), "lab", lab.places.view)
    assert (found["a/one"]["node"], found["a/one"]["count"]) == ("node-1", 1)
    assert restore(lab.wish("a/one", repository=of_copy.repository), lab.places).verified
    assert listing(folder) == before
    assert drill(of_copy, lab.places).failed == {}
    metrics = Path(lab.metrics).read_text(encoding="ascii")
    assert 'homelab_backup_copy_last_verified_restore_timestamp_seconds{volume="a/one"}' in metrics
    assert "homelab_backup_last_verified_restore" not in metrics


# Copies as the node does that is told as JSON.
COPYING = """
import json, sys
from pathlib import Path
from ansible_collections.atarnet.homelab.plugins.module_utils._backup import copies
from tests.unit.backup.node import Node
told = json.loads(sys.argv[1])
node = Node(Path(told["root"]), volumes=told["volumes"], elsewhere=told["elsewhere"])
copies.run(node.wanted(), node.places)
"""


@pytest.mark.parametrize("sight", ["config", "locks/*", "data/*/*", "index/*", "snapshots/*"])
def test_a_killed_copy_is_gone_on_with(lab: Node, sight: str) -> None:
    """It is killed once something of a kind comes to be in the copy."""
    Path(lab.volumes[0]["path"], "more").write_bytes(os.urandom(24 << 20))
    lab.backup()
    told = json.dumps({"root": str(lab.root), "volumes": lab.volumes, "elsewhere": lab.elsewhere})
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", COPYING, told], env=environment) as process:
        while not list(Path(lab.elsewhere).glob(sight)):
            assert process.poll() is None, f"it ended before there was {sight}"
            time.sleep(0.002)
        process.kill()
    assert process.returncode == -9
    copy(lab)
    assert len(held(lab)) == 2
    assert "no errors were found" in restic(lab, "check", "--read-data").stdout
    for url in (lab.url, lab.elsewhere):
        assert lab.restic("list", "locks", "--no-lock", url=url).stdout == ""


def test_a_run_that_was_killed_at_its_very_end_leaves_no_locks_to_the_next(lab: Node) -> None:
    copy(lab)
    environment = {**os.environ, "RESTIC_REPOSITORY": lab.elsewhere, "RESTIC_PASSWORD_FILE": str(lab.password)}
    with subprocess.Popen(["restic", "--no-cache", "check"], env=environment, stdout=subprocess.DEVNULL) as process:
        # What is being written has a name of its own until it is a lock.
        while not list(Path(lab.elsewhere, "locks").glob("[0-9a-f]" * 64)):
            time.sleep(0.002)
        process.kill()
    assert list(Path(lab.elsewhere, "locks").iterdir())
    Path(lab.places.copy.work, "restic.pid").write_text(str(process.pid), encoding="ascii")
    for _again in range(2):
        assert copy(lab).snapshots == []
        assert not list(Path(lab.elsewhere, "locks").iterdir())
    assert list(Path(lab.places.copy.work).iterdir()) == []


def test_backups_go_on_meanwhile(lab: Node) -> None:
    with copies.host_lock(5, lab.places.copy.lock, "copy"):
        assert change(lab, "two")


def test_another_lab_of_the_repository_is_not_copied(lab: Node) -> None:
    assert lab.restic("backup", "--host=other/node", "--tag=homelab-backup", "/etc/hostname").returncode == 0
    assert [one["host"] for one in copy(lab).snapshots] == ["lab/node-1"]


def test_what_the_copy_forgot_is_not_copied_again(lab: Node) -> None:
    change(lab, "two")
    change(lab, "three")
    copy(lab)
    assert restic(lab, "forget", "--keep-last=1", "--prune").returncode == 0
    assert (copy(lab).snapshots, len(held(lab))) == ([], 1)
    # Nobody forgets the last one: it was lost.
    assert restic(lab, "forget", held(lab)[0]["id"]).returncode == 0
    assert len(copy(lab).snapshots) == len(held(lab)) == 1


def snapshot(name: str, second: int, node: str = "n", **more: t.Any) -> Json:
    """Return a snapshot as restic lists it."""
    return {"id": name, "time": f"2026-08-01T03:00:{second:02}Z", "hostname": f"lab/{node}", **more}


ONE, TWO, OTHER = snapshot("1", 1), snapshot("2", 2), snapshot("3", 0, "m")


@pytest.mark.parametrize(
    ("present", "former", "expected"),
    [
        ([], set(), ["3", "1", "2"]),
        ([snapshot("x", 1, original="1")], set(), ["3", "2"]),
        ([ONE, TWO, OTHER], set(), []),
        ([], {"1", "2", "3"}, ["3", "2"]),
        ([snapshot("x", 2, original="2"), snapshot("y", 0, "m", original="3")], {"1"}, []),
    ],
    ids=["none is there", "a copy", "the very same", "forgotten", "forgotten but the last"],
)
def test_lacking(present: list[Json], former: set[str], expected: list[str]) -> None:
    assert [one["id"] for one in copies.lacking([TWO, ONE, OTHER], present, former)] == expected


def test_a_copy_of_a_copy_is_known(lab: Node) -> None:
    """The copy has become the repository, and is copied in its turn."""
    there = [snapshot("x", 1, original="1")]
    assert copies.lacking(there, [snapshot("y", 1, original="1")], set()) == []


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("copy", "there is none at .*/share/lab, where [0-9a-f]{8} was. Is the right disk mounted there?"),
        ("source", "Cannot copy the backups to .*/share/lab: there is no repository at .*/repository"),
        ("nobody", "there is none at .*/share/lab, and no other node made it"),
        ("nothing", "Cannot use the copy: there is none. Set homelab_backup.copy"),
        ("disk", "it lies on the disk of .*/repository, and is lost with it"),
        ("refused", "the target cannot be reached: 127.0.0.1 port 9: Connection refused"),
    ],
)
def test_refused(lab: Node, damage: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "_WAIT_S", 0.1)
    changes: Json = {}
    if damage == "copy":
        copy(lab)
        shutil.rmtree(lab.elsewhere)
        Path(lab.elsewhere).mkdir()
        lab.password.write_text("correct horse", encoding="ascii")
    elif damage == "source":
        shutil.rmtree(lab.url)
    elif damage == "nobody":
        changes["makes_repository"] = False
        monkeypatch.setattr(repository.ready, "__defaults__", (0.1, None))
    elif damage == "nothing":
        changes["copy"] = None
    elif damage == "disk":
        place = Path(lab.elsewhere).with_name("first")
        shutil.copytree(lab.url, place / "repository")
        lab.url = str(place / "repository")
    else:
        lab.elsewhere = "rest:http://127.0.0.1:9/lab"
    with pytest.raises(HostError, match=said):
        copies.run(lab.wanted(**changes), lab.places)
    if damage in ("copy", "nobody", "disk"):
        assert not Path(lab.elsewhere, "config").exists()


def test_a_check_does_not_promise_a_second_one(lab: Node) -> None:
    copy(lab)
    shutil.rmtree(lab.elsewhere)
    Path(lab.elsewhere).mkdir()
    with pytest.raises(HostError, match=r"there is none at .*, where [0-9a-f]{8} was"):
        copy(lab, check=True)


def test_metrics_tell_the_last_complete_copy(lab: Node) -> None:
    metrics = Path(lab.metrics.replace(".prom", "_copy.prom"))

    def told() -> dict[str, int]:
        lines = [line.split() for line in metrics.read_text(encoding="ascii").splitlines() if line[0] != "#"]
        return {name.removeprefix("homelab_backup_copy_"): int(value) for name, value in lines}

    first = copy(lab).success
    assert told() == {"last_success_timestamp_seconds": first, "failed": 0} and first > lab.taken() - 1
    shutil.move(lab.elsewhere, f"{lab.elsewhere}.away")
    with pytest.raises(HostError):
        copy(lab)
    assert told() == {"last_success_timestamp_seconds": first, "failed": 1}
    metrics.unlink()
    copies.publish(lab.wanted(), lab.places)
    assert told()["failed"] == 1


def test_a_snapshot_that_restic_left_out_is_told(lab: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies._Run, "_transfer", lambda *_given: None)
    with pytest.raises(HostError, match=r"1 snapshots are not there afterwards: [0-9a-f]{8} of lab/node-1"):
        copy(lab)


def test_it_ends_in_time_and_goes_on(lab: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(copies, "_MOST_S", 0.3)
        with pytest.raises(HostError, match=r"took more than .* hours, and was ended. What was copied stays"):
            copy(lab)
    assert len(copy(lab).snapshots) == 1 and len(held(lab)) == 1


def written(path: Path, text: str) -> str:
    """Write a file of credentials."""
    path.write_text(text, encoding="ascii")
    path.chmod(0o600)
    return str(path)


def both(node: Node, mine: str, theirs: str) -> Restic:
    """Return what copies between two servers with credentials of their own."""
    repositories = [
        model.Repository(f"rest:https://{name}:8000/lab/", str(node.password), written(node.root / name, text), ca)
        for name, text, ca in (("copy", mine, "/ca"), ("first", theirs, ""))
    ]
    return Restic(repositories[0], node.places, repositories[1])


def test_each_server_gets_its_own_login(node: Node) -> None:
    login = "RESTIC_REST_USERNAME=lab\nRESTIC_REST_PASSWORD='{}'\n"
    own = both(node, login.format("a/b c"), login.format("other") + "X=1\n").environment()
    assert own["RESTIC_REPOSITORY"] == "rest:https://lab:a%2Fb%20c@copy:8000/lab/"
    assert own["RESTIC_FROM_REPOSITORY"] == "rest:https://lab:other@first:8000/lab/"
    assert own["RESTIC_CACERT"] == "/ca,/etc/ssl/certs/ca-certificates.crt" and own["X"] == "1"
    assert not {"RESTIC_REST_USERNAME", "RESTIC_REST_PASSWORD"} & set(own)


def test_what_would_need_two_values_is_refused(node: Node) -> None:
    with pytest.raises(HostError, match="AWS_ACCESS_KEY_ID would need two values") as caught:
        both(node, "AWS_ACCESS_KEY_ID=one-of-mine\nA=1\n", "AWS_ACCESS_KEY_ID=other\nA=1\n").environment()
    assert "one-of-mine" not in str(caught.value)


def test_no_login_is_seen(node: Node) -> None:
    copying = both(node, "RESTIC_REST_USERNAME=lab1\nRESTIC_REST_PASSWORD=a/b c\n", "X=hush-hush\n")
    assert copying.words_of(Answer(1, words="x a%2Fb%20c, a/b c, hush-hush")) == "x ***, ***, ***"
