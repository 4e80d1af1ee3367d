# SPDX-License-Identifier: GPL-3.0-or-later
"""What one run does to a host: files, directories, links, accounts, kernel, mounts, swap, packages."""

from __future__ import annotations

import errno
import json
import os
import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError
from ansible_collections.atarnet.homelab.plugins.module_utils._host.ledger import LEDGER, RUN, LedgerStore

from tests.unit.host.fake import Host, summary

CONF = {"file": "/etc/x.conf", "content": "new\n"}

FRESH: dict[str, tuple[list[dict[str, t.Any]], list[str]]] = {
    "file": ([CONF], ["create file:/etc/x.conf"]),
    "each": (
        [{"directory": "/etc/c"}, {"file": "/etc/c/@item", "each": ["a", "b"], "template": "t.j2"}],
        ["create directory:/etc/c", "create file:/etc/c/a", "create file:/etc/c/b"],
    ),
    "when": ([{**CONF, "when": False}], []),
    "link": ([{"link": "/etc/l", "target": "x"}], ["create link:/etc/l"]),
    "packages": ([{"package": "nft"}, {"package": "socat"}], ["create package:nft", "create package:socat"]),
    "sysctl": (
        [{"sysctl": "net.ipv4.ip_forward", "value": 1}],
        ["update sysctl:net.ipv4.ip_forward", "create file:/etc/sysctl.d/90-atarnet-homelab-node.conf"],
    ),
    "sysctl of a module": (
        [{"kernel_module": "br_netfilter"}, {"sysctl": "net.bridge.bridge-nf-call-iptables", "value": 1}],
        [
            "load kernel_module:br_netfilter",
            "create file:/etc/modules-load.d/atarnet-homelab-node.conf",
            "update sysctl:net.bridge.bridge-nf-call-iptables",
            "create file:/etc/sysctl.d/90-atarnet-homelab-node.conf",
        ],
    ),
    "accounts": ([{"group": "etcd"}, {"user": "etcd"}], ["create group:etcd", "create user:etcd"]),
    "mount": (
        [{"directory": "/mnt/a"}, {"mount": "/mnt/a", "source": "tmpfs", "fstype": "tmpfs"}],
        ["create directory:/mnt/a", "create mount:/mnt/a"],
    ),
    "swap": ([{"swap": "off"}], ["disable swap:off"]),
    "unit file": (
        [{"unit": "a.service", "content": "[Service]\n", "state": "started", "enabled": True}],
        ["create file:/etc/systemd/system/a.service", "enable unit:a.service", "start unit:a.service"],
    ),
    "unit of a package": (
        [{"package": "nft"}, {"unit": "nft.service", "state": "started", "enabled": True}],
        ["create package:nft", "enable unit:nft.service", "start unit:nft.service"],
    ),
}


@pytest.mark.parametrize(("raws", "wanted"), FRESH.values(), ids=FRESH)
def test_predicted_done_stable_and_undone(host: Host, raws: list[dict[str, t.Any]], wanted: list[str]) -> None:
    """Check mode writes nothing and equals the real run; a second run changes nothing; absent leaves nothing."""
    host.commands.available = {"nft": "1.1", "socat": "1.8"}
    host.commands.provides = {"nft": "nft.service"}
    before = host.snapshot()
    predicted = host.run(*raws, check=True)
    assert host.snapshot() == before
    assert not host.exists("/var/lib/atarnet-homelab")

    real = host.run(*raws)
    assert summary(predicted) == wanted
    assert [change.public() for change in real.changes] == [change.public() for change in predicted.changes]
    assert [change.diff() for change in real.changes] == [change.diff() for change in predicted.changes]

    after = host.snapshot()
    assert summary(host.run(*raws)) == []
    assert host.snapshot() == after

    undone = host.run(check=True)
    assert [change.public() for change in host.run(forget=True).changes[:-1]] == [c.public() for c in undone.changes]
    left = {path: text for path, text in host.snapshot().items() if not path.startswith(("sys", "proc/sys/net/bridge"))}
    for kernel_file in ("proc/swaps",):
        left[kernel_file] = before[kernel_file]
    assert left == before
    assert host.commands.packages == {}
    assert not host.exists("/var/lib/atarnet-homelab")


def test_no_op_writes_nothing_at_all(host: Host) -> None:
    host.run(CONF)
    ledger = (host.root / LEDGER.lstrip("/")).stat()
    host.run(CONF)
    again = (host.root / LEDGER.lstrip("/")).stat()
    assert (ledger.st_mtime_ns, ledger.st_ino) == (again.st_mtime_ns, again.st_ino)


def test_the_record_of_a_run_alone_is_nothing_to_forget(host: Host) -> None:
    LedgerStore(host.system).write_private(RUN, b"{}")
    assert summary(host.run(forget=True)) == []
    assert not host.exists("/var/lib/atarnet-homelab")


def test_foreign_file_is_kept_and_restored(host: Host) -> None:
    host.write("/etc/x.conf", "old\n").chmod(0o640)
    plan = host.run(CONF)
    assert summary(plan) == ["update file:/etc/x.conf"]
    assert plan.changes[0].texts == ("old\n", "new\n")
    host.run({**CONF, "content": "newer\n"})
    host.write("/etc/x.conf", "edited by hand\n")
    assert summary(host.run(forget=True)) == ["restore file:/etc/x.conf", "remove state:/var/lib/atarnet-homelab"]
    assert host.read("/etc/x.conf") == "old\n"
    assert (host.root / "etc/x.conf").stat().st_mode & 0o777 == 0o640


def test_what_was_right_is_adopted_and_stays(host: Host) -> None:
    host.write("/etc/x.conf", "new\n").chmod(0o644)
    host.commands.packages["nft"] = "1"
    assert summary(host.run(CONF, {"package": "nft"})) == []
    assert summary(host.run()) == []
    assert host.read("/etc/x.conf") == "new\n"
    assert host.commands.packages == {"nft": "1"}


def test_adopted_then_changed_is_restored(host: Host) -> None:
    host.write("/etc/x.conf", "new\n").chmod(0o644)
    host.run(CONF)
    host.run({**CONF, "content": "other\n"})
    host.run()
    assert host.read("/etc/x.conf") == "new\n"


def test_drift_is_corrected_and_shown(host: Host) -> None:
    host.run(CONF)
    host.write("/etc/x.conf", "hand\n")
    plan = host.run(CONF)
    assert [change.texts for change in plan.changes] == [("hand\n", "new\n")]
    (host.root / "etc/x.conf").chmod(0o666)
    plan = host.run(CONF)
    assert plan.changes[0].before.startswith("0666 root:root") and plan.changes[0].after.startswith("0644 root:root")


def test_what_leaves_the_list_is_removed_first_newest_first(host: Host) -> None:
    host.run({"directory": "/etc/a"}, {"file": "/etc/a/1", "content": "1"}, {"file": "/etc/a/2", "content": "2"})
    plan = host.run({"directory": "/etc/a"}, {"file": "/etc/a/3", "content": "3"})
    assert summary(plan) == ["remove file:/etc/a/2", "remove file:/etc/a/1", "create file:/etc/a/3"]


def test_link_gives_way_to_a_file(host: Host) -> None:
    host.run({"link": "/etc/x.conf", "target": "y"})
    assert summary(host.run(CONF)) == ["remove link:/etc/x.conf", "create file:/etc/x.conf"]
    assert host.read("/etc/x.conf") == "new\n"


def test_directory_with_foreign_content_is_kept(host: Host) -> None:
    host.run({"directory": "/etc/a/b"}, {"file": "/etc/a/b/ours", "content": ""})
    host.write("/etc/a/b/theirs", "x")
    plan = host.run()
    assert summary(plan) == ["remove file:/etc/a/b/ours"]
    assert plan.warnings == ["Directory /etc/a/b is kept: it holds what this owner did not make (theirs)"]
    assert host.exists("/etc/a/b/theirs")


def test_rights_of_a_foreign_directory_come_back(host: Host) -> None:
    (host.root / "opt").chmod(0o711)
    assert summary(host.run({"directory": "/opt"})) == ["update directory:/opt"]
    assert summary(host.run()) == ["restore directory:/opt"]
    assert (host.root / "opt").stat().st_mode & 0o777 == 0o711


def test_foreign_link_comes_back(host: Host) -> None:
    (host.root / "etc/l").symlink_to("old")
    host.run({"link": "/etc/l", "target": "new"})
    host.run()
    assert (host.root / "etc/l").readlink().name == "old"


def test_two_owners_cannot_have_one_thing(host: Host) -> None:
    host.run(CONF, owner="first")
    with pytest.raises(HostError) as caught:
        host.run(CONF, owner="second")
    for word in ("file:/etc/x.conf", "owner second", "owner first"):
        assert word in str(caught.value)


REFUSALS: dict[str, tuple[dict[str, t.Any], list[str]]] = {
    "link in the way": (CONF, ["Cannot apply file:/etc/x.conf", "a link lies at /etc/x.conf", "Move it away"]),
    "directory for a file": ({"file": "/etc/systemd", "content": ""}, ["a directory lies at /etc/systemd"]),
    "file for a directory": ({"directory": "/etc/fstab"}, ["a file lies at /etc/fstab"]),
    "file above a directory": ({"directory": "/etc/fstab/a/b"}, ["a file lies at /etc/fstab"]),
    "file for a link": ({"link": "/etc/fstab", "target": "x"}, ["a file lies at /etc/fstab"]),
    "parent is missing": ({"file": "/etc/a/b", "content": ""}, ["/etc/a does not exist", "List `directory: /etc/a`"]),
    "parent is a file": ({"file": "/etc/fstab/b", "content": ""}, ["/etc/fstab is a file, not a directory"]),
    "owner is missing": ({**CONF, "file": "/etc/y", "owner": "nobodyhere"}, ["user nobodyhere does not exist"]),
    "no such parameter": ({"sysctl": "net.none", "value": 1}, ["no such parameter", "kernel_module that provides it"]),
    "no such module": ({"kernel_module": "nosuch"}, ["Cannot load kernel_module:nosuch", "Module nosuch not found"]),
    "no such package": ({"package": "nosuch"}, ["Cannot install nosuch", "no configured package source offers it"]),
    "gid differs": ({"group": "root", "gid": 5}, ["it exists with gid 0, not 5", "Use gid: 0"]),
    "uid differs": ({"user": "root", "uid": 5}, ["it exists with uid 0, not 5"]),
    "other file system": (
        {"mount": "/mnt/m", "source": "tmpfs", "fstype": "tmpfs"},
        ["a ext4 file system is mounted there"],
    ),
    "no mount point": (
        {"mountpoint": "/srv/ssd"},
        ["/srv/ssd is no mount point", "Mount its disk there first, by /etc/fstab", "mounted: false"],
    ),
}


@pytest.mark.parametrize(("raw", "words"), REFUSALS.values(), ids=REFUSALS)
def test_refused_before_anything_is_written(host: Host, raw: dict[str, t.Any], words: list[str]) -> None:
    (host.root / "etc/x.conf").symlink_to("elsewhere")
    (host.root / "mnt/m").mkdir(parents=True)
    host.write("/proc/mounts", "/dev/vdb /mnt/m ext4 rw 0 0\n")
    before = host.snapshot()
    with pytest.raises(HostError) as caught:
        host.run(raw)
    assert [word for word in words if word not in str(caught.value)] == [], str(caught.value)
    assert host.snapshot() == before


TIER = (
    {"mountpoint": "/srv/ssd"},
    {"directory": "/srv/ssd/volumes", "mode": "0700"},
    {"file": "/srv/ssd/volumes/.mark", "content": "ours\n"},
)


def disk(host: Host, mounted: bool) -> None:
    (host.root / "srv/ssd").mkdir(parents=True, exist_ok=True)
    host.write("/proc/mounts", "/dev/vda1 / ext4 rw 0 0\n" + "/dev/vdb /srv/ssd btrfs rw 0 0\n" * mounted)


@pytest.mark.parametrize("check", [True, False])
def test_nothing_is_put_below_a_mount_point_without_its_disk(host: Host, check: bool) -> None:
    disk(host, mounted=False)
    before = host.snapshot()
    with pytest.raises(HostError, match="/srv/ssd is no mount point"):
        host.run(*TIER, check=check)
    assert host.snapshot() == before


def test_a_mount_point_is_no_change_and_what_was_put_into_a_folder_of_ours_stays(host: Host) -> None:
    disk(host, mounted=True)
    assert summary(host.run(*TIER)) == ["create directory:/srv/ssd/volumes", "create file:/srv/ssd/volumes/.mark"]
    assert summary(host.run(*TIER)) == []
    (host.root / "srv/ssd/volumes/pvc-1").mkdir()
    host.write("/srv/ssd/volumes/pvc-1/data", "theirs\n")
    plan = host.run()
    assert summary(plan) == ["remove file:/srv/ssd/volumes/.mark"]
    assert plan.warnings == ["Directory /srv/ssd/volumes is kept: it holds what this owner did not make (pvc-1)"]
    assert host.read("/srv/ssd/volumes/pvc-1/data") == "theirs\n"


def test_an_empty_folder_of_ours_goes_and_the_mount_point_stays(host: Host) -> None:
    disk(host, mounted=True)
    host.run(*TIER)
    assert summary(host.run()) == ["remove file:/srv/ssd/volumes/.mark", "remove directory:/srv/ssd/volumes"]
    assert (host.root / "srv/ssd").is_dir()


def test_a_folder_in_which_something_is_mounted_meanwhile_stays(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel refuses to remove it, however empty it looks."""

    def busy(path: str) -> None:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), path)

    disk(host, mounted=True)
    host.run(*TIER)
    monkeypatch.setattr(os, "rmdir", busy)
    assert any("/srv/ssd/volumes is kept" in warning for warning in host.run().warnings)
    assert (host.root / "srv/ssd/volumes").is_dir()


def test_unmet_needs_are_warnings_in_check_mode_and_told_all_at_once(host: Host) -> None:
    raws = [{"file": "/etc/a/b", "content": ""}, {"file": "/etc/c/d", "content": ""}]
    plan = host.run(*raws, check=True)
    assert len(plan.warnings) == 2 and "may be done by an earlier task" in plan.warnings[0]
    with pytest.raises(HostError) as caught:
        host.run(*raws)
    assert "/etc/a does not exist" in str(caught.value) and "/etc/c does not exist" in str(caught.value)


def test_secrets_are_nowhere(host: Host) -> None:
    raw = {"file": "/etc/key", "content": "hunter2\n", "secret": True, "mode": "0600"}
    plans = [host.run(raw, check=True), host.run(raw), host.run({**raw, "content": "hunter3\n"})]
    host.write("/etc/key", "hunter4\n")
    plans += [host.run({**raw, "secret": False}, check=True), host.run(check=True), host.run()]
    shown = json.dumps([[change.public(), change.diff()] for plan in plans for change in plan.changes])
    assert "hunter" not in shown
    assert "(secret, sha256 changed)" in shown
    assert [len(plan.changes) for plan in plans] == [1, 1, 1, 1, 1, 1]


def test_sysctl_gets_its_old_value_back(host: Host) -> None:
    host.run({"sysctl": "net.ipv4.ip_forward", "value": 1})
    assert host.read("/proc/sys/net/ipv4/ip_forward") == "1"
    host.run()
    assert host.read("/proc/sys/net/ipv4/ip_forward") == "0"


def test_swap_lines_are_commented_and_come_back(host: Host) -> None:
    fstab = host.read("/etc/fstab")
    host.run({"swap": False})
    assert "# atarnet-homelab swap off: /swap.img none swap sw 0 0" in host.read("/etc/fstab")
    assert host.commands.ran("swapoff")
    host.run()
    assert host.read("/etc/fstab") == fstab
    assert host.commands.ran("swapon")


def test_mount_options_are_remounted_and_the_old_line_comes_back(host: Host) -> None:
    host.write("/etc/fstab", "tmpfs /mnt/a tmpfs ro 0 0\n")
    host.write("/proc/mounts", "tmpfs /mnt/a tmpfs ro 0 0\n")
    (host.root / "mnt/a").mkdir(parents=True)
    host.run({"mount": "/mnt/a", "source": "tmpfs", "fstype": "tmpfs", "options": "rw"})
    assert host.commands.ran("mount") == [("mount", "-o", "remount,rw", "/mnt/a")]
    host.run()
    assert host.commands.ran("mount")[-1] == ("mount", "-o", "remount,ro", "/mnt/a")
    assert host.read("/etc/fstab") == "tmpfs /mnt/a tmpfs ro 0 0\n"
    assert not host.commands.ran("umount")


def test_rights_of_a_mounted_file_system_are_its_own(host: Host) -> None:
    raws = [{"directory": "/mnt/a"}, {"mount": "/mnt/a", "source": "tmpfs", "fstype": "tmpfs"}]
    host.run(*raws)
    (host.root / "mnt/a").chmod(0o1777)
    assert summary(host.run(*raws)) == []


def test_user_is_changed_only_in_what_is_given(host: Host) -> None:
    raw = {"user": "root", "shell": "/bin/sh", "groups": ["adm"]}
    plan = host.run(raw)
    assert plan.changes[0].public()["after"] == "shell /bin/sh, groups adm"
    assert host.commands.ran("usermod")[0] == ("usermod", "--shell", "/bin/sh", "--groups", "adm", "root")


def test_a_content_that_its_program_refuses_is_not_put_into_place(host: Host) -> None:
    file = {"file": "/etc/a.conf", "content": "right\n", "check": ["checkconf", "/dev/stdin"]}
    assert summary(host.run(file)) == ["create file:/etc/a.conf"]
    with pytest.raises(HostError, match=r"Cannot put file:/etc/a\.conf into place.*stdin:3: error: syntax error"):
        host.run({**file, "content": "wrong\n"})
    assert host.read("/etc/a.conf") == "right\n"
    host.commands.read.clear()
    assert summary(host.run(file)) == []
    assert host.commands.read == []


def test_a_group_that_goes_with_its_user_is_gone(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """userdel(8): USERGROUPS_ENAB."""
    host.run({"group": "svc"}, {"user": "svc", "group": "svc"})

    def both(own: t.Any, words: list[str]) -> None:
        own._drop("etc/passwd", words[-1])
        own._drop("etc/group", words[-1])

    monkeypatch.setattr(type(host.commands), "_userdel", both)
    assert summary(host.run()) == ["remove user:svc", "remove group:svc"]
    assert not host.commands.ran("groupdel")
