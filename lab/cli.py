# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's verbs."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import sys
import typing as t
from pathlib import Path

from lab import files, nodes, paths, podman, rootfs, segments, shell, state, status, supply, teardown, up
from lab.errors import LabError
from lab.paths import Paths
from lab.stages import Stages
from lab.table import STORAGE
from lab.vm import runner as vm
from lab.vm.machines import KINDS, NETWORK

_PASSES_ON = ("site", "exec-tool")


def main(arguments: t.Sequence[str]) -> int:
    """Run a verb; return the process's exit code (1 for an error that was explained, 130 when interrupted)."""
    # argparse would look for options of ours among those of the program that a verb runs.
    own, passed = (arguments[:1], arguments[1:]) if arguments[:1] and arguments[0] in _PASSES_ON else (arguments, ())
    parsed = _parser().parse_args(own)
    parsed.passed = list(passed)
    try:
        place = paths.of_environment()
        return int(parsed.run(place, parsed))
    except LabError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python3 -m lab", description="The embedded lab. LAB=NAME names it (default: lab)."
    )
    verbs = parser.add_subparsers(metavar="VERB", required=True)

    def verb(name: str, run: t.Callable[[Paths, argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        sub = verbs.add_parser(name, help=text, description=text)
        sub.set_defaults(run=run)
        return sub

    making = verb("up", _up, "make the lab and run site.yml on it; does only what is not done yet")
    making.add_argument("--no-site", action="store_true", help="stop when the nodes run")
    verb("supply", _supply, "build or fetch everything nodes are served from, and stop there")
    verb("status", _status, "show the lab's nodes and how to reach the cluster")
    verb("env", _env, "print shell settings for eval")
    verb("site", _site, "run site.yml with any arguments of ansible-playbook")
    rest = verb("exec", _exec, "run a command on a node")
    rest.add_argument("node")
    rest.add_argument("arguments", nargs=argparse.REMAINDER)
    verb("exec-tool", _exec_tool, "run one of the controller's programs")
    rest = verb("look-from", _look_from, "run a command of this machine as if it stood in a segment of the lab")
    rest.add_argument("segment")
    rest.add_argument("arguments", nargs=argparse.REMAINDER)
    verb("nodes", _nodes, "reset: replace the nodes by blank ones").add_argument("action", choices=["reset"])
    virtual = verb("vm", _vm, "virtual machines, for what containers cannot have")
    virtual.add_argument("action", choices=["up", "down"])
    virtual.add_argument("kind", nargs="?", choices=list(KINDS), default=NETWORK, help="what they are for")
    one = verb("node", _node, "stop, start or reset one node; reset replaces it by a blank one")
    one.add_argument("action", choices=["stop", "start", "reset"])
    one.add_argument("node")
    verb("down", _down, "remove the lab")
    verb("clean", _clean, "remove every lab of this machine and all that was built for them")
    return parser


def _lock(place: Paths) -> t.ContextManager[None]:
    return files.locked(place.states / f".{place.lab}.lock", f"another command on the lab {place.lab}")


def _up(place: Paths, parsed: argparse.Namespace) -> int:
    stages = Stages()
    with _lock(place):
        maker = up.Maker(place, stages)
        settings, venv = maker.prepare()
        maker.supplies(venv)
        lab = maker.record(settings)
        maker.start(lab, settings)
        code = 0
        if not parsed.no_site:
            with stages.stage("site.yml"):
                code = shell.site(place, [], shell.environment(place))
                stages.note("done" if code == 0 else f"ended with {code}")
    print(f"{'all':<12} {stages.total:6.1f} s\n\n{status.render(lab, podman.containers(lab.name))}")
    return code


def _supply(place: Paths, parsed: argparse.Namespace) -> int:
    maker = up.Maker(place, Stages())
    _, venv = maker.prepare()
    maker.supplies(venv)
    return 0


def _status(place: Paths, parsed: argparse.Namespace) -> int:
    lab = state.require(place.record, place.lab)
    print(status.render(lab, podman.containers(lab.name)))
    return 0


def _env(place: Paths, parsed: argparse.Namespace) -> int:
    print(shell.exports(shell.environment(place)), end="")
    return 0


def _site(place: Paths, parsed: argparse.Namespace) -> int:
    state.require(place.record, place.lab)
    return shell.site(place, parsed.passed, shell.environment(place))


def _exec(place: Paths, parsed: argparse.Namespace) -> int:
    lab = state.require(place.record, place.lab)
    node = _known(lab, parsed.node)
    options = ["-i", *(["-t"] if sys.stdin.isatty() else [])]
    command = parsed.arguments or ["bash"]
    return shell.call(place, ["podman", "exec", *options, podman.name_of(lab.name, node.name), *command], {})


def _look_from(place: Paths, parsed: argparse.Namespace) -> int:
    lab = state.require(place.record, place.lab)
    settings = up.node_settings(place)
    command = parsed.arguments or ["bash"]
    return shell.call(place, segments.look_from(lab, parsed.segment, command, settings, rootfs.System(place).image), {})


def _exec_tool(place: Paths, parsed: argparse.Namespace) -> int:
    if not parsed.passed:
        raise LabError("Running a tool", "none was named", "Say which, e.g. `exec-tool ansible --version`.")
    return shell.call(place, parsed.passed, shell.environment(place))


def _nodes(place: Paths, parsed: argparse.Namespace) -> int:
    lab = state.require(place.record, place.lab)
    stages = Stages()
    with _lock(place):
        with stages.stage("remove"):
            nodes.remove(lab)
            Path(lab.kubeconfig).unlink(missing_ok=True)
        with stages.stage("nodes"):
            settings = up.node_settings(place)
            nodes.start_all(lab, settings, rootfs.System(place).image)
    return 0


def _node(place: Paths, parsed: argparse.Namespace) -> int:
    lab = state.require(place.record, place.lab)
    node = _known(lab, parsed.node)
    with _lock(place):
        if parsed.action == "stop":
            nodes.stop(lab, node)
            return 0
        if parsed.action == "reset":
            nodes.remove(lab, only=[node.name])
        settings = up.node_settings(place)
        nodes.start_all(lab, settings, rootfs.System(place).image, only=[node.name])
    return 0


def _vm(place: Paths, parsed: argparse.Namespace) -> int:
    machines = vm.Machines(place, parsed.kind)
    with _lock(place):
        if parsed.action == "down":
            machines.down()
        elif parsed.kind == STORAGE:
            maker = up.Maker(place, Stages())
            _, venv = maker.prepare()
            maker.supplies(venv, STORAGE)
            if maker.choice.kind != supply.BUILD:
                cause = "they reach nobody but this machine, and it has nothing built"
                raise LabError("Starting virtual machines with a cluster", cause, "Set SUPPLY=build.")
            machines.up()
            machines.serve(maker.artifacts, maker.builder.binary("registry", "registry"))
        else:
            machines.up()
    return 0


def _down(place: Paths, parsed: argparse.Namespace) -> int:
    with _lock(place):
        teardown.down(place, place.lab)
    print(f"The lab {place.lab} is gone.")
    return 0


def _clean(place: Paths, parsed: argparse.Namespace) -> int:
    with contextlib.ExitStack() as locks:
        locks.enter_context(files.locked(place.cache / ".lock", "another lab that is building"))
        for name in teardown.labs(place):
            locks.enter_context(_lock(dataclasses.replace(place, lab=name)))
        gone = teardown.clean(place)
    print(f"Gone: {', '.join(f'lab {name}' for name in gone) or 'no lab was there'}, the images and the cache.")
    return 0


def _known(lab: state.Lab, name: str) -> state.Node:
    if name not in lab.nodes:
        raise LabError(f"Looking for node {name!r}", f"the lab has {', '.join(lab.nodes)}", "Name one of them.")
    return lab.nodes[name]
