# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The compiler: from the storage and the backups of the plan to plan["alerts"], rules for a Prometheus. Pure."""

from __future__ import annotations

import typing as t

from .._storage.model import Storage
from .backups import backup_rules
from .file_systems import node_rules, tier_rules
from .model import Json, Rule
from .pools import pool_rules


def compile_alerts(nodes: t.Sequence[str], storage: Storage, backup: Json | None) -> Json:
    """Return plan["alerts"]: what a rule file of Prometheus is, JSON-able, the same for the same input.

    *nodes* are all of the cluster, *backup* is plan["backup"]. Without anything to look at a group is not there.
    """
    groups = {
        "nodes": node_rules(nodes),
        "tiers": tier_rules(storage),
        "pools": pool_rules(storage),
        "backups": backup_rules(backup) if backup else [],
    }
    return {"groups": [_group(name, rules) for name, rules in groups.items() if rules]}


def _group(name: str, rules: t.Sequence[Rule]) -> Json:
    return {"name": f"homelab-{name}", "rules": [rule.as_data() for rule in rules]}
