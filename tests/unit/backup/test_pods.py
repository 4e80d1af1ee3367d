# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands reach the one container that a hook means, by a program that answers as crictl does."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._backup.model import Hook
from ansible_collections.atarnet.homelab.plugins.module_utils._backup.pods import Crictl
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError

HOOK = Hook("postgres", {"app": "x"}, database="shop")
CRICTL = """#!/bin/sh
echo "$*" >> "$(dirname "$0")/calls"
case "$1" in
  pods) cat "$(dirname "$0")/pods";;
  ps) echo '{"containers": [{"id": "c1", "metadata": {"name": "database"}}]}';;
  exec) shift; [ "$1" = --interactive ] && { shift; cat; }; shift; "$@";;
esac
"""


@pytest.fixture(name="runtime")
def _runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a runtime with two pods of these labels, one of them in another namespace."""
    (tmp_path / "crictl").write_text(CRICTL, encoding="ascii")
    (tmp_path / "crictl").chmod(0o755)
    items = [{"id": space, "metadata": {"namespace": space}} for space in ("shop", "shopping")]
    (tmp_path / "pods").write_text(json.dumps({"items": items}), encoding="ascii")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return tmp_path


def test_a_command_reads_and_prints_in_the_container(runtime: Path) -> None:
    assert Crictl().run("shop", HOOK, ["echo", "said"]) == b"said\n"
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as output:
        source.write(b"read")
        source.seek(0)
        assert Crictl().run("shop", HOOK, ["echo", "said"], output, source) == b""
        output.seek(0)
        assert output.read() == b"readsaid\n"
    calls = (runtime / "calls").read_text(encoding="ascii").splitlines()
    assert [call for call in calls if call.startswith("exec")] == [
        "exec c1 echo said",
        "exec --interactive c1 echo said",
    ]
    assert "--pod=shop" in calls[1] and "--label=app=x" in calls[0]


def test_an_error_is_told_by_its_own_line(runtime: Path) -> None:
    said = "echo pg_restore: error: no such role >&2; echo Command was: ALTER >&2; echo FATA ended with 1 >&2; exit 1"
    with pytest.raises(HostError, match=r"Cannot run sh in a pod of shop: pg_restore: error: no such role\. Try"):
        Crictl().run("shop", HOOK, ["sh", "-c", said])
    with pytest.raises(HostError, match=r"nothing known; at all\. Try"):
        Crictl().run("shop", HOOK, ["sh", "-c", "echo nothing known >&2; echo at all >&2; exit 1"])


@pytest.mark.parametrize(("spaces", "said"), [((), "none runs with these"), (("shop", "shop"), "2 pods run with")])
def test_one_pod_is_meant(runtime: Path, spaces: tuple[str, ...], said: str) -> None:
    items = [{"id": space, "metadata": {"namespace": space}} for space in spaces]
    (runtime / "pods").write_text(json.dumps({"items": items}), encoding="ascii")
    with pytest.raises(HostError, match=f"Cannot find the pod app=x of shop on this node: {said}"):
        Crictl().run("shop", HOOK, ["true"])
