# SPDX-License-Identifier: GPL-3.0-or-later
"""Generated damage to hosts and to the cluster's own objects, with the answer key: which resource was damaged where."""

from __future__ import annotations

import random
import typing as t
from dataclasses import dataclass

CLUSTER = "cluster"
# Unit files cannot be gone without their unit being disabled as well, and a mounted file cannot be removed.
_STAYS = ("/etc/systemd/system/", "/etc/hosts")
# These belong to the kernel, which containers share.
_SHARED = "sysctl:fs."
_UNITS_TO_STOP = ("homelab-approve-serving.timer",)

Ledger = dict[str, t.Any]


@dataclass(frozen=True)
class Mutation:
    """One damage: its kind, where (a host or the cluster), of what, and the shell script that does it."""

    kind: str
    where: str
    object: str
    script: str


def of_host(host: str, ledger: Ledger) -> list[Mutation]:
    """Return every damage that can be done to what the ledger of *host* lists."""
    found: list[Mutation] = []
    for owner in ledger["owners"].values():
        for identity, entry in owner["entries"].items():
            kind, _colon, name = identity.partition(":")
            found += [Mutation(what, host, identity, script) for what, script in _scripts(kind, name, entry)]
    return found


def _scripts(kind: str, name: str, entry: Ledger) -> t.Iterator[tuple[str, str]]:
    if kind == "file":
        yield "file content", f"echo '# by hand' >> {name}"
        yield "file mode", f"chmod 0640 {name}"
        yield "file owner", f"chown nobody {name}"
        if not name.startswith(_STAYS):
            yield "file gone", f"rm {name}"
    elif kind == "directory":
        yield "directory mode", f"chmod 0750 {name}"
    elif kind == "link":
        yield "link target", f"ln -sfn /nowhere {name}"
    elif kind == "archive":
        member = sorted(entry["members"])[0]
        yield (
            "archive member changed",
            f"cp -p {member} {member}.new && echo >> {member}.new && mv {member}.new {member}",
        )
        yield "archive member mode", f"chmod 0700 {member}"
    elif kind == "sysctl" and not f"{kind}:{name}".startswith(_SHARED):
        yield "kernel parameter", f"sysctl -qw {name}=0"
    elif kind == "unit":
        if name.endswith(".timer") or name in ("containerd.service", "kubelet.service"):
            yield "unit disabled", f"systemctl disable -q {name}"
        if name in _UNITS_TO_STOP:
            yield "unit stopped", f"systemctl stop {name}"


def of_cluster() -> list[Mutation]:
    """Return every damage that is done to the pod network's own objects."""
    space = "kubectl -n kube-flannel"
    return [
        Mutation(kind, CLUSTER, name, script)
        for kind, name, script in (
            (
                "object field",
                "v1 ConfigMap kube-flannel/kube-flannel-cfg",
                f'{space} patch configmap kube-flannel-cfg -p \'{{"data": {{"cni-conf.json": "{{}}"}}}}\'',
            ),
            (
                "object label",
                "v1 Namespace kube-flannel",
                "kubectl label namespace kube-flannel --overwrite pod-security.kubernetes.io/enforce=baseline",
            ),
            (
                "object gone",
                "rbac.authorization.k8s.io/v1 ClusterRoleBinding flannel",
                "kubectl delete clusterrolebinding flannel",
            ),
            (
                "object list",
                "rbac.authorization.k8s.io/v1 ClusterRole flannel",
                'kubectl patch clusterrole flannel --type json -p \'[{"op": "remove", "path": "/rules/0"}]\'',
            ),
        )
    ]


def choose(possible: t.Iterable[Mutation], count: int, seed: int) -> list[Mutation]:
    """Return *count* damages, at most one to an object, of as many kinds as there are."""
    randomness = random.Random(seed)
    by_kind: dict[str, list[Mutation]] = {}
    for mutation in possible:
        by_kind.setdefault(mutation.kind, []).append(mutation)
    for mutations in by_kind.values():
        randomness.shuffle(mutations)
    chosen: dict[tuple[str, str], Mutation] = {}
    while len(chosen) < count and any(by_kind.values()):
        for mutations in by_kind.values():
            while mutations and len(chosen) < count:
                mutation = mutations.pop()
                if (mutation.where, mutation.object) not in chosen:
                    chosen[mutation.where, mutation.object] = mutation
                    break
    return list(chosen.values())
