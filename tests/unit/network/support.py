# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiled networks for the tests: the one of tests/negative with changes, or a whole input."""

from __future__ import annotations

import typing as t

from ansible_collections.atarnet.homelab.plugins.module_utils._lab import model, plan

from tests.negative.cases import HERE, laid_over, read_yaml, the_lock, the_options

Json = dict[str, t.Any]


def compiled(changes: Json | None = None, **values: t.Any) -> Json:
    """Return plan["network"] of tests/negative/network.yml with *changes* laid over it."""
    network = laid_over(read_yaml(HERE / "network.yml"), changes or {})
    return compiled_input({**read_yaml(HERE / "base.yml"), "homelab_network": network, **values})


def parsed(values: Json) -> model.Lab:
    """Return the lab of a whole input; raises InputError."""
    return model.parse(values, the_options(), model.Surroundings(lock=the_lock()))


def compiled_input(values: Json) -> Json:
    """Return plan["network"] of a whole input."""
    network: Json = plan.compile_plan(parsed(values), the_lock())["network"]
    return network


def table(host: Json) -> str:
    """Return a host's firewall as a complete table."""
    return f"table inet homelab {{\n{host['firewall']}}}\n"
