# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is backed up and what is not, of everything that the cluster has: named before it is missed. Pure."""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import asdict, dataclass, field

from .._backup.model import PROBES
from . import answers
from .volumes import nodes_of

Json = dict[str, t.Any]

# What no node backs up, whatever the input says.
NEVER = {
    "what pods write outside of claims": "emptyDir, hostPath and containers' own file systems go with them",
}


@dataclass
class Report:
    """*saved* are volumes with how they are read; *not_saved* and *failed* are by name with the reason.

    *failed* should have been saved. *doubts* are about what is saved. *copied* are "snapshots" that went to the
    copy, which had "count" before; {} where there is none.
    """

    saved: list[Json] = field(default_factory=list)
    not_saved: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)
    copied: dict[str, int] = field(default_factory=dict)

    def as_data(self) -> Json:
        """Return it for programs."""
        return asdict(self)


def report(
    plan: Json,
    seen: t.Mapping[str, Json],
    claims: t.Sequence[Json],
    volumes: t.Sequence[Json],
    copied: t.Mapping[str, Json],
) -> Report:
    """Return what becomes of every claim.

    *plan* is plan["backup"]; *seen* are the results of volume_backup by node, {} of a node that was not asked; *claims*
    and *volumes* are the cluster's PersistentVolumeClaims and PersistentVolumes, empty when there is no cluster;
    *copied* are the results of backup_copy by node.
    """
    found = Report(not_saved=dict(plan["not_saved"]), failed=answers.failed(plan["hosts"], seen))
    for node, result in answers.given(plan["hosts"], seen).items():
        found.saved += [{"node": node, **volume} for volume in result["volumes"]]
        found.doubts += [f"{node}: {text}" for text in result.get("doubts") or ()]
    found.saved = [volume for volume in found.saved if volume["volume"] not in found.failed]
    _tell_claims(found, plan, claims, {item["metadata"]["name"]: item for item in volumes})
    _tell_hooks(found, plan, complete=not any(name.startswith("node ") for name in found.failed))
    if plan["elsewhere"]:
        _tell_copy(found, plan["elsewhere"], copied.get(plan["elsewhere"]["node"], {}))
    return found


def _tell_copy(found: Report, elsewhere: Json, result: Json) -> None:
    found.doubts += elsewhere["doubts"]
    if "snapshots" in result:
        found.copied = {"snapshots": len(result["snapshots"]), "count": result["count"]}
        return
    why = result.get("msg") or f"{elsewhere['node']} was not asked; is it reachable?"
    last = result.get("last_success")
    moment = datetime.datetime.fromtimestamp(last, datetime.timezone.utc) if last else None
    age = f"The last complete one is of {moment:%Y-%m-%d %H:%M} UTC" if moment else "No complete one is known"
    found.failed["the copy"] = f"{why} {age}."


def _tell_claims(found: Report, plan: Json, claims: t.Sequence[Json], volumes: t.Mapping[str, Json]) -> None:
    known = {volume["volume"] for volume in found.saved} | set(found.not_saved) | set(found.failed)
    asked = {node for node in plan["hosts"] if f"node {node}" not in found.failed}
    for item in claims:
        name = f"{item['metadata']['namespace']}/{item['metadata']['name']}"
        if name in known:
            continue
        volume = volumes.get(item["spec"].get("volumeName", ""))
        if name.startswith(PROBES):
            found.not_saved[name] = "a drill that was killed left it. Run drill.yml again, or delete the namespace"
            continue
        found.not_saved[name] = _why(plan, item, volume, asked)


def _why(plan: Json, claim: Json, volume: Json | None, asked: t.Collection[str]) -> str:
    if volume is None:
        return "it has no volume yet, and so nothing is in it"
    tiers = {tier["name"] for host in plan["hosts"].values() for tier in host["tiers"]}
    kind = claim["spec"].get("storageClassName") or ""
    if kind in plan["not_saved_tiers"]:
        return str(plan["not_saved_tiers"][kind])
    if kind not in tiers:
        of = f"of the class {kind}" if kind else "of no class"
        return f"it is {of}, and only volumes of the tiers of homelab_storage are backed up, and its libraries"
    nodes = nodes_of(volume)
    if nodes and not set(nodes) & set(asked):
        return f"it is on {', '.join(nodes)}, which did not answer"
    return f"no folder of it was found{' on ' + ', '.join(nodes) if nodes else ''}; `kubectl describe` its volume"


def _tell_hooks(found: Report, plan: Json, complete: bool) -> None:
    """A hook of a claim that nobody has is a name that was misspelt, and a copy that is worth less than was thought."""
    saved = {volume["volume"] for volume in found.saved} | set(found.failed)
    hooks: list[Json] = next((host["hooks"] for host in plan["hosts"].values()), [])
    for hook in hooks:
        if hook["claim"] not in saved and complete:
            found.doubts.append(
                f"homelab_backup.hooks has one for {hook['claim']}, and no node has a volume of that claim. "
                "Is it spelt as the claim is?"
            )


def render(lab: str, plan: Json, found: Report, changed: bool | None) -> str:
    """Return the report for people; *changed* is whether something was new, None when nothing was saved yet."""
    verb = "would be saved" if changed is None else "saved"
    lines = [f"{lab}: {len(found.saved)} volumes {verb} to {plan['repository']['url']}"]
    for volume in sorted(found.saved, key=lambda one: str(one["volume"])):
        size = f", {volume['files']} files, {volume['bytes']} bytes" if "files" in volume else ""
        hook = f" and a dump ({volume['hook']})" if volume["hook"] and volume["hook"] != "freeze" else ""
        lines.append(f"  {volume['volume']} on {volume['node']}: {volume['method']}{hook}{size}")
    if found.copied:
        where = f"{plan['elsewhere']['repository']['url']}, which had {found.copied['count']}"
        verb = "would be copied" if changed is None else "copied"
        lines.append(f"{found.copied['snapshots']} snapshots {verb} to {where}")
    for title, rows in (("FAILED", found.failed), ("not saved", {**found.not_saved, **NEVER})):
        lines += [f"{title}:", *(f"  {name}: {rows[name]}" for name in rows)] if rows else []
    lines += ["mind:", *(f"  {text}" for text in found.doubts)] if found.doubts else []
    if plan["forget"]:
        lines += ["nodes remove no old backup; who may do it runs:", f"  {plan['forget']}"]
    if (plan["elsewhere"] or {}).get("forget"):
        lines += ["nor do they in the copy:", f"  {plan['elsewhere']['forget']}"]
    return "\n".join(lines)
