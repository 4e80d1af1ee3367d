# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role writes is what the engine reads."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import jinja2
import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._backup import model, restic
from ansible_collections.atarnet.homelab.plugins.module_utils._lab.plan import compile_plan

from tests.negative.cases import CHECKOUT, Case, parse, read_cases, the_lock

Json = dict[str, t.Any]
CASES = {case.name: case for case in read_cases("accepted") if case.name.startswith("backup")}


def rendered(name: str, **variables: t.Any) -> str:
    """Return what the role renders of a template, as host_state does."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(CHECKOUT / "roles" / "backup" / "templates"),
        trim_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["combine"] = lambda one, other: {**one, **other}
    environment.filters["to_nice_json"] = lambda data, **how: json.dumps(data, **how)
    return environment.get_template(name).render(ansible_managed="Ansible", **variables)


def plan(case: Case) -> Json:
    """Return the whole plan of a case."""
    return compile_plan(parse(case), the_lock())


def wanted(of: Json, node: str) -> model.Wanted:
    """Return what the engine of a node reads."""
    here = of["backup"]["hosts"][node]
    elsewhere = of["backup"]["elsewhere"] or {"repository": {}}
    told = {"backup_plan": of, "backup_host": node, "backup_here": here, "backup_elsewhere": elsewhere}
    told["backup_copies"] = elsewhere.get("node") == node
    return model.parse(json.loads(rendered("backup.json.j2", **told)))


def test_the_engine_reads_what_the_plan_says() -> None:
    of = plan(CASES["backup"])
    first, second = (wanted(of, node) for node in ("node2", "node3"))
    assert (first.lab, first.node, first.makes_repository, second.makes_repository) == ("home", "node2", True, False)
    assert [tier.folder for tier in second.tiers] == ["/srv/ssd/volumes", "/srv/hdd/volumes"]
    hooks = {volume.name: volume.hook and volume.hook.kind for volume in first.volumes}
    assert hooks == {"media/books": "sqlite", "media/films": "sqlite"}
    assert first.hooks["shop/database"].labels == {"app.kubernetes.io/name": "shop-db"}
    assert first.leave_out == {"media/cache"}
    # Nodes cannot remove what is append-only.
    assert first.keep == {} and "forget" not in rendered("homelab-backup.service.j2", backup_here=_here(of, "node2"))


def test_one_node_forgets() -> None:
    of = plan(CASES["backup_path"])
    assert [dict(wanted(of, node).keep) for node in ("node2", "node3")] == [{"daily": 7, "weekly": 4, "monthly": 6}, {}]
    lines = [rendered("homelab-backup.service.j2", backup_here=_here(of, node)) for node in ("node2", "node3")]
    assert ["homelab-backup forget" in text for text in lines] == [True, False]


def test_all_nodes_know_the_copy_and_forget_in_it_where_they_may() -> None:
    for case, kept, at in (("backup", {}, "*-*-* 12:00:00"), ("backup_copy", {"daily": 3}, "*-*-* 06:00:00")):
        of = plan(CASES[case])
        for node in of["backup"]["hosts"]:
            copy = wanted(of, node).copy
            assert copy and copy.repository.is_copy and copy.keep == kept
            assert bool(copy.metrics_file) is (node == "node2")
            assert copy.repository.url == of["backup"]["elsewhere"]["repository"]["url"]
        told = {"backup_elsewhere": of["backup"]["elsewhere"]}
        assert ("forget --copy" in rendered("homelab-backup-copy.service.j2", **told)) is bool(kept)
        assert f"OnCalendar={at}\n" in rendered("homelab-backup-copy.timer.j2", **told)
    assert wanted(plan(CASES["backup_path"]), "node2").copy is None


def _here(of: Json, node: str) -> Json:
    return dict(of["backup"]["hosts"][node])


@pytest.mark.parametrize("value", ["plain", "with blanks", '"quoted"', "'quoted'", "a=b#c;d", "$HOME \\ `x`", '"'])
def test_credentials_arrive_as_they_are(value: str, tmp_path: Path) -> None:
    path = tmp_path / "environment"
    given = {"RESTIC_REST_USERNAME": "lab", "RESTIC_REST_PASSWORD": value}
    for name, variable in (("backup", "backup_environment"), ("backup.copy", "backup_copy_environment")):
        path.write_text(rendered(f"{name}.environment.j2", **{variable: given}), encoding="utf-8")
        path.chmod(0o600)
        own = restic.Restic(model.Repository("/r", str(path), str(path)), model.Places()).environment()
        assert {name: own[name] for name in given} == given
