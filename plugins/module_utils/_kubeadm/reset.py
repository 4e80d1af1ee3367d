# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take a node out of its cluster and remove what kubeadm, kube-proxy and Flannel made, and nothing else."""

from __future__ import annotations

import os
import re
import shutil
import typing as t

from . import observe
from .apply import CONFIG, INVITATION
from .config import AUDIT_LOG_FOLDER, CRI_SOCKET, ENCRYPTION_CONFIG
from .explain import explain
from .firewall import remove_rules
from .model import KubeadmError

_FOLDERS = (
    "/etc/kubernetes/manifests",
    observe.PKI,
    "/etc/kubernetes/tmp",
    "/var/lib/etcd",
    "/var/lib/kubelet",
    "/var/lib/cni",
    "/run/flannel",
    AUDIT_LOG_FOLDER,
)
_FILES = (
    ENCRYPTION_CONFIG,
    CONFIG,
    "/etc/cni/net.d/10-flannel.conflist",
    "/opt/cni/bin/flannel",
    INVITATION,
    observe.RESTORING,
)
_LINKS = ("cni0", "flannel.1")
# How the kernel writes blanks in a path.
_ESCAPED = re.compile(r"\\([0-7]{3})")
# The kubelet makes the login manager wait for its graceful shutdown.
_LOGIND = "/etc/systemd/logind.conf.d/99-kubelet.conf"


def reset(run: observe.Run, foreign_tables: t.Collection[str]) -> None:
    """Undo kubeadm on this host; *foreign_tables* names the firewall tables that were there before ("ip nat").

    Raises KubeadmError when `kubeadm reset` fails.
    """
    code, out, err = run(["kubeadm", "reset", "--force", "--cri-socket", CRI_SOCKET])
    if code != 0:
        raise KubeadmError(explain("Running kubeadm reset", err or out, run))
    run(["systemctl", "stop", "kubelet.service"])
    for name in observe.listing("/etc/kubernetes"):
        if name.endswith(".conf"):
            os.unlink(os.path.join("/etc/kubernetes", name))
    for path in _FILES:
        if os.path.exists(path):
            os.unlink(path)
    for folder in _FOLDERS:
        _remove_folder(folder, run)
    for link in _LINKS:
        run(["ip", "link", "delete", link])
    remove_rules(run, foreign_tables)
    if os.path.exists(_LOGIND):
        os.unlink(_LOGIND)
        run(["systemctl", "try-reload-or-restart", "systemd-logind.service"])
    # Last: as long as the stamp is there, an interrupted reset is known to be one.
    if os.path.exists(observe.STAMP):
        os.unlink(observe.STAMP)


def _remove_folder(folder: str, run: observe.Run) -> None:
    """Remove a folder and all that is in it, but nothing that is mounted there: the volumes of pods are among that."""
    if not os.path.isdir(folder):
        return
    said = ""
    for point in sorted(mounted_below(folder), reverse=True):
        code, out, err = run(["umount", point])
        said = said if code == 0 else (err or out).strip()
    left = mounted_below(folder)
    if left:
        raise KubeadmError(
            f"Removing {folder}: something is still mounted at {left[0]} ({said or 'umount said nothing'}), "
            "and would be emptied with it. End what uses it and run again."
        )
    shutil.rmtree(folder)


def mounted_below(folder: str, mounts: str = "/proc/self/mounts") -> list[str]:
    """Return the places below a folder at which something is mounted, once for each mount."""
    with open(mounts, encoding="utf-8") as stream:
        points = [_ESCAPED.sub(lambda found: chr(int(found[1], 8)), line.split()[1]) for line in stream]
    return [point for point in points if point.startswith(folder + "/")]
