# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: reads the keys of each resource type."""

from __future__ import annotations

import re
import typing as t

from .fields import Fields, suggestion
from .model import (
    BZIP2,
    Archive,
    Directory,
    File,
    Group,
    KernelModule,
    KernelParameter,
    Link,
    Mount,
    MountPoint,
    Package,
    Resource,
    Source,
    Swap,
    Sysctl,
    Unit,
    User,
)

_SHA256 = r"[0-9a-f]{64}"
_ARCHS = ("amd64", "arm64")
_ACCOUNT = r"[a-z_][a-z0-9_-]{0,31}"
_PLACE = r"\d+\.\d+\.\d+\.\d+:\d+"
_UNIT = r"[A-Za-z0-9:_.\\@-]+\.(service|socket|timer|mount|automount|path|slice|target|swap)"


def _package(f: Fields) -> Resource:
    fix = 'Write the Debian package name, for example "nftables", without a version'
    return Package(f.matching("package", r"[a-z0-9][a-z0-9.+-]+", "is not a package name", fix))


def _file(f: Fields) -> Resource:
    if not f.has("sha256"):
        f.fail("content", "and template are both missing", 'Add content: "..." or template: NAME.j2')
    return File(
        f.path("file"),
        _content_key(f),
        mode=f.mode("mode", "0644"),
        owner=_owner(f, "owner"),
        group=_owner(f, "group"),
        secret=bool(f.flag("secret", False)),
        check=f.texts("check"),
        diff=bool(f.flag("diff", True)),
    )


def _content_key(f: Fields) -> str:
    return f.matching("sha256", _SHA256, "is not a SHA-256", "Let the action plugin of host_state fill it in")


def _directory(f: Fields) -> Resource:
    return Directory(f.path("directory"), f.mode("mode", "0755"), _owner(f, "owner"), _owner(f, "group"))


def _link(f: Fields) -> Resource:
    return Link(f.path("link"), f.text("target"))


def _sources(f: Fields) -> dict[str, Source]:
    sources = {}
    for arch, raw in f.mapping("sources").items():
        if arch not in _ARCHS:
            f.fail("sources", f"names the architecture {arch!r}", f"{suggestion(arch, _ARCHS)}Use amd64 or arm64")
        if not isinstance(raw, dict):
            f.fail("sources", f"has no mapping for {arch}", "Write urls and sha256 for each architecture")
        inner = Fields(raw, f"{f.where}, sources.{arch}")
        urls = inner.texts("urls")
        bad = [url for url in urls if not url.startswith(("http://", "https://"))]
        if not urls or bad:
            inner.fail("urls", "is empty or has an entry that is not an HTTP address", "Write a list of https:// URLs")
        sha256 = inner.matching("sha256", _SHA256, "is not 64 hexadecimal digits", "Write the SHA-256 in lower case")
        inner.finish()
        sources[arch] = Source(urls, sha256)
    if not sources:
        f.fail("sources", "names no architecture", "Write sources: {amd64: {urls: [...], sha256: ...}}")
    return sources


def _archive(f: Fields) -> Resource:
    members = {}
    for raw, target in f.mapping("members").items():
        members[_member(f, str(raw))] = str(raw).rsplit("/", 1)[-1] if raw == target else str(target)
    if bool(members) == f.has("file_name"):
        fix = "Give members for a tar or zip archive, file_name for a plain file"
        f.fail("members", "and file_name exclude each other, and one of them is needed", fix)
    for name, target in members.items():
        if "/" in target or target in ("", ".", ".."):
            f.fail("members", f"gives {name} the name {target!r}", "Write a file name without a folder")
    if len(set(members.values())) != len(members):
        f.fail("members", "give two members one name", "Give every member its own name")
    file_name = f.matching("file_name", r"[^/]+", "is not a file name", "Write no folder") if f.has("file_name") else ""
    name = f.matching("archive", r"[A-Za-z0-9._-]+", "is not a short name", "Use letters, digits, dots and dashes")
    packed = f.choice("packed", [BZIP2], None)
    if packed and members:
        f.fail("packed", "is for a plain file, and an archive says itself how it is packed", "Leave one of them out")
    return Archive(name, _sources(f), f.path("destination"), members, file_name, f.mode("mode", "0755"), packed)


def _member(f: Fields, name: str) -> str:
    plain = name[2:] if name.startswith("./") else name
    if not plain or plain.startswith("/") or ".." in plain.split("/"):
        f.fail("members", f"names {name!r}, which leads out of the archive", "Write the member as the archive lists it")
    return plain


def _kernel_module(f: Fields) -> Resource:
    fix = 'Write it as lsmod shows it, for example "br_netfilter"'
    name = f.matching("kernel_module", r"[A-Za-z0-9_-]+", "is not a module name", fix)
    return KernelModule(name.replace("-", "_"))


def _sysctl(f: Fields) -> Resource:
    fix = 'Write it with dots, for example "net.ipv4.ip_forward"'
    name = f.matching("sysctl", r"[A-Za-z0-9_/-]+(\.[A-Za-z0-9_/@:-]+)+", "is not a kernel parameter", fix)
    return Sysctl(name, " ".join(f.text("value").split()))


def _kernel_parameter(f: Fields) -> Resource:
    fix = 'Write one word without quotes, for example "cgroup_enable=memory"'
    return KernelParameter(f.matching("kernel_parameter", r"[A-Za-z0-9_.-]+(=[^\s\"]+)?", "is not such a word", fix))


def _account(f: Fields, key: str) -> str:
    return f.matching(key, _ACCOUNT, "is not an account name", "Use lower-case letters, digits, - and _, at most 32")


def _owner(f: Fields, key: str) -> str:
    return _account(f, key) if f.has(key) else "root"


def _group(f: Fields) -> Resource:
    return Group(_account(f, "group"), f.number("gid"), bool(f.flag("system", True)))


def _user(f: Fields) -> Resource:
    name, home, shell = _account(f, "user"), f.optional_text("home"), f.optional_text("shell")
    group, groups = f.optional_text("group"), f.texts("groups")
    return User(name, f.number("uid"), group, groups, home, shell, bool(f.flag("system", True)))


def _mount(f: Fields) -> Resource:
    for key in ("source", "fstype", "options"):
        if f.has(key):
            f.matching(key, r"\S+", "has a blank", "Write it as in /etc/fstab, a blank as \\040")
    return Mount(f.path("mount"), f.text("source"), f.text("fstype"), f.text("options", "defaults"))


def _mountpoint(f: Fields) -> Resource:
    return MountPoint(f.path("mountpoint"))


def _swap(f: Fields) -> Resource:
    f.has("swap")
    if f.raw["swap"] not in (False, "off"):
        f.fail("swap", "is not the one thing this resource does", "Write swap: off")
    return Swap("off")


def _unit(f: Fields) -> Resource:
    fix = 'Write the whole unit name, for example "containerd.service"'
    name = f.matching("unit", _UNIT, "is not a unit name with its type", fix)
    sha256 = _content_key(f) if f.has("sha256") else None
    state = f.choice("state", ("started", "stopped"), None)
    listens = f.texts("listens")
    for place in listens:
        if not re.fullmatch(_PLACE, place):
            f.fail("listens", f"has {place!r}, which is no IPv4 address with port", "Write, for example, 192.0.2.1:53")
    return Unit(name, state, f.flag("enabled", None), f.texts("restart_on"), sha256, f.texts("reload_on"), listens)


READERS: dict[str, t.Callable[[Fields], Resource]] = {
    "package": _package,
    "file": _file,
    "directory": _directory,
    "link": _link,
    "archive": _archive,
    "kernel_module": _kernel_module,
    "sysctl": _sysctl,
    "kernel_parameter": _kernel_parameter,
    "user": _user,
    "group": _group,
    "mount": _mount,
    "mountpoint": _mountpoint,
    "swap": _swap,
    "unit": _unit,
}
