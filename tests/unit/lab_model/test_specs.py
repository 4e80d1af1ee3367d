# SPDX-License-Identifier: GPL-3.0-or-later
"""Types are checked strictly, at every depth, and a value with a problem goes no further."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._lab.problems import Findings
from ansible_collections.atarnet.homelab.plugins.module_utils._lab.specs import check, parse_options

OPTIONS = parse_options(
    {
        "name": {"type": "str", "required": True},
        "size": {"type": "int", "default": 3},
        "on": {"type": "bool"},
        "kind": {"type": "str", "choices": ["red", "blue"], "default": "red"},
        "tags": {"type": "list", "elements": "str", "default": []},
        "free": {"type": "dict", "default": {}},
        "limits": {"type": "dict", "options": {"low": {"type": "int", "default": 1}, "high": {"type": "int"}}},
        "rows": {"type": "list", "elements": "dict", "options": {"id": {"type": "str", "required": True}}},
    }
)
INT, DICT = "a whole number", "a mapping of keys to values"
DEFAULTS = {"size": 3, "kind": "red", "tags": [], "free": {}}


def checked(values: dict[str, t.Any]) -> tuple[dict[str, t.Any], list[str]]:
    findings = Findings()
    result = check(values, OPTIONS, findings)
    return result, [str(problem) for problem in findings.problems]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {}),
        ({"size": 4}, {"size": 4}),
        ({"size": None}, {}),
        ({"on": False}, {"on": False}),
        ({"tags": ["a"]}, {"tags": ["a"]}),
        ({"free": {"any": [1]}}, {"free": {"any": [1]}}),
        ({"limits": {"high": 9}}, {"limits": {"low": 1, "high": 9}}),
        ({"rows": [{"id": "a"}]}, {"rows": [{"id": "a"}]}),
    ],
    ids=["defaults", "number", "null is unset", "bool", "list", "free mapping", "inner default", "rows"],
)
def test_sound(given: dict[str, t.Any], expected: dict[str, t.Any]) -> None:
    result, problems = checked({"name": "x", **given})
    assert problems == []
    assert result == {**DEFAULTS, "name": "x", **expected}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"size": "4"}, "size = \"4\": it must be a whole number, but is text. Write a whole number."),
        ({"size": True}, "size = true: it must be a whole number, but is true or false. Write a whole number."),
        ({"size": 1.5}, f"size = 1.5: it must be {INT}, but is a number with a fraction. Write {INT}."),
        ({"on": "yes"}, 'on = "yes": it must be true or false, but is text. Write true or false.'),
        ({"on": 1}, "on = 1: it must be true or false, but is a whole number. Write true or false."),
        ({"name": 7}, 'name = 7: it must be text, but is a whole number. Put it in quotes: name: "7".'),
        ({"name": ["x"]}, 'name = ["x"]: it must be text, but is a list. Write text.'),
        ({"tags": "a"}, 'tags = "a": it must be a list, but is text. Write a list: tags: ["a"].'),
        ({"tags": ["a", 2]}, 'tags[1] = 2: it must be text, but is a whole number. Put it in quotes: tags[1]: "2".'),
        ({"free": []}, f"free = []: it must be {DICT}, but is a list. Write {DICT}."),
        ({"kind": "rod"}, 'kind = "rod": it is not among the choices. Did you mean "red"? Use one of red, blue.'),
        (
            {"limits": {"hihg": 1}},
            'limits.hihg = 1: this key is unknown. Did you mean "high"? Remove it, or use one of high, low.',
        ),
        ({"rows": [{}]}, "rows[0].id: it is required and not set. Set rows[0].id to text."),
        ({"rows": ["a"]}, f'rows[0] = "a": it must be {DICT}, but is text. Write {DICT}.'),
    ],
    ids=[
        "text for int", "bool for int", "fraction for int", "text for bool", "int for bool", "int for text",
        "list for text", "text for list", "element", "list for mapping", "choice", "inner key", "inner required", "row",
    ],
)  # fmt: skip
def test_refused(given: dict[str, t.Any], message: str) -> None:
    _result, problems = checked({"name": "x", **given})
    assert problems == [message]


def test_a_value_with_a_problem_is_left_out() -> None:
    result, problems = checked({"size": "four", "tags": [1, "a"], "rows": [3, {"id": "b"}]})
    assert "size" not in result
    assert "name" not in result
    assert result["tags"] == ["a"]
    # Rows keep their places, because later messages name them.
    assert result["rows"] == [{}, {"id": "b"}]
    assert len(problems) == 4


def test_a_spec_with_an_unknown_type_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Reading the spec of key: type 'path' is unknown\. Use one of"):
        parse_options({"key": {"type": "path"}})
