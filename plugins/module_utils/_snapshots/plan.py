# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wanted snapshots x what the cluster has -> ordered changes, or everything that stands against them. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .._kube.errors import KubeError
from .._kube.model import Ref
from .._lab.problems import did_you_mean
from .model import ABSENT, LONGEST_NAME, Json, Snapshot, Wanted, manifest, snapshot_ref

_BY_LOCAL_PATH = "its volume is a folder of local-path, which has no snapshots. Use a tier of topolvm"


@dataclass(frozen=True)
class Seen:
    """What the cluster has: claims by NAMESPACE/CLAIM, volumes by name, the classes of snapshots, and snapshots."""

    claims: t.Mapping[str, Json]
    volumes: t.Mapping[str, Json]
    classes: t.Sequence[Json]
    snapshots: t.Sequence[Snapshot]


@dataclass(frozen=True)
class Change:
    """A snapshot that is made (*body* is what), or removed (*gone* is which)."""

    ref: Ref
    body: Json | None = None
    gone: Snapshot | None = None

    def summary(self) -> Json:
        """Return the change in short."""
        return {"object": str(self.ref), "action": "create" if self.body else "delete"}


@dataclass
class Plan:
    """The changes in order; *awaited* are the snapshots that are to be ready."""

    changes: list[Change] = field(default_factory=list)
    awaited: list[Ref] = field(default_factory=list)


def make_plan(wanted: Wanted, seen: Seen) -> Plan:
    """Return what is to be done. Raises KubeError with every claim that cannot have what is wanted."""
    plan, problems = Plan(), []
    for claim in wanted.claims:
        namespace, _slash, own = claim.partition("/")
        ref = snapshot_ref(namespace, f"{own}-{wanted.name}")
        there = next((one for one in seen.snapshots if one.ref == ref), None)
        if wanted.state == ABSENT:
            if there is not None:
                plan.changes.append(Change(ref, gone=there))
            continue
        problem = _against(claim, ref, there, seen, wanted.kind) if there is None or there.claim != own else ""
        if problem:
            problems.append(f"Taking a snapshot of {claim}: {problem}.")
            continue
        plan.awaited.append(ref)
        if there is None:
            plan.changes.append(Change(ref, body=manifest(claim, ref.name, wanted.kind)))
        plan.changes += [Change(one.ref, gone=one) for one in _superfluous(claim, ref, wanted.keep, seen)]
    if problems:
        raise KubeError("\n".join(problems))
    # What is to take another's place is there before that one goes.
    plan.changes.sort(key=lambda change: change.gone is not None)
    return plan


def _against(claim: str, ref: Ref, there: Snapshot | None, seen: Seen, kind: str) -> str:
    """Return why a claim can have no such snapshot, with the fix; empty when it can."""
    if there is not None:
        return f"{ref.name} is one of {there.claim or 'another content'} already. Choose another name"
    if len(ref.name) > LONGEST_NAME:
        return f"{ref.name} is longer than {LONGEST_NAME} characters. Choose a shorter name"
    found = seen.claims.get(claim)
    if found is None:
        hint = did_you_mean(claim, seen.claims)
        return f"there is no such claim. {hint}`kubectl get pvc --all-namespaces` lists them"
    volume = seen.volumes.get(found["spec"].get("volumeName") or "")
    if volume is None:
        return "it has no volume yet, so that nothing is in it. Start the pod that uses it"
    driver = (volume["spec"].get("csi") or {}).get("driver", "")
    if not driver:
        local = "local" in volume["spec"] or "hostPath" in volume["spec"]
        return (
            _BY_LOCAL_PATH if local else "its volume was made by no CSI driver, and only these have snapshots. Use one"
        )
    fitting = [one["metadata"]["name"] for one in seen.classes if one["driver"] == driver]
    if not fitting:
        return f"no VolumeSnapshotClass is of its driver {driver}. Make one"
    if kind and kind not in fitting:
        return f"the class {kind} is none of its driver {driver}. Use {' or '.join(fitting)}"
    return ""


def _superfluous(claim: str, ref: Ref, keep: int, seen: Seen) -> list[Snapshot]:
    """Return the snapshots of a claim that were made here and are not among the youngest *keep*, *ref* being one."""
    namespace, _slash, own = claim.partition("/")
    others = [
        one
        for one in seen.snapshots
        if one.made_here and (one.namespace, one.claim) == (namespace, own) and one.ref != ref
    ]
    others.sort(key=lambda one: (one.created, one.name), reverse=True)
    return others[keep - 1 :] if keep else []
