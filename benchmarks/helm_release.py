# SPDX-License-Identifier: GPL-3.0-or-later
"""Twenty unchanged releases: one helm_release task, `helm upgrade --install` in a loop, an empty task and `helm list`.

Starts an API server of its own and runs the four in turn. Prints one line a round and last:
helm_release noop=MED empty=MED noop_over_empty_s=MED peer=MED list=MED ratio_peer=MED min= max=
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.support.kube import api_server, play, timed

ROUNDS = int(os.environ.get("ROUNDS", "3"))
RELEASES = int(os.environ.get("RELEASES", "20"))
NAMESPACE = "bench"
MANIFEST = (
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\ndata: {a: {{ .Values.a | quote }}}\n"
)


def main() -> None:
    """Measure in turn and print."""
    with api_server() as server, tempfile.TemporaryDirectory() as folder:
        # Locks of releases that are gone tomorrow are nothing for the user's own folder.
        os.environ["XDG_STATE_HOME"] = folder
        measure(Path(folder), str(server.kubeconfig))


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
        row = [timed(empty, folder).seconds]
        run = timed(ours, folder)
        if "changed=0" not in run.output:
            sys.exit(f"the run was to change nothing:\n{run.output}")
        row += [run.seconds, timed(listing, folder).seconds, timed(["sh", "-c", loop], folder).seconds]
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
