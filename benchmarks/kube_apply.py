# SPDX-License-Identifier: GPL-3.0-or-later
"""Mixed objects applied first, unchanged, and with one change: kube_apply, kubernetes.core, kubectl and a floor.

Starts an API server of its own and runs the candidates in turn, each on its own copy of the objects. SIZES (numbers of
objects) and ROUNDS are read from the environment. Prints a line for each situation, a table for each size, and last
kube_apply first_ratio_floor=MED noop_ratio_kubectl=MED noop_mutating= first_ratio_core=MED ... | KEY=MIN..MAX ...
of the largest size. Ratios to the floor take our time over a play with an empty task, run in turn too: the floor
is requests alone. All other ratios are of whole commands, with the start of ansible-playbook.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
import typing as t
from pathlib import Path

from benchmarks.support import objects
from benchmarks.support.candidates import (
    CANDIDATES,
    CORE,
    EACH,
    EMPTY,
    FIRST,
    FLOOR,
    NOOP,
    ONE,
    OURS,
    SITUATIONS,
    Place,
)
from benchmarks.support.figures import Sample, Samples, summary, table
from benchmarks.support.kube import CHECKOUT, Audit, api_server, timed, writing
from benchmarks.support.peers import kubernetes_core
from tests.integration.kube.server import Server

SIZES = sorted(int(size) for size in os.environ.get("SIZES", "10 100 500 2000").split())
ROUNDS = int(os.environ.get("ROUNDS", "3"))
WARM_UP = 10
# With more objects than this, kubernetes.core runs in the first round alone and a task for each object not at all:
# they take minutes.
MANY = 100


def main() -> None:
    """Measure in turn and print."""
    os.environ["ANSIBLE_COLLECTIONS_PATH"] = f"{CHECKOUT / 'collections'}:{kubernetes_core()}"
    with api_server() as server, tempfile.TemporaryDirectory() as folder:
        for definition in objects.definitions():
            server.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
        audit = Audit(server)
        # Once for what is compiled and read from disk only the first time.
        measure(server, audit, Path(folder), WARM_UP, 0)
        for size in SIZES:
            samples: Samples = {}
            for number in range(1, ROUNDS + 1):
                for key, sample in measure(server, audit, Path(folder), size, number).items():
                    samples.setdefault(key, []).append(sample)
            print(f"\n{table(size, samples)}\n\n{'' if size == SIZES[-1] else 'so far: '}", end="")
            print(f"kube_apply {summary(size, samples)}\n", flush=True)


def takes_part(name: str, size: int, number: int, situation: str = FIRST) -> bool:
    """Return whether a candidate is run with *size* objects in round *number*; whoever is, applies them first."""
    if name == EACH:
        return size <= MANY and number == 1 and situation == FIRST
    if name == CORE and size > MANY:
        return number == 1 and situation != ONE
    return True


@contextlib.contextmanager
def places(server: Server, folder: Path, size: int, number: int) -> t.Iterator[list[Place]]:
    """Give each candidate its objects and fresh namespaces; afterwards the objects are gone."""
    given = []
    for name in [name for name in CANDIDATES if takes_part(name, size, number)]:
        space = f"{name.replace('_', '-')}-{size}-{number}"
        place = Place(server, folder / space, name, objects.mixed(space, size))
        place.folder.mkdir()
        for namespace in place.namespaces:
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
            server.call("POST", "/api/v1/namespaces", body)
        given.append(place)
    yield given
    for place in given:
        for kind, namespace in objects.shelves(place.items):
            server.call("DELETE", objects.collection(kind, namespace))


def measure(server: Server, audit: Audit, folder: Path, size: int, number: int) -> dict[tuple[str, str], Sample]:
    """Run all candidates once in each situation."""
    samples: dict[tuple[str, str], Sample] = {}
    with places(server, folder, size, number) as given:
        for situation in SITUATIONS:
            asked = [place for place in given if takes_part(place.name, size, number, situation)]
            for place in asked:
                samples[place.name, situation] = run(place, situation, audit)
            shown = ", ".join(f"{place.name} {samples[place.name, situation].seconds:.2f} s" for place in asked)
            print(f"{size} objects, round {number}, {situation}: {shown}", flush=True)
    return samples


def run(place: Place, situation: str, audit: Audit) -> Sample:
    """Run one candidate and see that it did what it was to do; ends the benchmark otherwise."""
    command = place.command(situation)
    audit.news()
    done = timed(command, place.folder)
    requests = audit.news()
    writes = writing(requests)
    told = re.findall(r"changed=(\d+)", done.output)
    if place.name == OURS and situation == NOOP and (told != ["0"] or writes):
        sys.exit(f"A run that was to change nothing says changed={told} and wrote {writes[:5]}:\n{done.output[-2000:]}")
    if place.name == CORE and situation == NOOP and told != ["0"]:
        print(f"{place.name} says of unchanged objects: changed={told}")
    if place.name != EMPTY:
        check_all_there(place)
    seconds = float(done.output) if place.name == FLOOR else done.seconds
    return Sample(seconds, done.cpu, done.memory, len(requests), len(writes))


def check_all_there(place: Place) -> None:
    """End the benchmark unless every object is live, with the data it was to have."""
    live = {}
    for kind, namespace in objects.shelves(place.items):
        where = objects.collection(kind, namespace)
        for item in place.server.call("GET", where)["items"]:
            live[f"{where}/{item['metadata']['name']}"] = item.get("data")
    wanted = {objects.path(item): item.get("data") for item in place.items}
    wrong = [path for path, data in wanted.items() if path not in live or live[path] != data]
    if wrong:
        sys.exit(f"{place.name} left {len(wrong)} of {len(wanted)} objects missing or different: {wrong[:3]}")


if __name__ == "__main__":
    main()
