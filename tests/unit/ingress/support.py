# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role ingress renders from a plan."""

from __future__ import annotations

import typing as t

import jinja2
import yaml
from ansible_collections.atarnet.homelab.plugins.module_utils._lab import model
from ansible_collections.atarnet.homelab.plugins.module_utils._lab.plan import compile_plan

from tests.negative.cases import CHECKOUT, HERE, read_yaml, the_lock, the_options

Json = dict[str, t.Any]
TEMPLATES = CHECKOUT / "roles" / "ingress" / "templates"


def plan(provider: str, nginx_config: t.Mapping[str, str] | None = None, **variables: t.Any) -> Json:
    """Return the lab plan with this controller; *variables* are laid over the input, without their prefix."""
    given = {
        **read_yaml(HERE / "base.yml"),
        "homelab_network": read_yaml(HERE / "network.yml"),
        "homelab_ingress": {"provider": provider, "nginx_config": nginx_config or {}},
        **{f"homelab_{name}": value for name, value in variables.items()},
    }
    return compile_plan(model.parse(given, the_options(), model.Surroundings(lock=the_lock())), the_lock())


def rendered(of: Json) -> list[Json]:
    """Return the objects that the role renders from a plan."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), trim_blocks=True, undefined=jinja2.StrictUndefined
    )
    texts = [environment.get_template(f"{name}.yaml.j2") for name in ("common", of["ingress"]["provider"])]
    return [item for text in texts for item in yaml.safe_load_all(text.render(ingress_plan=of)) if item]


def only(objects: t.Iterable[Json], kind: str) -> Json:
    """Return the only object of a kind."""
    found = [item for item in objects if item["kind"] == kind]
    assert len(found) == 1, kind
    return found[0]
