# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take a node out of its cluster and remove what kubeadm, kube-proxy and Flannel made, and nothing else."""

from __future__ import annotations

import os
import shutil

from . import observe
from .apply import CONFIG
from .config import AUDIT_LOG_FOLDER, CRI_SOCKET, ENCRYPTION_CONFIG
from .explain import explain
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
    "/run/atarnet-homelab/invitation.json",
)
_LINKS = ("cni0", "flannel.1")
# Tables by name: the host's own firewall and everybody else's stay as they are.
_TABLES = ("ip kube-proxy", "ip6 kube-proxy", "ip flannel-ipv4", "ip6 flannel-ipv6")


def reset(run: observe.Run) -> None:
    """Undo kubeadm on this host; raises KubeadmError when `kubeadm reset` fails."""
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
    for table in _TABLES:
        run(["nft", "delete", "table", *table.split()])
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
