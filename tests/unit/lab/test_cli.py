# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab's verbs hand on to the programs they run."""

from __future__ import annotations

import typing as t

import pytest

from lab import cli


@pytest.mark.parametrize(
    "arguments",
    [[], ["--check", "--diff"], ["-e", "homelab_take_over_run=1a2b3c4d"], ["-h"], ["--", "-vvvv"], ["--no-site"]],
    ids=lambda arguments: " ".join(arguments) or "none",
)
def test_site_hands_on_every_argument_as_it_is(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    seen: list[t.Any] = []
    monkeypatch.setattr(cli.state, "require", lambda *_: None)
    monkeypatch.setattr(cli.shell, "environment", lambda _: {})
    monkeypatch.setattr(cli.shell, "site", lambda place, given, environment: seen.append(given) or 0)
    assert cli.main(["site", *arguments]) == 0
    assert seen == [arguments]


def test_a_verb_of_ours_refuses_what_it_does_not_know() -> None:
    with pytest.raises(SystemExit):
        cli.main(["status", "--check"])
