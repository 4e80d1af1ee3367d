# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Kubernetes versions may follow or accompany which (the upstream version skew policy)."""

from __future__ import annotations

import re

_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(?:[-+].*)?")
# Kubelets may be this many minors behind the API server.
_KUBELET_LAG = 3


class SkewError(ValueError):
    """A version that must not follow or accompany another."""


def parse_version(text: str) -> tuple[int, int, int]:
    """Return (major, minor, patch) of "1.36.4" or "v1.36.4"; raises ValueError for anything else."""
    match = _VERSION.fullmatch(text)
    if match is None:
        raise ValueError(f'Reading Kubernetes version "{text}": it is not MAJOR.MINOR.PATCH. Write it like "1.36.4".')
    major, minor, patch = match.groups()
    return int(major), int(minor), int(patch)


def check_skew(current: str, desired: str) -> None:
    """Refuse what kubeadm cannot do to a running control plane: a downgrade, or an upgrade over a minor.

    Raises SkewError naming both versions and the version to set instead.
    """
    running, wanted = parse_version(current), parse_version(desired)
    attempt = f'Changing Kubernetes from {current.lstrip("v")} to homelab_kubernetes_version = "{desired}"'
    if wanted[:2] == running[:2] and wanted >= running:
        return
    if wanted < running:
        raise SkewError(
            f"{attempt}: a running control plane cannot be downgraded. "
            f'Set homelab_kubernetes_version: "{current.lstrip("v")}" or newer, or restore a backup made before.'
        )
    if wanted[0] != running[0] or wanted[1] > running[1] + 1:
        raise SkewError(
            f"{attempt}: it skips {running[0]}.{running[1] + 1}, and minors must be taken one by one. "
            f"Set homelab_kubernetes_version to a {running[0]}.{running[1] + 1} release first."
        )


def check_kubelet_skew(node: str, kubelet: str, api: str) -> None:
    """Refuse a kubelet that is newer than the API server, or more than three minors older.

    Raises SkewError naming the node and both versions.
    """
    kubelet_version, api_version = parse_version(kubelet), parse_version(api)
    attempt = f"Running kubelet {kubelet.lstrip('v')} on {node} with API server {api.lstrip('v')}"
    if kubelet_version[:2] > api_version[:2]:
        raise SkewError(
            f"{attempt}: a kubelet must not be newer than its API server. Upgrade the control planes first."
        )
    if kubelet_version[0] != api_version[0] or kubelet_version[1] < api_version[1] - _KUBELET_LAG:
        raise SkewError(
            f"{attempt}: it is more than {_KUBELET_LAG} minors behind. "
            f"Upgrade the kubelet of {node} before the control planes go further."
        )
