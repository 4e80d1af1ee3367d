# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules as Ansible runs them, and the program as the timers do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.atarnet.homelab.plugins.module_utils._backup import control_plane, playback
from ansible_collections.atarnet.homelab.plugins.modules import (
    backup_copy,
    control_plane_restore,
    database_restore,
    volume_backup,
    volume_backup_info,
    volume_drill,
    volume_restore,
)

from tests.unit.backup import cluster
from tests.unit.backup.freezing import OnePod
from tests.unit.backup.node import Node

CHECKOUT = Path(__file__).resolve().parents[3]
Run = t.Callable[..., dict[str, t.Any]]


@pytest.fixture
def run(node: Node, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a module on the node."""

    def runner(module: t.Any, check: bool = False, **arguments: t.Any) -> dict[str, t.Any]:
        monkeypatch.setattr(module, "Places", lambda: node.places)
        repository = {"url": node.url, "password_file": str(node.password)}
        given = {"lab": "lab", "repository": repository, "_ansible_check_mode": check, **arguments}
        with patch_module_args(given), pytest.raises(SystemExit):
            module.main()
        return t.cast("dict[str, t.Any]", json.loads(capsys.readouterr().out))

    return runner


def test_changed_is_a_new_snapshot_and_check_predicts_it(node: Node, run: Run) -> None:
    folder = node.volume("a/one")
    (folder / "file").write_text("1", encoding="ascii")
    kept = sorted(node.root.rglob("*"))
    predicted = run(volume_backup, check=True, volumes=node.volumes)
    assert (
        predicted["changed"] and predicted["volumes"][0]["method"] == "as_is" and kept == sorted(node.root.rglob("*"))
    )
    for expected in (True, False):
        assert run(volume_backup, check=True, volumes=node.volumes)["changed"] is expected
        done = run(volume_backup, volumes=node.volumes)
        assert done["changed"] is expected and bool(done["snapshot"]) is expected
        assert done["bytes_added"] > 0 if expected else done["bytes_added"] == 0
    (folder / "file").write_text("2", encoding="ascii")
    assert run(volume_backup, check=True, volumes=node.volumes)["changed"]


def test_no_volumes_are_no_change(run: Run) -> None:
    for check in (True, False):
        done = run(volume_backup, check=check, volumes=[])
        assert (done["changed"], done["volumes"], done["snapshot"]) == (False, [], "")


def test_what_cannot_be_backed_up_fails_and_says_why(node: Node, run: Run) -> None:
    node.volume("a/one")
    node.volumes.append({"name": "a/gone", "path": "/nowhere"})
    for check in (True, False):
        done = run(volume_backup, check=check, volumes=node.volumes)
        assert done["failed"] and "a/gone: /nowhere is no folder on this node" in done["msg"] and done["changed"]
        assert [one["volume"] for one in done["volumes"]] == ["a/one"]


def test_a_restore_tells_what_it_proved(node: Node, run: Run) -> None:
    folder = node.volume("a/one")
    (folder / "file").write_text("12345", encoding="ascii")
    node.backup()
    shutil.rmtree(folder)
    looked = run(volume_restore, check=True, volume="a/one", target=str(folder))
    assert looked["changed"] and not looked["verified"] and not folder.exists()
    done = run(volume_restore, volume="a/one", target=str(folder))
    assert (done["changed"], done["files"], done["bytes"], done["verified"]) == (True, 1, 5, True)
    assert looked["snapshot"] == done["snapshot"] and (folder / "file").read_text() == "12345"


def test_a_dump_is_looked_for_and_played_back(node: Node, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    node.volume("a/one", hook={"type": "postgres", "labels": {"app": "x"}, "database": "shop"})
    node.backup(OnePod(answers=b"PGDMP"))
    pod = OnePod()
    monkeypatch.setattr(playback, "Crictl", lambda: pod)
    looked = run(database_restore, check=True, volumes=node.volumes, volume="a/one")
    assert looked["changed"] and not looked["verified"] and pod.read == []
    done = run(database_restore, volumes=node.volumes, volume="a/one")
    assert done["changed"] and done["verified"] and pod.read == [b"PGDMP"]
    assert set(done) - {"changed", "invocation", "warnings"} == set(yaml.safe_load(database_restore.RETURN))
    pod.tables = ["public.t"]
    told = run(database_restore, volumes=node.volumes, volume="a/one")
    assert told["failed"] and "the database shop has tables: public.t. Set overwrite: true" in told["msg"]


def test_a_control_plane_is_looked_for_and_restored(
    node: Node, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plane = cluster.make(node.root)
    node.volume("control-plane/node-1", plane.kubernetes, hook={"type": "etcd", "database": plane.endpoint})
    with plane.running():
        node.backup()
    blank = control_plane.Host(*(str(tmp_path / "blank" / name) for name in ("kubernetes", "etcd", "restoring")))
    Path(blank.kubernetes).mkdir(parents=True)
    monkeypatch.setattr(control_plane, "Host", lambda: blank)
    wanted = {"node": "node-1", "address": "127.0.0.1"}
    looked = run(control_plane_restore, check=True, **wanted)
    assert looked["changed"] and not looked["verified"] and os.listdir(blank.kubernetes) == []
    done = run(control_plane_restore, **wanted)
    assert (done["changed"], done["verified"], done["snapshot"]) == (True, True, looked["snapshot"])
    assert Path(blank.etcd, "member").is_dir()
    for check in (True, False):
        assert "there is one:" in run(control_plane_restore, check=check, **wanted)["msg"]
    assert "address 'here' is no IPv4 address" in run(control_plane_restore, node="node-1", address="here")["msg"]


def test_volumes_and_their_last_backups_are_told(node: Node, run: Run) -> None:
    folder = node.volume("a/one")
    (folder / "file").write_text("1", encoding="ascii")
    first = node.backup().snapshot
    (folder / "file").write_text("2", encoding="ascii")
    second = node.backup().snapshot
    told = run(volume_backup_info, volumes=node.volumes)
    assert (told["changed"], told["volumes"], told["refused"]) == (False, {"a/one": str(folder)}, {})
    found = {name: (one["id"], one["node"], one["count"]) for name, one in told["backups"].items()}
    assert found == {"a/one": (second, "node-1", 2)} and first != second
    of_others = run(volume_backup_info, lab="other")
    assert (of_others["volumes"], of_others["backups"]) == ({}, {})


def test_the_tier_of_a_volume_is_known_without_its_node(node: Node, run: Run) -> None:
    tier = node.root / "ssd"
    (tier / "pvc-01234567-0123-0123-0123-0123456789ab_shop_data").mkdir(parents=True)
    (tier / ".mark").touch()
    node.volume("media/music")
    tiers = [{"name": "ssd", "folder": str(tier), "marker": ".mark"}]
    run(volume_backup, tiers=tiers, volumes=node.volumes)
    found = run(volume_backup_info)["backups"]
    assert {name: one["tier"] for name, one in found.items()} == {"shop/data": "ssd", "media/music": ""}
    assert len(node.snapshots()) == 1 and not run(volume_backup, tiers=tiers, volumes=node.volumes)["changed"]


def test_changed_is_what_the_copy_lacked(node: Node, share: Path, run: Run) -> None:
    (node.volume("a/one") / "file").write_text("1", encoding="ascii")
    snapshot = node.backup().snapshot
    copy = {"url": str(share), "password_file": str(node.password)}
    for check, made in ((True, True), (False, True), (True, False), (False, False)):
        done = run(backup_copy, check=check, copy=copy)
        assert (done["changed"], done["made"]) == (made, made), check
        assert [one["id"] for one in done["snapshots"]] == ([snapshot] if made else [])
        assert bool(done["last_success"]) is not (check and made) and "diff" not in done
    again = {**copy, "is_copy": True}
    assert list(run(volume_backup_info, repository=again, volumes=node.volumes)["backups"]) == ["a/one"]
    shutil.rmtree(node.url)
    failed = run(backup_copy, copy=copy)
    assert failed["failed"] and "there is no repository at" in failed["msg"]
    assert failed["last_success"] == done["last_success"]
    assert run(volume_restore, check=True, repository=again, volume="a/one", target=str(share / "x"))["changed"]


def test_results_are_documented(node: Node, share: Path, run: Run) -> None:
    node.volume("a/one")
    extra = {"changed", "invocation", "warnings"}
    for module, options in (
        (volume_backup, {"volumes": node.volumes}),
        (backup_copy, {"copy": {"url": str(share), "password_file": str(node.password)}}),
        (volume_backup_info, {"volumes": node.volumes}),
        (volume_restore, {"volume": "a/one", "target": node.volumes[0]["path"]}),
        (volume_drill, {"volumes": node.volumes}),
    ):
        documented = yaml.safe_load(module.RETURN)
        assert set(run(module, **options)) - extra == set(documented) - extra


def test_the_program_of_the_timers(node: Node, share: Path, tmp_path: Path) -> None:
    """Installed as two folders of the collection, without Ansible."""
    place = tmp_path / "lib" / "homelab"
    for name in ("_backup", "_host"):
        shutil.copytree(CHECKOUT / "plugins/module_utils" / name, place / name)
    (node.volume("a/one") / "file").write_text("1", encoding="ascii")
    config = {
        "lab": "lab",
        "node": "n",
        "repository": {"url": node.url, "password_file": str(node.password)},
        "volumes": node.volumes,
    }
    (tmp_path / "backup.json").write_text(json.dumps(config), encoding="ascii")
    start = (
        "import sys; from homelab._backup.cli import main; from homelab._backup.model import Places; "
        f"sys.exit(main(sys.argv[1:], Places({node.places.state!r}, {node.places.lock!r})))"
    )

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", start, f"--config={tmp_path}/backup.json", *words]
        environment = {**os.environ, "PYTHONPATH": str(place.parent)}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    done = call("run")
    assert done.returncode == 0, done.stderr
    snapshot = json.loads(done.stdout)["snapshot"]
    assert [one["id"] for one in json.loads(call("snapshots", "a/one").stdout)["snapshots"]] == [snapshot]
    assert json.loads(call("snapshots").stdout)["snapshots"]["a/one"]["id"] == snapshot
    assert json.loads(call("undo").stdout) == {"undone": []}
    assert json.loads(call("check", "--data").stdout) == {"sound": True}
    assert json.loads(call("restore", "a/one", f"--target={tmp_path}/x").stdout)["verified"]
    assert "Cannot play the dump of a/one back: it has no hook of" in call("restore", "a/one", "--dump").stderr
    assert call("restore", "a/one", "--dump", f"--target={tmp_path}/x").returncode == 2
    assert call("forget").returncode == 1 and json.loads(call("forget", "--keep-last=1").stdout) == {"hosts": ["lab/n"]}
    # What is not said is what the node was told: how many are kept, and where its volumes are.
    (tmp_path / "backup.json").write_text(json.dumps({**config, "keep": {"last": 1}}), encoding="ascii")
    assert json.loads(call("forget").stdout) == {"hosts": ["lab/n"]}
    (Path(node.volumes[0]["path"]) / "file").unlink()
    assert json.loads(call("restore", "a/one").stdout)["files"] == 1
    assert (Path(node.volumes[0]["path"]) / "file").read_text() == "1"
    assert "this node has no volume of that claim. Start the app once" in call("restore", "a/two").stderr
    assert "Cannot use the copy: there is none" in call("copy").stderr
    elsewhere = {"repository": {**config["repository"], "url": str(share)}, "keep": {"last": 1}}
    told = {**config, "copy": elsewhere, "makes_repository": True}
    (tmp_path / "backup.json").write_text(json.dumps(told), encoding="ascii")
    assert [one["id"] for one in json.loads(call("copy").stdout)["snapshots"]] == [snapshot]
    shutil.rmtree(node.url)
    assert json.loads(call("snapshots", "--copy").stdout)["snapshots"]["a/one"]["count"] == 1
    assert json.loads(call("restore", "a/one", "--copy").stdout)["verified"]
    assert json.loads(call("drill", "--copy").stdout)["failed"] == {}
    assert json.loads(call("check", "--copy", "--data").stdout) == {"sound": True}
    assert json.loads(call("forget", "--copy").stdout) == {"hosts": ["lab/n"]}
    (tmp_path / "backup.json").write_text("[", encoding="ascii")
    assert "it is no JSON object" in call("run").stderr
