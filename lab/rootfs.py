# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes' system: a Debian tree from debootstrap, and smaller cuts of it by package."""

from __future__ import annotations

import re
import tempfile
import typing as t
from pathlib import Path

from lab import archive, debian, files
from lab.errors import LabError
from lab.machine import architecture
from lab.paths import Paths
from lab.process import run, succeeds

RECIPE = 1
NODE_PACKAGES = (
    "ca-certificates",
    "conntrack",
    "dbus",
    "ebtables",
    "ethtool",
    "iproute2",
    "ipset",
    "iptables",
    "kmod",
    "mount",
    "nftables",
    "openssh-server",
    "procps",
    "python3",
    "socat",
    "systemd-sysv",
    "udev",
)
DEPOT_PACKAGES = (
    "bind9-dnsutils",
    "busybox-static",
    "curl",
    "e2fsprogs",
    "mariadb-client",
    "mariadb-server-core",
    "nginx",
    "postgresql-17",
)
"""Not on nodes: what the lab's own containers are cut from."""

_UNNEEDED = {
    *("debconf", "dpkg", "init-system-helpers", "install-info", "perl", "perl-base", "ucf"),
    # Of PostgreSQL: what compiles queries, and what chooses among versions and sets them up.
    *("libllvm19", "locales", "postgresql-client-common", "postgresql-common", "ssl-cert"),
}
_SKIPPED = re.compile(
    r"^usr/share/(?:doc|man|locale|info|lintian|bash-completion|i18n|bug)/|^usr/lib/postgresql/[0-9]+/lib/bitcode/"
)
_ALIASES = ("bin", "sbin", "lib", "lib64")

NODE_SCRIPT = """
set -eu
debootstrap --variant=minbase --merged-usr --cache-dir="$DEBS" --include="$PACKAGES" "$SUITE" "$ROOT" "$MIRROR"
cp -a "$OVERLAY/." "$ROOT/"
chroot "$ROOT" update-ca-certificates
chroot "$ROOT" apt-get clean
rm -rf "$ROOT"/var/lib/apt/lists/* "$ROOT"/etc/ssh/ssh_host_* "$ROOT"/var/log/*.log
rm -f "$ROOT"/etc/hostname "$ROOT"/etc/resolv.conf "$ROOT"/var/lib/dbus/machine-id
: > "$ROOT/etc/machine-id"
tar --sort=name --numeric-owner -C "$ROOT" -cf "$TAR" .
"""
DEPOT_SCRIPT = """
set -eu
mount -t proc proc "$ROOT/proc"
mount --bind /dev "$ROOT/dev"
cat /etc/resolv.conf > "$ROOT/etc/resolv.conf"
printf '#!/bin/sh\\nexit 101\\n' > "$ROOT/usr/sbin/policy-rc.d"
chmod 755 "$ROOT/usr/sbin/policy-rc.d"
mkdir -p "$ROOT/etc/postgresql-common"
echo "create_main_cluster = false" > "$ROOT/etc/postgresql-common/createcluster.conf"
export DEBIAN_FRONTEND=noninteractive
chroot "$ROOT" apt-get update -q
chroot "$ROOT" apt-get install -q -y --no-install-recommends -o Dpkg::Options::=--force-unsafe-io $PACKAGES
chroot "$ROOT" apt-get clean
"""


class System:
    """The Debian tree of this checkout's recipe and machine: as the node image, and as a depot to cut from."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._source = debian.source()
        parts = (RECIPE, debian.SUITE, architecture(), NODE_PACKAGES, NODE_SCRIPT, self._source.as_data())
        self.key = files.key_of("node", *parts)
        self.depot_key = files.key_of(self.key, DEPOT_PACKAGES, DEPOT_SCRIPT)

    @property
    def image(self) -> str:
        """The node image's name in this machine's container storage."""
        return f"localhost/homelab-node:{self.key}"

    @property
    def depot(self) -> Path:
        """The tree that layers are cut from."""
        return self._paths.cache / "rootfs" / self.depot_key

    def ready(self) -> bool:
        """Tell whether both the image and the depot are there."""
        return self.depot.is_dir() and succeeds(["podman", "image", "exists", self.image])

    def make(self) -> bool:
        """Make what is missing; return whether anything was."""
        if self.ready():
            return False
        debs = self._paths.cache / "debs"
        debs.mkdir(parents=True, exist_ok=True)
        files.sweep(self.depot.parent)
        with files.published(self.depot) as root:
            self._bootstrap(root, debs)
            isolated(
                self._paths,
                DEPOT_SCRIPT,
                {"ROOT": root, "PACKAGES": " ".join(DEPOT_PACKAGES)},
                attempted="Installing the lab's own packages into the depot",
                log="depot",
            )
        return True

    def _bootstrap(self, root: Path, debs: Path) -> None:
        with tempfile.TemporaryDirectory(prefix=files.PARTIAL, dir=root.parent) as folder:
            work = Path(folder)
            for path, text in self._source.files().items():
                files.write(work / "overlay" / path, text)
            tar = work / "node.tar"
            isolated(
                self._paths,
                NODE_SCRIPT,
                {
                    "ROOT": root,
                    "TAR": tar,
                    "DEBS": debs,
                    "OVERLAY": work / "overlay",
                    "SUITE": debian.SUITE,
                    "MIRROR": self._source.mirror,
                    "PACKAGES": ",".join(NODE_PACKAGES),
                },
                attempted=f"Making the node image (Debian {debian.SUITE})",
                log="node-image",
            )
            changes = ('ENTRYPOINT ["/sbin/init"]', "ENV container=podman", "LABEL homelab.owner=atarnet-homelab")
            options = [part for change in changes for part in ("--change", change)]
            run(["podman", "import", *options, tar, self.image], attempted="Importing the node image")


def isolated(paths: Paths, script: str, variables: dict[str, t.Any], *, attempted: str, log: str) -> None:
    """Run a shell script whose mounts and processes vanish with it, however it ends. Raises LabError."""
    run(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", script],
        attempted=attempted,
        remedy="Check this machine's Debian mirror and network, then run again.",
        env={name: str(value) for name, value in variables.items()},
        log=paths.log(log),
    )


def dependencies(status: str) -> tuple[dict[str, list[list[str]]], dict[str, str]]:
    """Parse dpkg's status file: package → its dependencies (lists of alternatives), and virtual name → provider."""
    needs: dict[str, list[list[str]]] = {}
    providers: dict[str, str] = {}
    for stanza in status.split("\n\n"):
        fields = dict(re.findall(r"^([A-Za-z-]+): (.*)$", stanza, re.MULTILINE))
        if "Package" not in fields:
            continue
        clauses = ", ".join(fields[name] for name in ("Pre-Depends", "Depends") if name in fields)
        needs[fields["Package"]] = [
            [re.split(r"[ (:]", choice.strip())[0] for choice in clause.split("|")]
            for clause in clauses.split(", ")
            if clause
        ]
        for provided in fields.get("Provides", "").split(", "):
            if provided:
                providers.setdefault(re.split(r"[ (:]", provided)[0], fields["Package"])
    return needs, providers


def closure(packages: t.Iterable[str], status: str) -> list[str]:
    """Return ``packages`` and all they depend on at run time, sorted. Raises LabError for one that is absent."""
    needs, providers = dependencies(status)
    found: set[str] = set()
    waiting = list(packages)
    while waiting:
        name = waiting.pop()
        if name not in needs:
            remedy = "Add it to lab/rootfs.py (DEPOT_PACKAGES)."
            raise LabError("Cutting a layer from the depot", f"package {name!r} is not in it", remedy)
        if name in found:
            continue
        found.add(name)
        for choices in needs[name]:
            present = next((providers.get(one, one) for one in choices if providers.get(one, one) in needs), None)
            if present is not None and present not in _UNNEEDED:
                waiting.append(present)
    return sorted(found)


def cut(root: Path, packages: t.Iterable[str]) -> list[archive.Entry]:
    """List the files of ``packages`` and their dependencies in ``root``, without documentation."""
    names = closure(packages, (root / "var/lib/dpkg/status").read_text())
    info = root / "var/lib/dpkg/info"
    paths: set[str] = {*_ALIASES, "etc/passwd", "etc/group", "etc/nsswitch.conf", "etc/ld.so.cache", "tmp", "root"}
    for name in names:
        lists = [info / f"{name}.list", *info.glob(f"{name}:*.list")]
        for line in (line for path in lists if path.exists() for line in path.read_text().splitlines()):
            paths.add(_real(line.lstrip("/"), root))
    paths |= _alternatives(root, paths)
    if "ca-certificates" in names:
        paths |= {str(path.relative_to(root)) for path in (root / "etc/ssl/certs").iterdir()}
    entries = (
        archive.entry_of(path, root)
        for path in paths
        if path not in ("", ".") and not _SKIPPED.match(path) and (root / path).is_symlink() | (root / path).exists()
    )
    return [entry for entry in entries if entry is not None]


def _real(path: str, root: Path) -> str:
    """Spell a path without the aliases of the merged /usr."""
    first, _, rest = path.partition("/")
    return f"usr/{path}" if rest and first in _ALIASES and (root / first).is_symlink() else path


def _alternatives(root: Path, paths: set[str]) -> set[str]:
    """Return the links that update-alternatives made to files among ``paths``."""
    links: set[str] = set()
    for record in (root / "var/lib/dpkg/alternatives").iterdir():
        for line in record.read_text().splitlines():
            link = root / _real(line.lstrip("/"), root)
            if line.startswith("/") and link.is_symlink():
                chosen = root / link.readlink().relative_to("/") if link.readlink().is_absolute() else link
                if chosen.is_symlink() and _real(str(chosen.readlink()).lstrip("/"), root) in paths:
                    links |= {str(link.relative_to(root)), str(chosen.relative_to(root)), "etc/alternatives"}
    return links
