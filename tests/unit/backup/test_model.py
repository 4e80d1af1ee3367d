# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked for is read strictly; how a volume is read follows from what it is."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._backup import (
    causes,
    hooks,
    names,
    record,
    restic,
    restore,
)
from ansible_collections.atarnet.homelab.plugins.module_utils._backup.freezer import cgroup_of
from ansible_collections.atarnet.homelab.plugins.module_utils._backup.model import Hook, Repository, Volume, parse
from ansible_collections.atarnet.homelab.plugins.module_utils._backup.observe import (
    Mount,
    Seen,
    mount_at,
    mounts_of,
    observe,
)
from ansible_collections.atarnet.homelab.plugins.module_utils._backup.plan import make_plan
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError

GOOD: dict[str, t.Any] = {
    "lab": "home",
    "node": "node-1",
    "repository": {"url": "/srv/backup", "password_file": "/etc/password"},
    "volumes": [{"name": "a/one", "path": "/srv/one"}],
}
HOOK = {"type": "postgres", "labels": {"app": "x"}, "database": "shop"}


def changed(path: str, value: t.Any) -> dict[str, t.Any]:
    """Return the good input with a key of it, or of its volume, or of that one's hook, replaced."""
    volume = {**GOOD["volumes"][0], "hook": dict(HOOK)}
    data = {**GOOD, "repository": dict(GOOD["repository"]), "volumes": [volume]}
    place: t.Any = data
    *way, last = path.split(".")
    for step in way:
        place = volume if step == "volume" else place[step]
    place[last] = value
    return data


def test_good_input_is_read() -> None:
    wanted = parse(GOOD)
    assert wanted.host == "home/node-1" and wanted.volumes == (Volume("a", "one", "/srv/one"),)
    assert parse(changed("lab", "home")).volumes[0].hook == Hook("postgres", {"app": "x"}, "", "shop")


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("lab", "a/b", "lab: 'a/b' is no name"),
        ("node", "", "node: '' is no name"),
        ("parallel", 65, "parallel: 65 is out of range; use 1 to 64"),
        ("metrics_file", "x.prom", "metrics_file: 'x.prom' is not read by node-exporter"),
        ("repository.url", "backup", "repository.url: 'backup' is relative"),
        ("repository.url", "rest:https://me:secret@host/", "repository.url: holds a password"),
        ("repository.password_file", "", "repository.password_file: '' is no absolute path"),
        ("repository.environment_file", "env", "repository.environment_file: 'env' is no absolute path"),
        ("volume.name", "one", r"volumes[0].name: 'one' is not NAMESPACE/CLAIM"),
        ("volume.name", "a/../b", r"volumes[0].name: 'a/../b' is not NAMESPACE/CLAIM"),
        ("volume.path", "/srv/../etc", "volumes[0].path: '/srv/../etc' is not the absolute, plain path"),
        ("volume.path", "/", "volumes[0].path: '/' is not"),
        ("volume.hook.type", "mongo", "volumes[0].hook.type: 'mongo' is unknown; there are postgres, mysql,"),
        ("volume.hook.labels", {}, "volumes[0].hook.labels: is missing"),
        ("volume.hook.labels", {"a": "b,c=d"}, "volumes[0].hook.labels: a=b,c=d is no label"),
        ("volume.hook.database", "$(reboot)", "volumes[0].hook.database: '$(reboot)' is no name"),
        ("volume.hook.user", "--help", "volumes[0].hook.user: '--help' is no name"),
        ("volume.hook", {"type": "sqlite", "database": "../x"}, "hook.database: '../x' is not the path of a file"),
        ("volumes", [GOOD["volumes"][0]] * 2, "name a/one is given twice; volumes: path /srv/one is"),
    ],
)  # fmt: skip
def test_bad_input_is_named(path: str, value: t.Any, said: str) -> None:
    with pytest.raises(HostError) as caught:
        parse(changed(path, value))
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)


FREEZE = Volume("a", "one", "/v", Hook("freeze", {"app": "x"}))
PLAIN = Volume("a", "one", "/v")


@pytest.mark.parametrize(
    ("volume", "seen", "btrfs", "expected"),
    [
        (PLAIN, Seen(True, "/v", "btrfs", "/", "/"), True, "btrfs"),
        (FREEZE, Seen(True, "/v", "btrfs", "/", "/"), True, "btrfs"),
        (PLAIN, Seen(True, "/v", "btrfs", "/", "/"), False, "as_is"),
        (PLAIN, Seen(True, "/v", "btrfs", "/v", ""), True, "as_is"),
        (PLAIN, Seen(True, "/v", "ext4"), True, "as_is"),
        (FREEZE, Seen(True, "/v", "ext4"), True, "freeze"),
        (PLAIN, Seen(), True, "/v is no folder on this node"),
        (PLAIN, Seen(True, "/v", "ext4", inside=("/v/nfs",)), True, "mounted inside of it, at /v/nfs"),
    ],
)  # fmt: skip
def test_a_volume_is_read_by_what_it_is(volume: Volume, seen: Seen, btrfs: bool, expected: str) -> None:
    plan = make_plan([volume], {"a/one": seen}, btrfs)
    assert [step.method for step in plan.steps] == [expected] or expected in plan.refused["a/one"]
    assert bool(plan.warnings) == (expected == "as_is")


def test_mounts_are_read() -> None:
    text = (
        "1 0 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
        "2 1 0:40 /@vol /srv/my\\040disk rw - btrfs /dev/sdb rw\n"
        "3 1 0:41 / /ro ro,relatime - btrfs /dev/sdc rw\n"
    )
    mounts = mounts_of(text)
    assert mounts[1] == Mount("/srv/my disk", "btrfs", True, "0:40", "/@vol") and not mounts[2].writable
    assert mount_at("/srv/my disk/a", mounts).kind == "btrfs" and mount_at("/srv/my", mounts).kind == "ext4"


MOUNTED: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "plain": ("one", "ext4", ()),
    "a mount inside": ("disk/one", "xfs", ("disk/one/a", "disk/one/b/c")),
    "its name begins as another's": ("disk/one-more", "xfs", ()),
    "a mount itself": ("disk", "xfs", ("disk/one.d", "disk/one/a", "disk/one/b/c")),
    "below a mount inside": ("disk/one/a/deep", "tmpfs", ()),
}


@pytest.mark.parametrize(("name", "kind", "inside"), MOUNTED.values(), ids=MOUNTED)
def test_a_volume_is_seen_with_the_mounts_around_it(
    tmp_path: Path, name: str, kind: str, inside: tuple[str, ...]
) -> None:
    points = {"/": "ext4", "disk": "xfs", "disk/one/a": "tmpfs", "disk/one/b/c": "tmpfs", "disk/one.d": "tmpfs"}
    lines = [f"1 0 0:1 / {tmp_path / point} rw - {kind} none rw\n" for point, kind in points.items()]
    (tmp_path / "mountinfo").write_text("".join(lines), encoding="ascii")
    (tmp_path / name).mkdir(parents=True)
    volume = Volume("a", "one", str(tmp_path / name))
    seen = observe([volume], str(tmp_path / "mountinfo"))["a/one"]
    assert (seen.folder, seen.real, seen.kind) == (True, volume.path, kind)
    assert seen.inside == tuple(str(tmp_path / point) for point in inside)


def test_names_survive_as_text() -> None:
    for name in (b"plain", b"line\nbreak", b"\xff\x00"[:1], "ö".encode(), b"\xc3\x28"):
        assert names.to_bytes(names.to_text(name)) == name
    assert names.shown("a\nb\x1b[31m") == "a\\nb\\x1b[31m"


def test_a_password_is_in_no_command() -> None:
    assert hooks.command(Hook("mysql", {}, "", "shop"))[2] == (
        'MYSQL_PWD="${MYSQL_ROOT_PASSWORD:-$MARIADB_ROOT_PASSWORD}"; export MYSQL_PWD; '
        'exec "$(command -v mariadb-dump || echo mysqldump)" --user=root '
        "--single-transaction --routines --triggers shop"
    )


def test_the_pods_cgroup_is_found() -> None:
    pod = "/kubepods/burstable/pod1"
    assert cgroup_of(f"7:freezer:{pod}/abc\n0::/\n") == f"/sys/fs/cgroup/freezer{pod}"
    with pytest.raises(HostError, match="in no cgroup that can be frozen"):
        cgroup_of("3:cpu:/x\n")


@pytest.mark.parametrize(
    ("code", "words", "said"),
    [
        (1, "write /x: no space left on device", "the target is full"),
        (1, "dial tcp: connection refused", "the target cannot be reached"),
        (1, "ciphertext verification failed", "the repository is damaged"),
        (1, "server response unexpected: 403 Forbidden", "the target refuses it"),
        (1, "something else", "restic ended with 1: something else"),
        (10, "", "there is no repository at /r. Make it with the verb init"),
        (12, "", "the password in /p opens none of its keys"),
        (-9, "", "restic was ended by signal 9"),
    ],
)
def test_each_end_of_restic_has_its_cause(code: int, words: str, said: str) -> None:
    assert said in str(causes.explain("Cannot", code, words, Repository("/r", "/p"), list))


def test_a_lock_names_its_holder() -> None:
    lock = {"time": "2026-08-01T03:00:00.1Z", "hostname": "other", "pid": 7, "exclusive": True}
    said = str(causes.explain("Cannot", 11, "", Repository("/r", "/p"), lambda: [lock]))
    assert "locked by process 7 on other (exclusively since 2026-08-01T03:00:00, which that host must know)" in said


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("/srv/backup", None),
        ("rest:https://backup.example/x", ("backup.example", 443)),
        ("rest:http://[::1]:8000/", ("::1", 8000)),
        ("s3:s3.example.com/bucket", ("s3.example.com", 443)),
        ("sftp:me@host:/x", None),
    ],
)
def test_where_to_knock(url: str, place: tuple[str, int] | None) -> None:
    assert restic.address(url) == place


def test_times_have_nanoseconds() -> None:
    assert restore.moment_ns("1970-01-01T00:00:01.5Z") == 1_500_000_000
    assert restore.moment_ns("1970-01-01T01:00:00.000000001+01:00") == 1


def test_metrics_are_text_of_prometheus() -> None:
    text = record.render({"a/one": {"failed": 0, "success": 5}})
    assert text.splitlines()[1:3] == [
        "# TYPE homelab_backup_last_success_timestamp_seconds gauge",
        'homelab_backup_last_success_timestamp_seconds{volume="a/one"} 5',
    ]
    assert record.render({}) == ""
