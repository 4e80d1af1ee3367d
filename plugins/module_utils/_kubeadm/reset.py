# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take a node out of its cluster and remove what kubeadm, kube-proxy and Flannel made, and nothing else."""

from __future__ import annotations

import os
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
)
_LINKS = ("cni0", "flannel.1")
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
    if not os.path.isdir(folder):
        return
    with open("/proc/self/mounts", encoding="utf-8") as stream:
        points = [line.split()[1] for line in stream]
    for point in sorted((point for point in points if point.startswith(folder + "/")), reverse=True):
        run(["umount", point])
    shutil.rmtree(folder)
