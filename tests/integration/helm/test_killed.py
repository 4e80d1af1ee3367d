# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays that are killed at any moment: the next run converges at once, a further one rests, nothing is orphaned."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest

from tests.integration.helm.play import Play

KILLS = 10
NAMES = ("one", "two", "three")
TEMPLATE = """
{{- range $number := untilStep (int .Values.first) (int .Values.last) 1 }}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ $.Release.Name }}-{{ $number }}"}
data: {first: "{{ $.Values.first }}"}
{{- end }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-before
  annotations:
    helm.sh/hook: pre-install,pre-upgrade
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
"""


def descendants(pid: int) -> list[int]:
    """Return a process and all below it, whatever session or group they moved to."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(entry.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        children.setdefault(parent, []).append(int(entry.parent.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def kill_all(pid: int) -> None:
    """End the run as a power cut would."""
    for one in descendants(pid):
        # One that ended by itself meanwhile is as dead.
        with contextlib.suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)


# Ansible's workers are in sessions of their own: only the first way ends Helm as well.
WAYS: tuple[tuple[str, t.Callable[[int], None]], ...] = (
    ("all processes", kill_all),
    ("process group", lambda pid: os.killpg(pid, signal.SIGKILL)),
    ("all processes", kill_all),
    ("ansible alone", lambda pid: os.kill(pid, signal.SIGKILL)),
)


class Cluster:
    """What the API and Helm itself say of the releases."""

    def __init__(self, site: t.Any) -> None:
        self._site = site

    def _helm(self, *arguments: str) -> str:
        options = ["--namespace", self._site.namespace, "--kubeconfig", str(self._site.server.kubeconfig)]
        return subprocess.run(
            [self._site.helm, *arguments, *options], check=True, capture_output=True, text=True
        ).stdout

    def deployed(self) -> dict[str, str]:
        """Return the objects of all deployed revisions by name; every newest revision has to be deployed."""
        wanted = {}
        for release in json.loads(self._helm("list", "--output=json")):
            assert release["status"] == "deployed", release
            for line in self._helm("get", "manifest", release["name"]).splitlines():
                if line.startswith("metadata:"):
                    name = line.partition('name: "')[2].partition('"')[0]
                elif line.startswith("data:"):
                    wanted[name] = line.partition('first: "')[2].partition('"')[0]
        return wanted

    def live(self) -> dict[str, str]:
        """Return the ConfigMaps that are there by name."""
        found = self._site.server.call("GET", f"/api/v1/namespaces/{self._site.namespace}/configmaps")["items"]
        return {item["metadata"]["name"]: (item.get("data") or {}).get("first", "") for item in found}


@pytest.fixture
def play(site: t.Any, tmp_path: Path) -> Play:
    """Give a play of three releases with many objects."""
    site.write("templates/all.yaml", TEMPLATE)
    return Play(site, tmp_path)


def want(site: t.Any, play: Play, generation: int) -> None:
    """Want another set of objects, a third of them new; in generation 2 of 3 the releases are to go."""
    absent = generation % 3 == 2
    values = {"first": generation * 10, "last": generation * 10 + 30}
    common = {"namespace": site.namespace, "wait": False, "state": "absent" if absent else "present"}
    given = {} if absent else {"chart": str(site.chart), "create_namespace": True, "values": values}
    play.releases = [{"name": name, **common, **given} for name in NAMES]


class Writes:
    """Counts what is written to the API from now on: a measure of how far a run got, however fast the machine is."""

    def __init__(self, log: t.IO[str]) -> None:
        self._log = log
        self._log.seek(0, os.SEEK_END)
        self._line = ""
        self.count = 0

    def reach(self, number: int, process: subprocess.Popen[str]) -> bool:
        """Return whether so many writes were seen before the process ended."""
        while True:
            ended = process.poll() is not None
            self._line += self._log.readline()
            if self._line.endswith("\n"):
                self.count += json.loads(self._line)["verb"] in ("create", "update", "patch", "delete")
                self._line = ""
            elif ended:
                return False
            else:
                time.sleep(0.005)
            if self.count >= number:
                return True


def test_killed_at_any_moment(site: t.Any, play: Play) -> None:
    seed = int(os.environ.get("SEED", "20261125"))
    print(f"SEED={seed}")
    chance, cluster = random.Random(seed), Cluster(site)
    whole: list[int] = []
    taken_over = 0
    for generation in range(3 + KILLS):
        want(site, play, generation)
        # The first three are not killed and tell how many writes an installation, an upgrade and a removal take.
        due = chance.randrange(whole[generation % 3]) if generation >= 3 else sys.maxsize
        way, kill = WAYS[generation % 4]
        with (
            open(site.server.folder / "audit.log", encoding="utf-8") as log,
            play.start(output=subprocess.DEVNULL) as process,
        ):
            writes = Writes(log)
            if writes.reach(due, process):
                kill(process.pid)
        whole += [writes.count] if generation < 3 else []
        done, text = play.run()
        assert not done.get("failed"), text
        print(f"generation {generation}, {way} at write {due} of {whole[generation % 3]}:", done["recovered"])
        taken_over += bool(done["recovered"])
        again, text = play.run()
        assert (again["changed"], again["helm_runs"]) == (False, 0), text
        assert cluster.live() == cluster.deployed()
        assert len(cluster.live()) == (0 if generation % 3 == 2 else 90)
    assert taken_over
