# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: the files that resources imply become resources of their own."""

from __future__ import annotations

from .model import Desired, File, Sysctl, Unit, digest

SYSCTL_FILE = "/etc/sysctl.d/90-atarnet-homelab-{owner}.conf"
MODULES_FILE = "/etc/modules-load.d/atarnet-homelab-{owner}.conf"


def expand(desired: Desired) -> Desired:
    """Add the files that resources imply: unit files, and one file each for boot-time sysctls and modules."""
    result = Desired(desired.owner, [], dict(desired.contents))
    last = {resource.kind: index for index, resource in enumerate(desired.resources)}
    for index, resource in enumerate(desired.resources):
        if isinstance(resource, Unit) and resource.sha256:
            result.resources.append(File(resource.path, resource.sha256))
        result.resources.append(resource)
        if resource.kind in ("sysctl", "kernel_module") and last[resource.kind] == index:
            result.resources.append(_boot_file(desired, resource.kind, result.contents))
    return result


def _boot_file(desired: Desired, kind: str, contents: dict[str, str]) -> File:
    lines = [f"# Managed by Ansible: atarnet.homelab.host_state, owner {desired.owner}."]
    for resource in desired.resources:
        if resource.kind == kind:
            lines.append(f"{resource.name} = {resource.value}" if isinstance(resource, Sysctl) else resource.name)
    text = "\n".join(lines) + "\n"
    contents[digest(text)] = text
    path = SYSCTL_FILE if kind == "sysctl" else MODULES_FILE
    return File(path.format(owner=desired.owner), digest(text))
