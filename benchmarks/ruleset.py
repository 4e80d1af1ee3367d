# SPDX-License-Identifier: GPL-3.0-or-later
"""Loading the firewall of a router between 3, 10 and 50 VLANs: the compiled table, one written by hand, plain rules.

Ours is the file that host_network has nft load. The floor is the least set-form table that gives the same verdicts
(tests/unit/benchmarks/test_vlans.py), the peer one `nft add rule` for each flow. All run in turn, each in an empty
network namespace; tables are then loaded again over themselves. Ours without comments, and without the counters of
elements as well, tells what these cost. Prints a table for each size and a last line:
ruleset ratio_floor_N=MED min_N= max_N= ... reload_ratio_floor_N=MED ... ours_ms_N= floor_ms_N= plain_ms_N= rounds=R
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path
from statistics import median

# Makes the checkout importable as the collection.
import tests.conftest  # noqa: F401
from benchmarks.support.vlans import by_hand, one_at_a_time, plan_input
from tests.negative.cases import HERE, read_yaml
from tests.unit.network.support import compiled_input

ROUNDS = int(os.environ.get("ROUNDS", "15"))
PLAIN_ROUNDS = int(os.environ.get("PLAIN_ROUNDS", "3"))
SIZES = [int(size) for size in os.environ.get("SIZES", "3 10 50").split()]
FLOOR, OURS, UNNAMED, BARE, PLAIN = "floor", "ours", "ours without comments", "ours without either", "one at a time"


class Took(t.NamedTuple):
    """Milliseconds of a first load and of one over itself (None: not done), rules, and elements of sets."""

    load: float
    reload: float | None
    rules: int
    elements: int


@contextlib.contextmanager
def namespace() -> t.Iterator[list[str]]:
    """Give the words that run a command in an empty network namespace."""
    with subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; exec cat"], stdin=-1, stdout=-1) as keeper:
        assert keeper.stdout and keeper.stdin
        keeper.stdout.readline()
        yield ["nsenter", f"--net=/proc/{keeper.pid}/ns/net", "nft"]
        keeper.stdin.close()


def timed(commands: t.Iterable[list[str]]) -> float:
    """Return the milliseconds commands take one after the other; ends the benchmark when one fails."""
    start = time.perf_counter()
    for command in commands:
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)}: {done.stderr}")
    return 1000 * (time.perf_counter() - start)


def counted(nft: list[str]) -> tuple[int, int]:
    """Return how many rules the kernel has, and how many elements in named sets."""
    listed = subprocess.run([*nft, "-j", "list", "ruleset"], check=True, capture_output=True).stdout
    entries = json.loads(listed)["nftables"]
    elements = sum(len(entry.get("set", {}).get("elem", ())) for entry in entries)
    return sum("rule" in entry for entry in entries), elements


def load(path: Path) -> Took:
    """Load a file into an empty namespace, and again."""
    with namespace() as nft:
        first, again = (timed([[*nft, "-f", str(path)]]) for _ in range(2))
        return Took(first, again, *counted(nft))


def add(commands: list[str]) -> Took:
    """Say one thing at a time to nft, each in a process of its own."""
    with namespace() as nft:
        return Took(timed([*nft, command] for command in commands), None, *counted(nft))


def tables(count: int) -> tuple[dict[str, str], float]:
    """Return the tables to load for a number of VLANs, and the seconds the whole plan took to compile."""
    from ansible_collections.atarnet.homelab.plugins.module_utils._host_network.model import Wanted

    start = time.perf_counter()
    compiled = compiled_input({**read_yaml(HERE / "base.yml"), **plan_input(count)})["hosts"]["gw"]["firewall"]
    took = time.perf_counter() - start
    unnamed = re.sub(r' comment "[^"]*"', "", compiled)
    bodies = {
        FLOOR: by_hand(count),
        OURS: compiled,
        UNNAMED: unnamed,
        BARE: unnamed.replace("\n\tcounter\n", "\n"),
    }
    return {name: Wanted(body, 30, {}).boot.text for name, body in bodies.items()}, took


def measure(folder: Path, count: int) -> dict[str, t.Any]:
    """Measure one size, print its table, and return what the last line says of it."""
    texts, compiling = tables(count)
    paths = {name: folder / f"{number}.nft" for number, name in enumerate(texts)}
    for name, path in paths.items():
        path.write_text(texts[name], encoding="utf-8")
    plain = one_at_a_time(count, "inet homelab")
    runs: dict[str, list[Took]] = {name: [] for name in (*paths, PLAIN)}
    for number in range(ROUNDS):
        for name, path in paths.items():
            runs[name].append(load(path))
        if number < PLAIN_ROUNDS:
            runs[PLAIN].append(add(plain))
    print(f"{count} VLANs; the whole plan was compiled in {compiling:.1f} s")
    print("| | load ms: median (min to max) | again | rules | elements | ratio to floor | again |")
    print(f"|{' --- |' * 7}")
    for name, took in runs.items():
        print(f"| {name} | {' | '.join(_columns(took, runs[FLOOR]))} |")
    print(flush=True)
    ratios = _ratios(runs[OURS], runs[FLOOR], "load")
    return {
        "ratio_floor": median(ratios),
        "min": min(ratios),
        "max": max(ratios),
        "reload_ratio_floor": median(_ratios(runs[OURS], runs[FLOOR], "reload")),
        "plain_ratio_ours": median(_ratios(runs[PLAIN], runs[OURS], "load")),
        **{f"{name}_ms": median(one.load for one in runs[key]) for name, key in
           (("ours", OURS), ("floor", FLOOR), ("plain", PLAIN))},
        "rules": runs[OURS][0].rules,
        "elements": runs[OURS][0].elements,
    }  # fmt: skip


def _columns(took: list[Took], floor: list[Took]) -> list[str]:
    first, again = [one.load for one in took], [one.reload for one in took if one.reload is not None]
    ratio, reload = (_ratios(took, floor, field) for field in ("load", "reload"))
    return [
        f"{median(first):.1f} ({min(first):.1f} to {max(first):.1f})",
        f"{median(again):.1f}" if again else "-",
        str(took[0].rules),
        str(took[0].elements),
        f"{median(ratio):.2f} ({min(ratio):.2f} to {max(ratio):.2f})",
        f"{median(reload):.2f} ({min(reload):.2f} to {max(reload):.2f})" if reload else "-",
    ]


def _ratios(some: list[Took], others: list[Took], field: str) -> list[float]:
    """Return the ratios of the rounds that both took part in."""
    pairs = [(getattr(a, field), getattr(b, field)) for a, b in zip(some, others, strict=False)]
    return [a / b for a, b in pairs if a is not None]


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        found = {count: measure(Path(name), count) for count in SIZES}
    words = [
        f"{key}_{count}={value:.2f}" if isinstance(value, float) else f"{key}_{count}={value}"
        for count, figures in found.items()
        for key, value in figures.items()
    ]
    print(f"ruleset {' '.join(words)} rounds={ROUNDS}")


if __name__ == "__main__":
    main()
