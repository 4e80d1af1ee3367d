# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: the controller's half: what a task wrote becomes what the module is sent."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .errors import HostError
from .model import digest
from .parse import kind_of, parse

Render = t.Callable[[str, "t.Sequence[str | None]"], "list[str]"]

_ITEM = "@item"
_REPEATED = ("file", "directory", "link", "mountpoint", "package", "kernel_module")


@dataclass
class Payload:
    """Plain resources, and each content once, under its SHA-256; secret contents apart from the others."""

    resources: list[dict[str, t.Any]] = field(default_factory=list)
    contents: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)


def build(raws: t.Any, render: Render) -> Payload:
    """Drop what ``when`` excludes, expand ``each``, render templates, and check the result.

    ``render`` gets a template's name and the items of ``each``, or one None, and returns a text for each.
    Raises HostError naming the place in the list as the task has it.
    """
    payload = Payload()
    if not isinstance(raws, list):
        raise HostError("Cannot use resources", "it is not a list", "Write a YAML list of resources")
    for index, raw in enumerate(raws):
        where = f"resources[{index}]"
        kind = kind_of(raw, where)
        if _wanted(raw, where):
            items = _items(raw, kind, where)
            for item, text in zip(items, _texts(raw, kind, where, items, render)):
                payload.resources.append(_ship(payload, dict(raw), kind, where, item, text))
    for sha256 in payload.secrets:
        payload.contents.pop(sha256, None)
    parse(payload.resources)
    return payload


def _wanted(raw: dict[str, t.Any], where: str) -> bool:
    value = raw.get("when", True)
    if not isinstance(value, bool):
        fix = "Write a boolean, or a template that gives one"
        raise HostError(f"Cannot use {where}", f"when {value!r} is not a boolean", fix)
    return value


def _items(raw: dict[str, t.Any], kind: str, where: str) -> t.Sequence[str | None]:
    if "each" not in raw:
        return [None]
    items = raw["each"]
    if kind not in _REPEATED or not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        cause = f"each {items!r} is not a list of texts on a {', '.join(_REPEATED)}"
        raise HostError(f"Cannot use {where}", cause, "Write a YAML list of texts; other types need one entry each")
    if _ITEM not in str(raw[kind]):
        cause = f"{kind} {raw[kind]!r} has no {_ITEM}"
        raise HostError(f"Cannot use {where}", cause, f"Put {_ITEM} into the path, so that each item has its own file")
    return items


def _texts(
    raw: dict[str, t.Any], kind: str, where: str, items: t.Sequence[str | None], render: Render
) -> t.Sequence[str | None]:
    if kind not in ("file", "unit") or not {"content", "template"} & set(raw):
        return [None] * len(items)
    template, content = raw.get("template"), raw.get("content")
    place = f"Cannot use {where} ({kind}:{raw[kind]})"
    if (template is None) == (content is None):
        raise HostError(place, "content and template exclude each other", "Give exactly one of them, not null")
    if template is not None:
        if not isinstance(template, str):
            raise HostError(place, f"template {template!r} is not a file name", "Write template: NAME.j2")
        return render(template, items)
    if not isinstance(content, str):
        cause = f"content is a {type(content).__name__}, not a text"
        raise HostError(place, cause, "Write a text, or add a filter such as to_nice_yaml")
    return [content if item is None else content.replace(_ITEM, item) for item in items]


def _ship(
    payload: Payload, raw: dict[str, t.Any], kind: str, where: str, item: str | None, text: str | None
) -> dict[str, t.Any]:
    for key in ("when", "each"):
        raw.pop(key, None)
    if item is not None:
        where = f"{where}, item {item!r}"
        raw.update({key: value.replace(_ITEM, item) for key, value in raw.items() if key in (kind, "target")})
    if text is not None:
        raw = {key: value for key, value in raw.items() if key not in ("content", "template")}
        secret = kind == "file" and raw.get("secret") is True
        (payload.secrets if secret else payload.contents)[digest(text)] = text
        raw["sha256"] = digest(text)
    return {"at": where, **raw}
