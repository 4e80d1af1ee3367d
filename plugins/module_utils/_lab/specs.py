# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The argument specs of the input: types, defaults and nested keys, checked strictly.

Ansible's own check converts (1.36 becomes "1.36", "a" becomes ["a"]), which hides the mistakes people really make
(1.30 is the number 1.3), and it stops at the first error.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .problems import UNSET, Findings, did_you_mean

Values = dict[str, t.Any]

_TYPES: dict[str, tuple[type, str]] = {
    "str": (str, "text"),
    "int": (int, "a whole number"),
    "bool": (bool, "true or false"),
    "list": (list, "a list"),
    "dict": (dict, "a mapping of keys to values"),
    "raw": (object, "a value"),
}


@dataclass(frozen=True)
class Option:
    """One key: its type, whether it must be set, what it is otherwise, and what may be inside it."""

    type: str
    required: bool
    default: t.Any
    elements: str | None
    choices: tuple[str, ...]
    options: t.Mapping[str, Option] | None


Options = t.Mapping[str, Option]


def parse_options(document: t.Mapping[str, t.Any]) -> dict[str, Option]:
    """Return the options of an argument spec's `options` mapping.

    Raises ValueError where the spec names a type that this collection does not use.
    """
    options = {}
    for name, entry in document.items():
        kinds = [entry.get("type", "str"), entry.get("elements", "str")]
        for kind in kinds:
            if kind not in _TYPES:
                raise ValueError(f"Reading the spec of {name}: type {kind!r} is unknown. Use one of {sorted(_TYPES)}.")
        options[name] = Option(
            type=kinds[0],
            required=bool(entry.get("required", False)),
            default=entry.get("default", UNSET),
            elements=entry.get("elements"),
            choices=tuple(entry.get("choices", ())),
            options=parse_options(entry["options"]) if "options" in entry else None,
        )
    return options


def check(values: t.Mapping[str, t.Any], options: Options, findings: Findings, prefix: str = "") -> Values:
    """Return the values that have the right type, defaults filled in; what is wrong goes to *findings*.

    A key with a problem is left out of the result, so that later rules do not report the same mistake again.
    """
    _refuse_unknown(values, options, findings, prefix)
    result: Values = {}
    for name, option in options.items():
        key = prefix + name
        if name not in values or values[name] is None:
            if option.required:
                findings.add(key, UNSET, "it is required and not set", f"Set {key} to {_TYPES[option.type][1]}")
            elif option.default is not UNSET:
                result[name] = option.default
            continue
        checked = _check_value(key, values[name], option, findings)
        if checked is not UNSET:
            result[name] = checked
    return result


def _refuse_unknown(values: t.Mapping[str, t.Any], options: Options, findings: Findings, prefix: str) -> None:
    for name in values:
        if name in options:
            continue
        hint = did_you_mean(str(name), options)
        where = f"one of {', '.join(sorted(options))}" if prefix else "a key of roles/validate/defaults/main.yml"
        findings.add(f"{prefix}{name}", values[name], "this key is unknown", f"{hint}Remove it, or use {where}")


def _check_value(key: str, value: t.Any, option: Option, findings: Findings) -> t.Any:
    """Return the checked value, or UNSET when it has a problem of its own."""
    if not _has_type(value, option.type):
        findings.add(key, value, *_wrong_type(key, value, option.type))
        return UNSET
    if option.choices and value not in option.choices:
        hint = did_you_mean(value, option.choices)
        findings.add(key, value, "it is not among the choices", f"{hint}Use one of {', '.join(option.choices)}")
        return UNSET
    if option.type == "list" and option.elements:
        return _check_elements(key, value, option, findings)
    if option.type == "dict" and option.options is not None:
        # Nothing given, where that is the default, asks for nothing, not for the defaults of what is inside.
        return check(value, option.options, findings, f"{key}.") if value or option.default != {} else value
    return value


def _check_elements(key: str, value: list[t.Any], option: Option, findings: Findings) -> list[t.Any]:
    inner = Option(option.elements or "str", True, UNSET, None, (), option.options)
    checked = [_check_value(f"{key}[{index}]", item, inner, findings) for index, item in enumerate(value)]
    if option.elements == "dict":
        # Keep the positions: later messages name them.
        return [{} if item is UNSET else item for item in checked]
    return [item for item in checked if item is not UNSET]


def _has_type(value: t.Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind in ("bool", "raw")
    return isinstance(value, _TYPES[kind][0])


def _wrong_type(key: str, value: t.Any, kind: str) -> tuple[str, str]:
    got = next((name for tried, (_type, name) in _TYPES.items() if _has_type(value, tried)), type(value).__name__)
    reason = f"it must be {_TYPES[kind][1]}, but is {got}"
    if isinstance(value, float):
        reason = f"it must be {_TYPES[kind][1]}, but is a number with a fraction"
    if kind == "str" and not isinstance(value, (list, dict)):
        return reason, f'Put it in quotes: {key}: "{value}"'
    if kind == "list" and isinstance(value, str):
        return reason, f'Write a list: {key}: ["{value}"]'
    return reason, f"Write {_TYPES[kind][1]}"
