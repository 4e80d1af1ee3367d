# SPDX-License-Identifier: GPL-3.0-or-later
"""The task in a play: not a word of a secret in what is printed, left behind, or seen of Helm's process."""

from __future__ import annotations

import base64
import typing as t
from pathlib import Path

import pytest

from tests.integration.helm.play import Play

CANARY = "canary-4711"
FORMS = (CANARY, base64.b64encode(CANARY.encode()).decode(), CANARY[:7])
FIXED = f"apiVersion: v1\nkind: Secret\nmetadata: {{name: fixed}}\nstringData: {{key: {CANARY}}}\n"


class Watched(Play):
    """A play whose Helm notes how it was started."""

    def __init__(self, site: t.Any, folder: Path) -> None:
        self.seen = folder / "seen"
        spy = folder / "helm"
        spy.write_text(f'#!/bin/sh\n(echo "$0 $*"; env) >> {self.seen}\nexec {site.helm} "$@"\n', encoding="utf-8")
        spy.chmod(0o755)
        site.helm = str(spy)
        super().__init__(site, folder)

    def run(self, *options: str) -> tuple[dict[str, t.Any], str]:
        """Return the task's result and what was printed, in which there must be no secret."""
        result, text = super().run("-vvvv", "--diff", *options)
        left = [path.read_bytes().decode("utf-8", "replace") for path in self._written()]
        for form in FORMS:
            assert form not in text, text
            assert not [one for one in left if form in one]
        return result, text

    def _written(self) -> list[Path]:
        found = [self.seen, *self.state.rglob("*"), *self.temporary.rglob("*")]
        return [path for path in found if path.is_file()]


@pytest.fixture
def play(site: t.Any, tmp_path: Path) -> Watched:
    """Give a play whose secrets are in values, in a template, in a Secret of the chart and in its notes."""
    site.write("templates/NOTES.txt", "The password is {{ .Values.password }}.\n")
    site.write("templates/fixed.yaml", FIXED)
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "web.yaml.j2").write_text("more: {{ password }}\n", encoding="utf-8")
    watched = Watched(site, tmp_path)
    watched.variables = {"password": CANARY}
    watched.releases = [
        {
            "name": "web",
            "namespace": site.namespace,
            "chart": str(site.chart),
            "create_namespace": True,
            "values": {"password": "{{ password }}"},
            "values_templates": ["web.yaml.j2"],
        }
    ]
    return watched


def test_a_check_a_run_and_a_rest(site: t.Any, play: Watched) -> None:
    checked, _text = play.run("--check")
    done, text = play.run()
    assert (checked["changes"], checked["diff"]) == (done["changes"], done["diff"])
    assert f"v1 Secret {site.namespace}/fixed" in text
    again, _text = play.run()
    assert (again["changed"], again["helm_runs"]) == (False, 0)
    for name in ("web-token", "fixed"):
        secret = site.server.call("GET", f"/api/v1/namespaces/{site.namespace}/secrets/{name}")
        assert base64.b64decode(secret["data"]["key"]).decode() == CANARY
    play.releases[0]["values"]["colour"] = "blue"
    assert play.run()[0]["changed"]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("templates/bad.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ .Values.password }}\n", "bad.yaml"),
        ("templates/bad.yaml", '{{ fail (printf "no %s" .Values.password) }}', "no (hidden)"),
        ("templates/bad.yaml", FIXED.replace("name: fixed", "name: Not_Valid"), "Not_Valid"),
        ("values.schema.json", '{"properties": {"password": {"pattern": "^[A-Z]+$"}}}', "does not match pattern"),
        ("values.schema.json", '{"properties": {"password": {"maxLength": 3}}}', "maxLength"),
        ("values.yaml", "password: {a: b}\n", ""),
    ],
    ids=["no YAML", "refused by the chart", "refused by the API", "pattern", "length", "another type"],
)
def test_a_failure_tells_no_secret(site: t.Any, play: Watched, name: str, content: str, told: str) -> None:
    site.write(name, content)
    result, text = play.run()
    assert told in result.get("msg", ""), text
