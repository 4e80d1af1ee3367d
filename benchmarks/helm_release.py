# SPDX-License-Identifier: GPL-3.0-or-later
"""Twenty unchanged releases: one helm_release task, `helm upgrade --install` in a loop, an empty task and `helm list`.

Starts an API server of its own and runs the four in turn. Prints one line a round and last:
helm_release noop=MED empty=MED noop_over_empty_s=MED peer=MED list=MED ratio_peer=MED min= max=
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
ROUNDS = int(os.environ.get("ROUNDS", "3"))
RELEASES = int(os.environ.get("RELEASES", "20"))
NAMESPACE = "bench"
MANIFEST = (
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\ndata: {a: {{ .Values.a | quote }}}\n"
)


def server_module() -> t.Any:
    """Return the module of the integration tests that starts an API server."""
    spec = importlib.util.spec_from_file_location("kube_test_server", CHECKOUT / "tests/integration/kube/server.py")
    if spec is None or spec.loader is None:
        sys.exit("tests/integration/kube/server.py is missing")
    module = importlib.util.module_from_spec(spec)
    sys.modules["kube_test_server"] = module
    spec.loader.exec_module(module)
    return module


def timed(command: list[str], folder: Path) -> tuple[float, str]:
    """Return the seconds a command takes and what it prints; ends the benchmark when it fails."""
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCAL_TEMP": str(folder / "tmp")}
    start = time.monotonic()
    done = subprocess.run(command, cwd=folder, env=environment, check=False, capture_output=True, text=True)
    took = time.monotonic() - start
    if done.returncode != 0:
        sys.exit(f"{' '.join(command[:3])} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return took, done.stdout


def play(folder: Path, name: str, task: dict[str, t.Any]) -> list[str]:
    """Write a play of one task and return the command that runs it."""
    content = [{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]
    (folder / f"{name}.yml").write_text(json.dumps(content), encoding="utf-8")
    return ["ansible-playbook", "-i", "localhost,", "-c", "local", f"{name}.yml"]


def main() -> None:
    """Measure in turn and print."""
    program = shutil.which("kube-apiserver")
    if program:
        os.environ.setdefault("HOMELAB_BIN", str(Path(program).parent))
    with tempfile.TemporaryDirectory() as name, server_module().running(Path(name)) as server:
        measure(Path(name), str(server.kubeconfig))


def measure(folder: Path, kubeconfig: str) -> None:
    """Install the releases and run the four candidates in turn."""
    chart = folder / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text(json.dumps({"apiVersion": "v2", "name": "chart", "version": "1.0.0"}))
    (chart / "templates" / "all.yaml").write_text(MANIFEST)
    names = [f"web-{number}" for number in range(RELEASES)]
    common = {"namespace": NAMESPACE, "chart": str(chart), "create_namespace": True, "values": {"a": "1"}}
    wanted = {"kubeconfig": kubeconfig, "releases": [{"name": name, **common} for name in names]}
    ours = play(folder, "ours", {"atarnet.homelab.helm_release": wanted})
    empty = play(folder, "empty", {"atarnet.homelab.kube_apply": {"kubeconfig": kubeconfig, "owner": "bench"}})
    timed(ours, folder)
    flags = ["--namespace", NAMESPACE, "--kubeconfig", kubeconfig]
    listing = ["helm", "list", *flags]
    loop = " && ".join(
        f"helm upgrade --install {name} {chart} --set-string a=1 {' '.join(flags)} >/dev/null" for name in names
    )
    rows = []
    for number in range(1, ROUNDS + 1):
        row = [timed(empty, folder)[0]]
        took, text = timed(ours, folder)
        if "changed=0" not in text:
            sys.exit(f"the run was to change nothing:\n{text}")
        row += [took, timed(listing, folder)[0], timed(["sh", "-c", loop], folder)[0]]
        # The loop makes new revisions without a label's change; ours has to stay a no-op beside it.
        rows.append(row)
        print(
            f"round {number}: empty task {row[0]:.2f} s, ours {row[1]:.2f} s, helm list {row[2]:.2f} s, "
            f"helm upgrade loop {row[3]:.2f} s",
            flush=True,
        )
    bare, mine, floor, peer = (list(column) for column in zip(*rows, strict=True))
    over = [a - b for a, b in zip(mine, bare, strict=True)]
    ratios = [a / b for a, b in zip(mine, peer, strict=True)]
    print(
        f"helm_release noop={statistics.median(mine):.2f} empty={statistics.median(bare):.2f} "
        f"noop_over_empty_s={statistics.median(over):.2f} min={min(over):.2f} max={max(over):.2f} "
        f"floor={statistics.median(floor):.2f} peer={statistics.median(peer):.2f} "
        f"ratio_peer={statistics.median(ratios):.3f} ratio_min={min(ratios):.3f} ratio_max={max(ratios):.3f}"
    )


if __name__ == "__main__":
    main()
