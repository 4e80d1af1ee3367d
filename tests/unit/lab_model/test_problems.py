# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user reads."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._lab.problems import (
    UNSET,
    InputError,
    Problem,
    did_you_mean,
    show,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", '"a"'),
        (1.36, "1.36"),
        (True, "true"),
        (["a", 1], '["a", 1]'),
        ({"k": None}, '{"k": null}'),
        ("ü", '"ü"'),
        ("http://me:pw@host/x", '"http://***@host/x"'),
        ("x" * 200, '"' + "x" * 118 + "…"),
    ],
    ids=["text", "fraction", "bool", "list", "mapping", "umlaut", "password in URL", "long"],
)
def test_show(value: t.Any, text: str) -> None:
    assert show(value) == text


@pytest.mark.parametrize(
    ("word", "hint"),
    [("adress", 'Did you mean "address"? '), ("address", 'Did you mean "address"? '), ("zzz", "")],
    ids=["near", "equal", "far"],
)
def test_did_you_mean(word: str, hint: str) -> None:
    assert did_you_mean(word, {"address", "role", "name"}) == hint


def test_problem_names_key_value_reason_and_fix() -> None:
    assert str(Problem("a.b", 1, "it is odd", "Write 2")) == "a.b = 1: it is odd. Write 2."
    assert str(Problem("a.b", UNSET, "it is not set", "Set it")) == "a.b: it is not set. Set it."


def test_values_of_secret_keys_are_hidden() -> None:
    assert str(Problem("homelab_dns_token", "s3cret", "odd", "Fix")) == "homelab_dns_token = ***: odd. Fix."


def test_report_numbers_all_problems() -> None:
    one, two = Problem("a", 1, "bad", "Fix"), Problem("b", 2, "bad", "Fix")
    assert str(InputError([one])).splitlines()[0].endswith("1 problem, no host was touched.")
    assert str(InputError([one, two])).splitlines() == [
        "Checking the homelab_* input: 2 problems, no host was touched.",
        "  1. a = 1: bad. Fix.",
        "  2. b = 2: bad. Fix.",
    ]
