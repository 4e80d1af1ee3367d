# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives: members installed in one step each, known by a stamp, replaced, repaired and removed."""

from __future__ import annotations

import bz2
import hashlib
import io
import os
import tarfile
import typing as t
import zipfile
from collections.abc import Iterator

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError
from ansible_collections.atarnet.homelab.plugins.module_utils._host.system import System

from tests.unit.host.fake import Host, summary
from tests.unit.host.server import Mirror


def tar(files: dict[str, str], mode: str = "w:gz") -> bytes:
    """A tar archive; a value that begins with -> makes a link."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=t.cast("t.Any", mode)) as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            if text.startswith("->"):
                info.type, info.linkname = tarfile.SYMTYPE, text[2:]
            info.size = 0 if text.startswith("->") else len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return stream.getvalue()


def zipped(files: dict[str, str]) -> bytes:
    """A zip archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as bundle:
        for name, text in files.items():
            bundle.writestr(name, text)
    return stream.getvalue()


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    server = Mirror()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def _architecture(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = os.uname_result(("Linux", "host", "6", "1", "x86_64"))
    monkeypatch.setattr(os, "uname", lambda: machine)


def archive(mirror: Mirror, data: bytes, **keys: t.Any) -> dict[str, t.Any]:
    """The resource for an archive that the mirror serves."""
    sha256 = hashlib.sha256(data).hexdigest()
    mirror.files[f"/{sha256}"] = data
    sources = {"amd64": {"urls": [mirror.url(f"/{sha256}")], "sha256": sha256}}
    return {"archive": "tool", "sources": sources, "destination": "/opt", **keys}


FORMS: dict[str, tuple[bytes, dict[str, t.Any], str]] = {
    "tar.gz": (tar({"bin/tool": "T", "bin/rest": "R"}), {"members": {"bin/tool": "tool"}}, "T"),
    "tar with dots": (tar({"./tool": "T"}), {"members": ["tool"]}, "T"),
    "list keeps the last part": (tar({"bin/tool": "T"}), {"members": ["bin/tool"]}, "T"),
    "tar.xz": (tar({"tool": "T"}, "w:xz"), {"members": ["tool"]}, "T"),
    "zip": (zipped({"a/tool": "T"}), {"members": {"a/tool": "tool"}}, "T"),
    "tar with a folder on top": (tar({"t-1/doc/tool": "D", "t-1/tool": "T"}), {"members": ["*/tool"]}, "T"),
    "zip with a folder on top": (zipped({"t-1/tool": "T"}), {"members": ["*/tool"]}, "T"),
    "plain file": (b"T", {"file_name": "tool"}, "T"),
    "packed file": (bz2.compress(b"T"), {"file_name": "tool", "packed": "bzip2"}, "T"),
}


@pytest.mark.parametrize(("data", "keys", "text"), FORMS.values(), ids=FORMS)
def test_installed_stable_and_removed(
    host: Host, mirror: Mirror, data: bytes, keys: dict[str, t.Any], text: str
) -> None:
    before = host.snapshot()
    raw = archive(mirror, data, **keys)
    predicted = host.run(raw, check=True)
    assert mirror.requests == [] and host.snapshot() == before
    assert host.run(raw).changes == predicted.changes
    assert host.read("/opt/tool") == text
    assert (host.root / "opt/tool").stat().st_mode & 0o777 == 0o755
    assert not host.exists("/var/lib/atarnet-homelab/downloads")
    assert summary(host.run(raw)) == []
    assert summary(host.run()) == ["remove archive:tool"]
    assert host.snapshot() == before


def test_no_op_does_not_hash_what_was_not_touched(host: Host, mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = archive(mirror, b"large", file_name="tool")
    host.run(raw)
    monkeypatch.setattr(System, "sha256", lambda *_args: pytest.fail("hashed"))
    assert summary(host.run(raw)) == []


def test_touched_but_same_file_is_no_change(host: Host, mirror: Mirror) -> None:
    raw = archive(mirror, b"large", file_name="tool")
    host.run(raw)
    os.utime(host.root / "opt/tool", (1, 1))
    assert summary(host.run(raw)) == []


DRIFT: dict[str, tuple[t.Callable[[Host], t.Any], str]] = {
    "changed": (lambda host: host.write("/opt/tool", "hand"), "/opt/tool changed by hand"),
    "mode": (lambda host: (host.root / "opt/tool").chmod(0o700), "/opt/tool changed by hand"),
    "missing": (lambda host: (host.root / "opt/tool").unlink(), "/opt/tool missing"),
}


@pytest.mark.parametrize(("damage", "reason"), DRIFT.values(), ids=DRIFT)
def test_damage_is_repaired(host: Host, mirror: Mirror, damage: t.Callable[[Host], t.Any], reason: str) -> None:
    raw = archive(mirror, b"tool", file_name="tool")
    host.run(raw)
    damage(host)
    plan = host.run(raw)
    assert summary(plan) == ["update archive:tool"] and reason in plan.changes[0].before
    assert host.read("/opt/tool") == "tool"
    assert summary(host.run(raw)) == []


def test_new_version_with_other_members(host: Host, mirror: Mirror) -> None:
    host.run(archive(mirror, tar({"a": "1", "b": "1"}), members=["a", "b"]))
    with open(host.root / "opt/a") as running:
        host.run(archive(mirror, tar({"a": "2", "c": "2"}), members=["a", "c"]))
        assert running.read() == "1", "a running program keeps its file"
    assert (host.read("/opt/a"), host.read("/opt/c"), host.exists("/opt/b")) == ("2", "2", False)


def test_foreign_program_comes_back(host: Host, mirror: Mirror) -> None:
    host.write("/opt/tool", "theirs")
    host.run(archive(mirror, b"1", file_name="tool"))
    host.run(archive(mirror, b"2", file_name="tool"))
    host.run()
    assert host.read("/opt/tool") == "theirs"


def test_installation_that_was_cut_off_is_done_again(
    host: Host, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = archive(mirror, tar({"a": "1", "b": "1"}), members=["a", "b"])
    write = System.write

    def cut(self: System, path: str, *args: t.Any) -> str:
        if path == "/opt/b":
            raise KeyboardInterrupt
        return write(self, path, *args)

    monkeypatch.setattr(System, "write", cut)
    with pytest.raises(KeyboardInterrupt):
        host.run(raw)
    monkeypatch.setattr(System, "write", write)
    mirror.requests.clear()
    assert summary(host.run(raw)) == ["create archive:tool"]
    assert host.read("/opt/b") == "1"
    assert mirror.requests == [], "the verified download was kept"


FAULTS: dict[str, tuple[bytes, dict[str, t.Any], list[str]]] = {
    "member is missing": (
        tar({"a": "1"}),
        {"members": ["b"]},
        ["Cannot unpack archive:tool", "no file 'b'", "It holds: a"],
    ),
    "member is a link": (tar({"b": "->/etc/passwd", "a": ""}), {"members": ["b"]}, ["no file 'b'"]),
    "no archive": (b"plain", {"members": ["a"]}, ["neither tar nor zip", "give file_name"]),
    "damaged": (tar({"a": "x" * 9999})[:60], {"members": ["a"]}, ["archive:tool"]),
    "not packed": (b"plain", {"file_name": "a", "packed": "bzip2"}, ["archive:tool: it is damaged", "ask its maker"]),
    "packed, cut off": (
        bz2.compress(b"T" * 999)[:-9],
        {"file_name": "a", "packed": "bzip2"},
        ["archive:tool: it is damaged", "ask its maker"],
    ),
    "packed, with members": (
        bz2.compress(b"T"),
        {"members": ["a"], "packed": "bzip2"},
        ["packed 'bzip2' is for a plain file"],
    ),
    "packed otherwise": (b"x", {"file_name": "a", "packed": "xz"}, ["Write one of: bzip2"]),
    "no folder": (b"x", {"file_name": "a", "destination": "/none"}, ["its directory /none does not exist"]),
}


@pytest.mark.parametrize(("data", "keys", "words"), FAULTS.values(), ids=FAULTS)
def test_refused(host: Host, mirror: Mirror, data: bytes, keys: dict[str, t.Any], words: list[str]) -> None:
    before = host.snapshot()
    with pytest.raises(HostError) as caught:
        host.run(archive(mirror, data, **keys))
    assert [word for word in words if word not in str(caught.value)] == [], str(caught.value)
    assert host.snapshot() == before


def test_other_architecture_is_named(host: Host, mirror: Mirror) -> None:
    raw = archive(mirror, b"x", file_name="tool")
    raw["sources"] = {"arm64": raw["sources"]["amd64"]}
    with pytest.raises(HostError, match="sources for arm64 only and this host is amd64"):
        host.run(raw)


def test_bad_checksum_changes_nothing_else_in_the_task(host: Host, mirror: Mirror) -> None:
    raw = archive(mirror, b"x", file_name="tool")
    mirror.files = dict.fromkeys(mirror.files, b"evil")
    with pytest.raises(HostError, match="sha256"):
        host.run({"file": "/etc/x", "content": ""}, raw)
    assert not host.exists("/etc/x")
