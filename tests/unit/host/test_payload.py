# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller sends: each content once, secrets apart, and mistakes found before any host is touched."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError
from ansible_collections.atarnet.homelab.plugins.module_utils._host.model import digest
from ansible_collections.atarnet.homelab.plugins.module_utils._host.payload import build


def render(name: str, items: t.Sequence[str | None]) -> list[str]:
    return [f"{name}={item}" for item in items]


def test_each_is_expanded_with_item_in_path_and_template() -> None:
    payload = build([{"file": "/etc/@item.conf", "each": ["a", "b"], "template": "t.j2"}], render)
    assert payload.resources == [
        {"at": "resources[0], item 'a'", "file": "/etc/a.conf", "sha256": digest("t.j2=a")},
        {"at": "resources[0], item 'b'", "file": "/etc/b.conf", "sha256": digest("t.j2=b")},
    ]
    assert payload.contents == {digest("t.j2=a"): "t.j2=a", digest("t.j2=b"): "t.j2=b"}


def test_each_on_mount_points_and_contents() -> None:
    raws = [
        {"mountpoint": "@item", "each": ["/a", "/b"]},
        {"file": "@item/mark", "each": ["/a"], "content": "On @item.\n"},
    ]
    payload = build(raws, render)
    assert [raw.get("mountpoint") for raw in payload.resources] == ["/a", "/b", None]
    assert list(payload.contents.values()) == ["On /a.\n"]


def test_each_on_directory_and_link() -> None:
    raws = [{"directory": "/d/@item", "each": ["a"]}, {"link": "/l/@item", "target": "/d/@item", "each": ["a"]}]
    shipped = build(raws, render).resources
    assert (shipped[0]["directory"], shipped[1]["link"], shipped[1]["target"]) == ("/d/a", "/l/a", "/d/a")


def test_excluded_is_neither_rendered_nor_checked() -> None:
    raws = [{"file": "/x", "template": "t.j2", "when": False}, {"package": "socat", "when": True}]
    payload = build(raws, lambda *_args: pytest.fail("rendered"))
    assert payload.resources == [{"at": "resources[1]", "package": "socat"}]


def test_equal_contents_are_sent_once_and_as_secret_if_any_is() -> None:
    raws = [{"file": f"/{name}", "content": "same", "secret": name == "b"} for name in "abc"]
    payload = build(raws, render)
    assert payload.contents == {} and payload.secrets == {digest("same"): "same"}


REFUSED: dict[str, tuple[t.Any, list[str]]] = {
    "no list": ({}, ["resources", "not a list"]),
    "when is text": ([{"package": "socat", "when": "no"}], ["resources[0]", "when 'no'", "boolean"]),
    "each on unit": ([{"unit": "@item.service", "each": ["a"]}], ["each ['a']", "file, directory, link"]),
    "each without item": ([{"directory": "/a", "each": ["a"]}], ["directory '/a' has no @item"]),
    "each of numbers": ([{"directory": "/@item", "each": [1]}], ["each [1]", "list of texts"]),
    "both": ([{"file": "/a", "content": "", "template": "t"}], ["(file:/a)", "exclude each other"]),
    "content null": ([{"file": "/a", "content": None}], ["content and template exclude each other", "not null"]),
    "content is a mapping": ([{"file": "/a", "content": {"a": 1}}], ["content is a dict", "to_nice_yaml"]),
    "neither": ([{"file": "/a"}], ["content and template are both missing"]),
    "wrong later": ([{"package": "socat"}, {"file": "a", "content": ""}], ["resources[1] (file:a)", "absolute path"]),
    "in an item": ([{"file": "@item", "content": "", "each": ["/a", "b"]}], ["resources[0], item 'b'"]),
}


@pytest.mark.parametrize(("raws", "words"), REFUSED.values(), ids=REFUSED)
def test_refused(raws: t.Any, words: list[str]) -> None:
    with pytest.raises(HostError) as caught:
        build(raws, render)
    assert [word for word in words if word not in str(caught.value)] == [], str(caught.value)
