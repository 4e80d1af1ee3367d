# SPDX-License-Identifier: GPL-3.0-or-later
"""Wrong input is refused with key, value, reason and fix, and with no password in sight."""

from __future__ import annotations

import re
import typing as t

import pytest
import yaml

from tests.unit.routes.support import HERE, SHOP, Json, problems, shop

CASES: list[Json] = yaml.safe_load((HERE / "rejected.yml").read_text(encoding="utf-8"))
BCRYPT = f"$2y$05${'a' * 53}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.get("route", case.get("routes")))[:60])
def test_rejected(case: Json) -> None:
    found = problems(case["routes"] if "routes" in case else shop(case["route"]), case.get("provider", "nginx"))
    missed = [pattern for pattern, text in zip(case["errors"], found) if not re.search(pattern, text)]
    assert (missed, len(found)) == ([], len(case["errors"])), found
    assert "correct-horse" not in str(found)


# Of these, none is a part of a name, a path or a value; some are text in the value of a header.
HOSTILE = [
    "x;y",
    "x{y",
    "x}y",
    "x$y",
    "x`y",
    "x\ny",
    "x\ry",
    "x\0y",
    "x\ty",
    "x y",
    "xéy",
    'x"y',
    "x'y",
    "x\\y",
    " x",
    "x ",
    "٣",
]
TEXT = ["x;y", "x`y", "x y", "x'y"]


def external(**changes: t.Any) -> Json:
    """Return a route with external authentication."""
    return {"auth": {"external": {"service": "guard", "port": 80, "path": "/auth", **changes}}}


PLACES: dict[str, t.Callable[[str], Json]] = {
    "host": lambda text: {"host": f"{text}.example.org"},
    "namespace": lambda text: {"namespace": text},
    "path": lambda text: {"paths": [{"path": f"/{text}", "service": "web", "port": 80}]},
    "exact": lambda text: {"paths": [{"path": f"/{text}", "match": "exact", "service": "web", "port": 80}]},
    "service": lambda text: {"paths": [{"path": "/", "service": text, "port": 80}]},
    "secret": lambda text: {"tls": {"secret": text}},
    "rate": lambda text: {"rate_limit": {"per_second": 1, "key": {"header": text}}},
    "body": lambda text: {"max_body": f"1{text}"},
    "source": lambda text: {"sources": [f"fd00::%{text}/64"]},
    "request header": lambda text: {"headers": {"request": {text: "a"}}},
    "response header": lambda text: {"headers": {"response": {text: "a"}}},
    "user": lambda text: {"auth": {"basic": {"users": {text: BCRYPT}}}},
    "hash": lambda text: {"auth": {"basic": {"users": {"anna": f"{BCRYPT}{text}"}}}},
    "auth service": lambda text: external(service=text),
    "auth namespace": lambda text: external(namespace=text),
    "auth path": lambda text: external(path=f"/{text}"),
    "sign in": lambda text: external(sign_in=f"/a/{text}"),
    "auth header": lambda text: external(response_headers=[text]),
    "redirect": lambda text: {"paths": None, "redirect": {"to": f"https://{text}.example.org"}},
    "redirect port": lambda text: {"paths": None, "redirect": {"to": f"https://www.example.org:1{text}"}},
}
VALUES: dict[str, t.Callable[[str], Json]] = {
    "request value": lambda text: {"headers": {"request": {"X-A": text}}},
    "response value": lambda text: {"headers": {"response": {"X-A": text}}},
    "realm": lambda text: {"auth": {"basic": {"realm": text, "users": {"anna": BCRYPT}}}},
}


@pytest.mark.parametrize("text", HOSTILE, ids=repr)
@pytest.mark.parametrize("place", {**PLACES, **VALUES})
def test_no_text_is_configuration(place: str, text: str) -> None:
    found = problems(shop({**PLACES, **VALUES}[place](text)), "nginx")
    assert len(found) == (0 if place in VALUES and text in TEXT else 1), found


@pytest.mark.parametrize("text", HOSTILE, ids=repr)
def test_no_name_of_a_route_is_configuration(text: str) -> None:
    assert len(problems({text: SHOP}, "nginx")) == 1


@pytest.mark.parametrize("place", {**PLACES, **VALUES})
def test_places_are_filled_by_harmless_text(place: str) -> None:
    """The tests above mean little where everything is refused."""
    harmless = {"body": "0", "source": "", "hash": "", "redirect port": "0"}.get(place, "x")
    changes = {**PLACES, **VALUES}[place](harmless)
    if place == "source":
        changes = {"sources": ["fd00::/64"]}
    assert problems(shop(changes), "traefik" if place == "auth header" else "nginx") == []


def test_texts_have_ends() -> None:
    long = {"request": {"X-A": "a" * 2001, "A" * 101: "a"}}
    assert (
        len(
            problems(
                shop({"headers": long, "paths": [{"path": f"/{'a' * 499}", "service": "web", "port": 80}]}), "nginx"
            )
        )
        == 3
    )
