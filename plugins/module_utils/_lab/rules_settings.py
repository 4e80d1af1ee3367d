# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about settings of the hosts and of Kubernetes' own configuration."""

from __future__ import annotations

import re
import typing as t
from ipaddress import IPv4Address

from .problems import Findings, did_you_mean
from .rules_names import is_name
from .specs import Values

_MODULE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_CHECK = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
# Beyond this the number was surely meant as KiB or bytes.
_MOST_MEMORY_MIB = 1_048_576
_SECURITY = "it is part of how the cluster is secured"
_OWNED: dict[str, dict[str, str]] = {
    "homelab_kubelet_config": {
        "apiVersion": "it belongs to the collection",
        "kind": "it belongs to the collection",
        "authentication": _SECURITY,
        "authorization": _SECURITY,
        "rotateCertificates": _SECURITY,
        "serverTLSBootstrap": _SECURITY,
        "cgroupDriver": "it is set by homelab_cgroup_driver",
        "clusterDNS": "it follows from homelab_service_prefix",
        "clusterDomain": "it is set by homelab_cluster_domain",
        "containerRuntimeEndpoint": "it belongs to the collection",
        "staticPodPath": "it belongs to the collection",
    },
    "homelab_kube_proxy_config": {
        "apiVersion": "it belongs to the collection",
        "kind": "it belongs to the collection",
        "clientConnection": _SECURITY,
        "clusterCIDR": "it is set by homelab_pod_prefix",
    },
}


def check_settings(known: Values, timezones: frozenset[str], findings: Findings) -> None:
    """Report settings that a host or Kubernetes would refuse later, or that are ours to set."""
    _check_timezone(known.get("homelab_timezone"), timezones, findings)
    _check_time_servers(known.get("homelab_time_servers", []), findings)
    _check_kernel_modules(known.get("homelab_kernel_modules", []), findings)
    _check_preflight(known.get("homelab_preflight_ignore", []), findings)
    _check_kubeconfig(known.get("homelab_kubeconfig"), findings)
    for role, memory in known.get("homelab_minimum_memory", {}).items():
        if not 1 <= memory <= _MOST_MEMORY_MIB:
            reason = f"it is not between 1 and {_MOST_MEMORY_MIB} MiB"
            findings.add(f"homelab_minimum_memory.{role}", memory, reason, "Write it in MiB, for example 1700")
    for key, owned in _OWNED.items():
        for name in sorted(set(known.get(key, {})) & set(owned)):
            fix = f"Remove {name} from {key}" + (", and set that instead" if "homelab_" in owned[name] else "")
            findings.add(f"{key}.{name}", known[key][name], owned[name], fix)
    _check_scalars("homelab_containerd_runtime_config", known, findings)


def _check_timezone(name: str | None, timezones: frozenset[str], findings: Findings) -> None:
    if name is not None and timezones and name not in timezones:
        fix = f"{did_you_mean(name, timezones)}Use an IANA name, for example Europe/Berlin"
        findings.add("homelab_timezone", name, "there is no such time zone", fix)


def _check_time_servers(servers: t.Sequence[str], findings: Findings) -> None:
    for index, server in enumerate(servers):
        if not (is_name(server) or _is_address(server)):
            fix = "Write only the name or address, for example time.lab.home.arpa"
            findings.add(f"homelab_time_servers[{index}]", server, "it is neither a DNS name nor an IPv4 address", fix)


def _is_address(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True


def _check_kernel_modules(modules: t.Sequence[str], findings: Findings) -> None:
    for index, module in enumerate(modules):
        if not _MODULE.fullmatch(module):
            fix = "Write the module's name alone, for example br_netfilter"
            findings.add(f"homelab_kernel_modules[{index}]", module, "it is not the name of a kernel module", fix)


def _check_preflight(checks: t.Sequence[str], findings: Findings) -> None:
    for index, check in enumerate(checks):
        key = f"homelab_preflight_ignore[{index}]"
        if check.lower() == "all":
            findings.add(key, check, "it would hide every problem of every host", "Name the checks one by one")
        elif not _CHECK.fullmatch(check):
            fix = "Write it as kubeadm prints it in brackets, for example Swap"
            findings.add(key, check, "it is not the name of a kubeadm check", fix)


def _check_kubeconfig(path: str | None, findings: Findings) -> None:
    if path is None:
        return
    if not path.startswith(("/", "~")) or path.endswith("/") or path != path.strip():
        fix = "Write the path of a file, for example ~/.kube/home.conf"
        findings.add("homelab_kubeconfig", path, "it must be the absolute path of a file, or begin with ~", fix)


def _check_scalars(key: str, known: Values, findings: Findings) -> None:
    for name, value in known.get(key, {}).items():
        if not isinstance(name, str) or not isinstance(value, (str, int, bool)):
            fix = "Write text, a whole number, true or false"
            findings.add(f"{key}.{name}", value, "only single values can be laid over containerd's table", fix)
