# SPDX-License-Identifier: GPL-3.0-or-later
"""Storage for the tests: what inputs are compiled to, and what the role renders of that."""

from __future__ import annotations

import json
import typing as t

import jinja2
import yaml
from ansible_collections.atarnet.homelab.plugins.module_utils._lab import model
from ansible_collections.atarnet.homelab.plugins.module_utils._lab.plan import compile_plan

from tests.negative.cases import CHECKOUT, HERE, read_yaml, the_lock, the_options

Json = dict[str, t.Any]
TEMPLATES = CHECKOUT / "roles" / "storage" / "templates"
TIERS: list[Json] = [
    {"name": "ssd", "folder": "/srv/ssd", "nodes": ["node2"], "default": True},
    {"name": "hdd", "folder": "/srv/hdd", "mounted": False},
]
MUSIC: Json = {"name": "music", "node": "node2", "folder": "/srv/hdd/My Music", "namespace": "media", "size": "100Gi"}


HARDWARE: Json = {
    "hosts": [
        {"name": "node2", "disks": [{"serial": "FAST-1", "tier": "ssd"}, {"serial": "LARGE-1", "tier": "hdd"}]},
        {"name": "node3", "disks": [{"serial": "FAST-2", "tier": "ssd"}]},
    ]
}
POOLS: list[Json] = [
    {"name": "ssd", "default": True},
    {"name": "hdd", "overprovision": 100},
    {"name": "spare", "group": "debian-vg", "size": "1.5Ti", "nodes": ["node3"]},
]


def plan(storage: Json, hardware: Json | None = None) -> Json:
    """Return the whole plan; nothing may be wrong with the input."""
    given = {**read_yaml(HERE / "base.yml"), "homelab_storage": storage, "homelab_hardware": hardware or {}}
    return compile_plan(model.parse(given, the_options(), model.Surroundings(lock=the_lock())), the_lock())


def rendered(of: Json, template: str = "provisioner.yaml.j2") -> list[Json]:
    """Return the objects that the role renders from a plan, or the documents of another template."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), trim_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["to_json"] = json.dumps
    text = environment.get_template(template).render(storage_plan=of)
    return [item for item in yaml.safe_load_all(text) if item]


def only(objects: t.Iterable[Json], kind: str, name: str | None = None) -> Json:
    """Return the only object of a kind, or of a kind and a name."""
    found = [item for item in objects if item["kind"] == kind and name in (None, item["metadata"]["name"])]
    assert len(found) == 1, kind
    return found[0]
