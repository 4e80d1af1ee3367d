# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of a cluster is saved by a real etcd, proven, and becomes a control plane again on a blank host."""

from __future__ import annotations

import os
import shutil
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._backup import control_plane, etcd, restore
from ansible_collections.atarnet.homelab.plugins.module_utils._backup.drill import drill
from ansible_collections.atarnet.homelab.plugins.module_utils._backup.model import Repository
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError

from tests.unit.backup import cluster
from tests.unit.backup.node import Node, listing

NAME = "control-plane/node-1"
ANEW = ["admin.conf", "pki/etcd/server.crt", "pki/etcd/server.key"]
ANEW += ["pki/etcd/healthcheck-client.crt", "pki/etcd/healthcheck-client.key"]


@pytest.fixture
def plane(node: Node) -> cluster.ControlPlane:
    """A control plane whose state is a volume of the node; its etcd is not started."""
    made = cluster.make(node.root)
    node.volume(NAME, made.kubernetes, hook={"type": "etcd", "database": made.endpoint})
    return made


@pytest.fixture
def saved(node: Node, plane: cluster.ControlPlane) -> cluster.ControlPlane:
    """One that is backed up, with a key."""
    with plane.running():
        plane.ctl("put", "/registry/secrets/shop/token", "word")
        assert node.backup().failed == {}
    return plane


def host(node: Node) -> control_plane.Host:
    """A blank host, on which the role kubernetes has written a file."""
    blank = control_plane.Host(*(str(node.root / "blank" / name) for name in ("kubernetes", "etcd", "restoring")))
    Path(blank.kubernetes).mkdir(parents=True, exist_ok=True)
    policy = Path(blank.kubernetes, "audit-policy.yaml")
    if not policy.exists():
        policy.write_text("newer than the backup", encoding="ascii")
    return blank


def lost(of: Node, **changes: t.Any) -> control_plane.Lost:
    """What is asked for."""
    repository = Repository(of.url, str(of.password))
    values = {"lab": "lab", "node": "node-1", "address": "127.0.0.1", "repository": repository}
    return control_plane.Lost(**{**values, **changes})


def bring_back(of: Node, **changes: t.Any) -> restore.Restored:
    """Restore onto the blank host."""
    return control_plane.restore(lost(of, **changes), of.places, host=host(of))


def test_a_blank_host_becomes_what_was_lost(node: Node, saved: cluster.ControlPlane) -> None:
    before = listing(saved.kubernetes)
    node.metrics = str(node.root / "homelab.prom")
    done = bring_back(node, metrics_file=node.metrics)
    assert done.verified and done.files > 10 and done.snapshot == node.snapshots()[-1]["id"]
    blank = host(node)
    after = listing(Path(blank.kubernetes))
    # Modes, owners and contents of what kubeadm cannot make anew; nothing else.
    for name in control_plane.FILES_OF_ALL:
        assert (after[name][:3], after[name][4]) == (before[name][:3], before[name][4]), name
    assert not set(ANEW) & set(after) and "audit-policy.yaml" in after
    assert os.listdir(blank.etcd) == ["member"] and not Path(blank.restoring).exists()
    with saved.running(Path(blank.etcd)):
        assert saved.ctl("get", "--print-value-only", "/registry/secrets/shop/token").strip() == "word"
        # Whoever watches sees that time went on.
        assert int(saved.ctl("get", "/", "--prefix", "--write-out=json").split('"revision":')[1].split(",")[0]) > 10**9
    assert f'verified_restore_timestamp_seconds{{volume="{NAME}"}}' in Path(node.metrics).read_text(encoding="ascii")


def test_the_state_is_rehearsed_like_a_volume(node: Node, saved: cluster.ControlPlane) -> None:
    done = drill(node.wanted(), node.places)
    assert done.failed == {} and done.volumes[NAME]["files"] > 10
    assert sorted(path.name for path in node.root.iterdir() if path.name.startswith(".")) == []


def test_a_control_plane_is_left_alone(node: Node, saved: cluster.ControlPlane) -> None:
    blank = host(node)
    Path(blank.etcd, "member").mkdir(parents=True)
    before = listing(node.root / "blank")
    with pytest.raises(HostError, match=r"there is one: .*/etcd/member\. Run site\.yml"):
        bring_back(node)
    assert listing(node.root / "blank") == before
    shutil.rmtree(blank.etcd)
    bring_back(node)
    with pytest.raises(HostError, match=r"there is one: .*/pki/ca\.key"):
        bring_back(node)


def test_a_check_touches_nothing(node: Node, saved: cluster.ControlPlane) -> None:
    blank = host(node)
    before = listing(node.root / "blank")
    looked = control_plane.restore(lost(node), node.places, check=True, host=blank)
    assert looked.changed and looked.snapshot and not looked.verified and listing(node.root / "blank") == before


def test_what_is_not_there_is_told(node: Node, saved: cluster.ControlPlane) -> None:
    with pytest.raises(HostError, match="no snapshot of lab lab has this volume"):
        bring_back(node, node="node-2")
    with pytest.raises(HostError, match="is no id of restic"):
        bring_back(node, snapshot="yesterday")


def test_a_snapshot_without_an_authority_is_refused(node: Node, plane: cluster.ControlPlane) -> None:
    (plane.kubernetes / "pki" / "sa.key").unlink()
    with plane.running():
        node.backup()
    with pytest.raises(HostError, match=r"the snapshot lacks pki/sa\.key\. Restore an older one"):
        bring_back(node)
    assert not Path(host(node).etcd, "member").exists() and not Path(host(node).restoring).exists()


def test_an_etcd_that_does_not_answer_is_told_in_time(node: Node, plane: cluster.ControlPlane) -> None:
    began = time.monotonic()
    done = node.backup()
    assert "Cannot save the state of the cluster" in done.failed[NAME] and time.monotonic() - began < 30
    assert not any(node.root.rglob("*.part"))


def test_a_flipped_byte_is_found_when_it_is_saved(node: Node, plane: cluster.ControlPlane, tmp_path: Path) -> None:
    with plane.running():
        lease = plane.ctl("lease", "grant", "600").split()[1]
        plane.ctl("put", f"--lease={lease}", "a", "b")
        path = tmp_path / "snapshot"
        etcd.save("Cannot save", str(plane.kubernetes / "pki" / "etcd"), plane.endpoint, str(path))
    assert path.stat().st_mode & 0o777 == 0o600
    kept = path.read_bytes()
    for content in (kept[:5000] + bytes([kept[5000] ^ 1]) + kept[5001:], kept[:-40]):
        path.write_bytes(content)
        with pytest.raises(HostError, match="Cannot use it"):
            etcd.prove("Cannot use it", str(path), str(tmp_path))
    # What is compared is not written to.
    path.write_bytes(kept)
    etcd.prove("Cannot use it", str(path), str(tmp_path))
    assert path.read_bytes() == kept and [one.name for one in tmp_path.glob(".etcd-*")] == []


@pytest.mark.parametrize(
    ("point", "half"),
    [
        ("during:restic:blank/.homelab-restore/*/work/control-plane/*/dump", False),
        ("after:restic", False),
        ("before:etcd", False),
        ("after:etcd", False),
        ("after:put", True),
        ("before:member", True),
        ("after:member", True),
    ],
)
def test_killed_at_any_moment_the_next_run_ends_it(
    node: Node, saved: cluster.ControlPlane, point: str, half: bool
) -> None:
    blank = host(node)
    told = {"kubernetes": blank.kubernetes, "etcd": blank.etcd, "restoring": blank.restoring}
    node.killed("control_plane", point, host=told)
    # Half of it would be taken for the beginning of a new cluster.
    assert Path(blank.restoring).exists() is half
    assert half or not Path(blank.kubernetes, "pki").exists()
    assert bring_back(node).verified and os.listdir(blank.etcd) == ["member"] and not Path(blank.restoring).exists()
    with saved.running(Path(blank.etcd)):
        assert saved.ctl("get", "--print-value-only", "/registry/secrets/shop/token").strip() == "word"
    assert not any(path.name == ".homelab-restore" for path in (node.root / "blank").rglob("*"))
