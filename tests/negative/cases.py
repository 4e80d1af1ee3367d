# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the cases: whole inputs that must be refused, or accepted."""

from __future__ import annotations

import functools
import typing as t
import zoneinfo
from dataclasses import dataclass
from pathlib import Path

import yaml
from ansible_collections.atarnet.homelab.plugins.module_utils._lab import lock, model, specs

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
BASE_HOSTS = ("node1", "node2", "node3")


@dataclass(frozen=True)
class Case:
    """One input with its inventory; *errors* are regular expressions, one a problem, *expect* parts of the plan."""

    name: str
    variables: dict[str, t.Any]
    hosts: tuple[str, ...]
    other_hosts: tuple[str, ...]
    errors: tuple[str, ...]
    expect: dict[str, t.Any]


def read_yaml(path: Path) -> t.Any:
    """Return the content of a YAML file."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def read_cases(folder: str) -> list[Case]:
    """Return the cases of a folder, by file name."""
    return [_case(path) for path in sorted((HERE / folder).glob("*.yml"))]


def _case(path: Path) -> Case:
    entry = read_yaml(path)
    variables = {**read_yaml(HERE / "base.yml"), **entry.get("vars", {})}
    if "network" in entry:
        variables["homelab_network"] = laid_over(read_yaml(HERE / "network.yml"), entry["network"])
    for name in entry.get("without", ()):
        del variables[name]
    return Case(
        name=path.stem,
        variables=variables,
        hosts=tuple(entry.get("hosts", BASE_HOSTS)),
        other_hosts=tuple(entry.get("other_hosts", ())),
        errors=tuple(entry.get("errors", ())),
        expect=entry.get("expect", {}),
    )


def laid_over(base: t.Any, changes: t.Any) -> t.Any:
    """Return *base* with *changes* made: mappings key by key, null takes a key out, all else is replaced."""
    if not isinstance(base, dict) or not isinstance(changes, dict):
        return changes
    kept = {key: value for key, value in base.items() if key not in changes}
    return kept | {key: laid_over(base.get(key), value) for key, value in changes.items() if value is not None}


@functools.cache
def the_lock() -> lock.Lock:
    """Return the collection's own lock."""
    return lock.parse(read_yaml(CHECKOUT / "meta" / "artifacts.yml"))


@functools.cache
def the_options() -> dict[str, specs.Option]:
    """Return the collection's own input specs."""
    document = read_yaml(CHECKOUT / "roles" / "validate" / "meta" / "argument_specs.yml")
    return specs.parse_options(document["argument_specs"]["main"]["options"])


def parse(case: Case) -> model.Lab:
    """Return the lab of a case; raises InputError."""
    surroundings = model.Surroundings(
        lock=the_lock(),
        timezones=frozenset(zoneinfo.available_timezones()),
        inventory_hosts=frozenset(case.hosts + case.other_hosts),
        play_hosts=frozenset(case.hosts),
    )
    return model.parse(case.variables, the_options(), surroundings)
