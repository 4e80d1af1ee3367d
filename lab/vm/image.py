# SPDX-License-Identifier: GPL-3.0-or-later
"""The machines' disk, kernel and initial RAM disk: a bare Debian as its installer leaves it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from lab import debian, files
from lab.machine import architecture
from lab.paths import Paths
from lab.rootfs import isolated

RECIPE = 1
PACKAGES = (
    "bind9-dnsutils",
    "ca-certificates",
    "conntrack",
    "dbus",
    "e2fsprogs",
    "ethtool",
    "ifupdown",
    "initramfs-tools",
    "iproute2",
    "iptables",
    "kmod",
    "lvm2",
    "netplan.io",
    "nftables",
    "nmap",
    "openssh-server",
    "openssl",
    "procps",
    "python3",
    "socat",
    "systemd-sysv",
    "tcpdump",
    "thin-provisioning-tools",
    "tzdata",
    "udev",
)
DISK_SIZE = "2G"

# What a machine is born with lies on a second disk; everything after that it keeps itself.
BORN_UNIT = """\
[Unit]
Description=Be born: name, keys and network from the second disk
DefaultDependencies=no
After=local-fs.target systemd-remount-fs.service
Before=network-pre.target networking.service ssh.service
Wants=network-pre.target
ConditionPathExists=!/var/lib/born

[Service]
Type=oneshot
ExecStart=/bin/sh -ec 'mount -o ro /dev/vdb /mnt; sh -e /mnt/born.sh; umount /mnt; touch /var/lib/born'

[Install]
WantedBy=sysinit.target
"""
SCRIPT = """
set -eu
debootstrap --variant=minbase --merged-usr --cache-dir="$DEBS" --include="$PACKAGES" "$SUITE" "$ROOT" "$MIRROR"
cp -a "$OVERLAY/." "$ROOT/"
chroot "$ROOT" update-ca-certificates
chroot "$ROOT" systemctl enable born.service
chroot "$ROOT" systemctl mask apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer man-db.timer
chroot "$ROOT" systemctl mask systemd-networkd-wait-online.service ifupdown-wait-online.service
chroot "$ROOT" apt-get clean
rm -rf "$ROOT"/var/lib/apt/lists/* "$ROOT"/etc/ssh/ssh_host_* "$ROOT"/etc/hostname "$ROOT"/var/lib/dbus/machine-id
: > "$ROOT/etc/machine-id"
cp "$ROOT"/boot/vmlinuz-* "$OUT/vmlinuz"
cp "$ROOT"/boot/initrd.img-* "$OUT/initrd"
mkfs.ext4 -q -F -d "$ROOT" "$OUT/disk.raw" "$SIZE"
"""


class Image:
    """The image of this checkout's recipe and machine."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._source = debian.source()
        kernel = f"linux-image-cloud-{architecture()}"
        self._packages = (*PACKAGES, kernel)
        parts = (RECIPE, debian.SUITE, architecture(), self._packages, SCRIPT, BORN_UNIT, DISK_SIZE)
        self.folder = paths.cache / "vm" / files.key_of("vm", *parts, self._source.as_data())

    @property
    def kernel(self) -> Path:
        """The kernel to boot."""
        return self.folder / "vmlinuz"

    @property
    def initrd(self) -> Path:
        """Its initial RAM disk."""
        return self.folder / "initrd"

    @property
    def disk(self) -> Path:
        """The disk that machines put their own layer on."""
        return self.folder / "disk.raw"

    def make(self) -> bool:
        """Make the image unless it is there; return whether it had to be made."""
        if self.folder.is_dir():
            return False
        debs = self._paths.cache / "debs"
        debs.mkdir(parents=True, exist_ok=True)
        files.sweep(self.folder.parent)
        with files.published(self.folder) as out, tempfile.TemporaryDirectory(prefix=files.PARTIAL, dir=debs) as work:
            overlay = {
                **self._source.files(),
                "etc/systemd/system/born.service": BORN_UNIT,
                "etc/fstab": "/dev/vda / ext4 rw,noatime 0 1\n",
                "etc/network/interfaces": "auto lo\niface lo inet loopback\n",
            }
            for path, text in overlay.items():
                files.write(Path(work) / "overlay" / path, text)
            variables = {
                "ROOT": f"{work}/root",
                "OUT": out,
                "DEBS": debs,
                "OVERLAY": f"{work}/overlay",
                "SUITE": debian.SUITE,
                "MIRROR": self._source.mirror,
                "PACKAGES": ",".join(self._packages),
                "SIZE": DISK_SIZE,
            }
            attempted = "Making the image of the virtual machines"
            isolated(self._paths, SCRIPT, variables, attempted=attempted, log="vm-image")
        return True
