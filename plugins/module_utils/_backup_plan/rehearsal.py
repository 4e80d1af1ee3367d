# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rehearsal on all nodes proved. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import asdict, dataclass, field

from . import answers

Json = dict[str, t.Any]


@dataclass
class Rehearsal:
    """*proven* are volumes with their node; *failed* is by name, why it cannot be restored.

    *rto_seconds* is how long the slowest node took for its volumes, *rpo_seconds* how old the oldest backup is.
    *probed* are claims whose apps' own probes succeeded, with node and seconds, *unsound* why others did not.
    """

    proven: list[Json] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    rto_seconds: float = 0.0
    rpo_seconds: int = 0
    probed: list[Json] = field(default_factory=list)
    unsound: dict[str, str] = field(default_factory=dict)

    def as_data(self) -> Json:
        """Return it for programs."""
        return asdict(self)


def report(plan: Json, seen: t.Mapping[str, Json], probed: t.Mapping[str, Json]) -> Rehearsal:
    """Return what the nodes of plan["backup"] proved.

    *seen* are the results of volume_drill by node, *probed* those of volume_probe, {} of a node that had none to run.
    """
    found = Rehearsal(failed=answers.failed(plan["hosts"], seen))
    for node, result in answers.given(plan["hosts"], seen).items():
        found.proven += [{"node": node, "volume": name, **told} for name, told in result["volumes"].items()]
        seconds = sum(told["seconds"] for told in result["volumes"].values())
        found.rto_seconds = max(found.rto_seconds, round(seconds, 1))
    found.rpo_seconds = max((volume["age_s"] for volume in found.proven), default=0)
    for probe in plan["probes"]:
        _judge(found, probe["claim"], probed)
    return found


def _judge(found: Rehearsal, claim: str, probed: t.Mapping[str, Json]) -> None:
    """Add what became of the probe of a claim: it is run where the claim's volume was proven."""
    node = next((volume["node"] for volume in found.proven if volume["volume"] == claim), "")
    result = probed.get(node, {})
    if claim in result.get("probes", {}):
        found.probed.append({"node": node, "claim": claim, **result["probes"][claim]})
    elif node:
        why = (
            result.get("failed_probes", {}).get(claim) or result.get("msg") or "it was not run; is the node reachable?"
        )
        found.unsound[claim] = str(why)
    elif claim in found.failed or any(name.startswith("node ") for name in found.failed):
        found.unsound[claim] = "its volume was not restored, so that it was not run"
    else:
        found.unsound[claim] = "no node has a volume of that claim. Is it spelt as the claim is?"


def render(lab: str, url: str, found: Rehearsal, check: bool) -> str:
    """Return it for people; *url* is what was restored from.

    The last line is for programs, unless this was only a *check*, which proves nothing.
    """
    verb = "would be restored" if check else "restored and compared"
    lines = [f"{lab}: {len(found.proven)} volumes {verb} from {url}"]
    for volume in sorted(found.proven, key=lambda one: str(one["volume"])):
        size = "" if check else f", {volume['files']} files, {volume['bytes']} bytes in {volume['seconds']:.1f} s"
        lines.append(f"  {volume['volume']} on {volume['node']}: as of {volume['taken'][:19]}{size}")
    for probe in found.probed:
        told = "would be run" if check else f"succeeded in {probe['seconds']:.1f} s"
        lines.append(f"  probe of {probe['claim']} on {probe['node']}: {told}")
    failed = {**found.failed, **{f"probe of {claim}": why for claim, why in found.unsound.items()}}
    lines += ["FAILED:", *(f"  {name}: {why}" for name, why in failed.items())] if failed else []
    if not check:
        lines.append(
            f"drill volumes={len(found.proven)} checksums={'unproven' if found.failed else 'equal'} "
            f"rto_seconds={found.rto_seconds} rpo_seconds={found.rpo_seconds} "
            f"probes={len(found.probed)}/{len(found.probed) + len(found.unsound)}"
        )
    return "\n".join(lines)
