# SPDX-License-Identifier: GPL-3.0-or-later
"""What a list of resources may say, and in which words the rest is refused."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._host import model
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError
from ansible_collections.atarnet.homelab.plugins.module_utils._host.expand import expand
from ansible_collections.atarnet.homelab.plugins.module_utils._host.parse import parse

SHA = "a" * 64
FILE = {"file": "/etc/x", "sha256": SHA}
SOURCES = {"amd64": {"urls": ["https://example.org/x.tgz"], "sha256": SHA}}
ARCHIVE = {"archive": "tool", "sources": SOURCES, "destination": "/opt", "members": ["bin/tool"]}


ACCEPTED: dict[str, tuple[dict[str, t.Any], model.Resource]] = {
    "package": ({"package": "g++"}, model.Package("g++")),
    "file with defaults": (FILE, model.File("/etc/x", SHA, "0644", "root", "root", False)),
    "file in full": (
        {**FILE, "mode": "0600", "owner": "etcd", "group": "etcd", "secret": True},
        model.File("/etc/x", SHA, "0600", "etcd", "etcd", True),
    ),
    "directory": ({"directory": "/srv/a", "mode": "1777"}, model.Directory("/srv/a", "1777")),
    "link": (
        {"link": "/etc/localtime", "target": "../usr/share/UTC"},
        model.Link("/etc/localtime", "../usr/share/UTC"),
    ),
    "module with dashes": ({"kernel_module": "nf-conntrack"}, model.KernelModule("nf_conntrack")),
    "sysctl number": ({"sysctl": "net.ipv4.ip_forward", "value": 1}, model.Sysctl("net.ipv4.ip_forward", "1")),
    "sysctl blanks": ({"sysctl": "net.ipv4.tcp_rmem", "value": "1\t2  3"}, model.Sysctl("net.ipv4.tcp_rmem", "1 2 3")),
    "group": ({"group": "etcd", "gid": 7}, model.Group("etcd", 7)),
    "user with group": ({"user": "etcd", "group": "etcd"}, model.User("etcd", group="etcd")),
    "mount": ({"mount": "/mnt/a", "source": "tmpfs", "fstype": "tmpfs"}, model.Mount("/mnt/a", "tmpfs", "tmpfs")),
    "mount point": ({"mountpoint": "/srv/a"}, model.MountPoint("/srv/a")),
    "swap as yaml reads it": ({"swap": False}, model.Swap("off")),
    "swap in quotes": ({"swap": "off"}, model.Swap("off")),
    "unit": (
        {"unit": "a@b.service", "state": "started", "enabled": False},
        model.Unit("a@b.service", "started", False),
    ),
    "archive with list": (
        ARCHIVE,
        model.Archive(
            "tool", {"amd64": model.Source(("https://example.org/x.tgz",), SHA)}, "/opt", {"bin/tool": "tool"}
        ),
    ),
    "archive with ./ and names": (
        {**ARCHIVE, "members": {"./a": "b"}},
        model.Archive("tool", {"amd64": model.Source(("https://example.org/x.tgz",), SHA)}, "/opt", {"a": "b"}),
    ),
    "null is not given": ({**FILE, "mode": None}, model.File("/etc/x", SHA)),
}


@pytest.mark.parametrize(("raw", "wanted"), ACCEPTED.values(), ids=ACCEPTED)
def test_accepted(raw: dict[str, t.Any], wanted: model.Resource) -> None:
    assert parse([raw]) == [wanted]


REFUSED: dict[str, tuple[t.Any, list[str]]] = {
    "no list": ("package: x", ["resources", "not a list"]),
    "no mapping": (["nftables"], ["resources[0]", "'nftables' is not a mapping"]),
    "no type": (
        [{"pakage": "x"}],
        ["resources[0]", "(pakage)", 'Did you mean "package"?', "Known types: package, file"],
    ),
    "two types": ([{"package": "x", "link": "/y"}], ["resources[0]", "package and link", "one resource per type"]),
    "unknown key": ([{**FILE, "moed": "0644"}], ["'moed'", "'0644'", 'Did you mean "mode"?', "Known here:"]),
    "long value of an unknown key": ([{**FILE, "contents": "p" * 99}], ["'contents'", "not shown"]),
    "second resource": ([FILE, {"package": "A"}], ["resources[1] (package:A)", "'A'", "nftables"]),
    "octal number": ([{**FILE, "mode": 420}], ["mode 420", "octal mode in quotes", '"0644"']),
    "short mode": ([{**FILE, "mode": "644"}], ["mode '644'", '"0644"']),
    "relative path": ([{"directory": "etc"}], ["directory 'etc'", "absolute path"]),
    "path with detour": ([{"directory": "/etc/../x"}], ["'/etc/../x'", "absolute path"]),
    "path with final slash": ([{"directory": "/etc/x/"}], ["'/etc/x/'", "absolute path"]),
    "no content": ([{"file": "/etc/x"}], ["content and template are both missing", "template: NAME.j2"]),
    "no target": ([{"link": "/a"}], ["target is missing", "Add target"]),
    "no value": ([{"sysctl": "a.b"}], ["value is missing"]),
    "boolean value": ([{"sysctl": "a.b", "value": True}], ["value True", "is a bool"]),
    "sysctl without dot": ([{"sysctl": "swappiness", "value": 1}], ["'swappiness'", "net.ipv4.ip_forward"]),
    "owner with blanks": ([{**FILE, "owner": "Big Boss"}], ["owner 'Big Boss'", "lower-case"]),
    "secret in quotes": ([{**FILE, "secret": "yes"}], ["secret 'yes'", "true or false"]),
    "swap on": ([{"swap": True}], ["swap True", "swap: off"]),
    "unit without type": ([{"unit": "containerd"}], ["unit 'containerd'", "containerd.service"]),
    "unit state": ([{"unit": "a.service", "state": "start"}], ["state 'start'", 'Did you mean "started"?', "stopped"]),
    "negative gid": ([{"group": "a", "gid": -1}], ["gid -1", "at least 0"]),
    "mount options": ([{"mount": "/m", "source": "a", "fstype": "b", "options": "a b"}], ["options 'a b'", "\\040"]),
    "members and file name": ([{**ARCHIVE, "file_name": "x"}], ["file_name exclude each other"]),
    "member leads out": ([{**ARCHIVE, "members": ["../etc/passwd"]}], ["'../etc/passwd'", "leads out of the archive"]),
    "member to folder": ([{**ARCHIVE, "members": {"a": "b/c"}}], ["'b/c'", "without a folder"]),
    "members to one name": ([{**ARCHIVE, "members": ["a/x", "b/x"]}], ["two members one name"]),
    "architecture": ([{**ARCHIVE, "sources": {"arm46": SOURCES["amd64"]}}], ["'arm46'", 'Did you mean "arm64"?']),
    "no architecture": ([{**ARCHIVE, "sources": {}}], ["names no architecture"]),
    "checksum": (
        [{**ARCHIVE, "sources": {"amd64": {"urls": ["https://a"], "sha256": "ABC"}}}],
        ["sources.amd64", "sha256 'ABC'", "64 hexadecimal"],
    ),
    "url": ([{**ARCHIVE, "sources": {"amd64": {"urls": ["ftp://a"], "sha256": SHA}}}], ["['ftp://a']", "https://"]),
    "given twice": (
        [{"package": "tar"}, {"package": "tar"}],
        ["resources[1]", "package:tar", "resources[0]", "Keep one"],
    ),
    "file and directory": ([FILE, {"directory": "/etc/x"}], ["/etc/x is already wanted by resources[0]"]),
    "file and member": ([{"file": "/opt/tool", "sha256": SHA}, ARCHIVE], ["/opt/tool is already wanted"]),
    "unit file twice": (
        [{"file": "/etc/systemd/system/a.service", "sha256": SHA}, {"unit": "a.service", "sha256": SHA}],
        ["/etc/systemd/system/a.service is already wanted"],
    ),
    "trigger unknown": (
        [FILE, {"unit": "a.service", "restart_on": ["file:/etc/xx"]}],
        ["restart_on 'file:/etc/xx'", 'Did you mean "file:/etc/x"?'],
    ),
    "trigger too late": (
        [{"unit": "a.service", "restart_on": ["file:/etc/*"]}, FILE],
        ["file:/etc/x, which comes after it", "Move the unit"],
    ),
}


@pytest.mark.parametrize(("raws", "words"), REFUSED.values(), ids=REFUSED)
def test_refused(raws: t.Any, words: list[str]) -> None:
    with pytest.raises(HostError) as caught:
        parse(raws)
    message = str(caught.value)
    assert message.startswith("Cannot use ")
    assert message.endswith(".")
    assert [word for word in words if word not in message] == [], message


def test_place_of_the_task_is_named() -> None:
    with pytest.raises(HostError, match=r"resources\[7\], item 'a'"):
        parse([{"at": "resources[7], item 'a'", "file": "x", "sha256": SHA}])


def test_expand_adds_boot_files_and_unit_files_in_place() -> None:
    raws = [
        {"sysctl": "a.b", "value": 1},
        {"kernel_module": "x"},
        {"sysctl": "a.c", "value": 2},
        {"unit": "u.service", "sha256": SHA},
    ]
    full = expand(model.Desired("me", parse(raws)))
    assert [resource.identity for resource in full.resources] == [
        "sysctl:a.b",
        "kernel_module:x",
        "file:/etc/modules-load.d/atarnet-homelab-me.conf",
        "sysctl:a.c",
        "file:/etc/sysctl.d/90-atarnet-homelab-me.conf",
        "file:/etc/systemd/system/u.service",
        "unit:u.service",
    ]
    texts = [
        full.contents[item.sha256] for item in full.resources if isinstance(item, model.File) and item.sha256 != SHA
    ]
    assert [text.splitlines()[1:] for text in texts] == [["x"], ["a.b = 1", "a.c = 2"]]
