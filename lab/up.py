# SPDX-License-Identifier: GPL-3.0-or-later
"""Making a lab, stage by stage; each stage does nothing when its work is done already."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

from lab import (
    artifacts,
    controller,
    files,
    given,
    images,
    lockfile,
    machine,
    nodes,
    packages,
    podman,
    rootfs,
    segments,
    services,
    ssh,
    state,
    supply,
    teardown,
    web,
)
from lab.components import Builder
from lab.errors import LabError
from lab.machine import Interpreter, NodeSettings
from lab.paths import Paths
from lab.stages import Stages
from lab.state import Lab
from lab.table import DEVELOPER_TOOLS, JUDGES, PACKAGED, Component, components


def say(text: str) -> None:
    """Print a line of progress."""
    print(f"  {text}", flush=True)


class Maker:
    """Makes one lab on this machine."""

    def __init__(self, paths: Paths, stages: Stages) -> None:
        self.paths, self.stages = paths, stages
        self.recorded = state.load(paths.record)

    def prepare(self) -> tuple[NodeSettings, Path]:
        """Look at the machine, install packages and the controller's environment."""
        with self.stages.stage("machine"):
            facts = machine.observe(self.paths.cache)
            before = self.recorded.supply if self.recorded else None
            self.choice = supply.choose(os.environ, before, web.reachable)
            building = self.choice.kind == supply.BUILD
            supplied = (self.paths.cache / "rootfs").exists()
            running = self.recorded is not None
            verdict = machine.judge(facts, building=building, running=running, supplied=supplied)
            if verdict.refusals:
                listed = "".join(f"\n- {refusal}" for refusal in verdict.refusals)
                raise LabError("Making a lab on this machine", f"it is not fit for one:{listed}\n", "Then run again.")
            self.stages.note(
                f"Debian, {facts.architecture}, cgroup v{facts.cgroup}, {facts.memory} MiB free, "
                f"supply: {self.choice.kind} ({self.choice.reason})"
            )
        with self.stages.stage("packages"):
            added = packages.install(facts.cgroup, self.paths.log("packages"))
            self.stages.note(f"installed {' '.join(added)}" if added else "all there")
        with self.stages.stage("controller"):
            venv = controller.make(self.paths, t.cast(Interpreter, facts.python))
            self.stages.note(str(venv))
        link_collection(self.paths.checkout)
        return verdict.settings, venv

    def supplies(self, venv: Path, purpose: str = "") -> None:
        """Make or fetch everything nodes are served from, and put the developer's programs into PATH.

        With a ``purpose``, also what is built only for that.
        """
        with files.locked(self.paths.cache / ".lock", "another lab that is building"):
            self.lock = lockfile.read(self.paths, venv)
            with self.stages.stage("node image"):
                self.system = rootfs.System(self.paths)
                self.stages.note("made" if self.system.make() else "kept")
            with self.stages.stage("programs"):
                names = sorted({package for package, _path in PACKAGED.values()})
                self.unpacked = packages.unpacked(names, self.paths.cache / "packages", self.paths.log("programs"))
                self.stages.note(f"of {' and '.join(names)}")
            if self.choice.kind == supply.BUILD:
                self._build(components(purpose))
            elif os.environ.get("NGINX_IMAGE"):
                raise LabError("Using NGINX_IMAGE", "nodes pull upstream's with SUPPLY=upstream", "Unset one of them.")
        self._link_tools()

    def _build(self, chosen: t.Sequence[Component]) -> None:
        for folder in ("components", "artifacts", "layers"):
            files.sweep(self.paths.cache / folder)
        self.builder = Builder(self.paths)
        self.gift = given.find(os.environ, self.lock)
        with self.stages.stage("components"):
            built = self.builder.build(chosen, say)
            self.stages.note(f"{built} built, {len(chosen) - built} kept")
        with self.stages.stage("artifacts"):
            arch = machine.architecture()
            self.artifacts = artifacts.Artifacts(self.paths, self.lock, self.builder, arch, self.gift, chosen)
            self.stages.note("made" if self.artifacts.make() else "kept")
        with self.stages.stage("images"):
            made = images.Images(self.paths, self.lock, self.builder, self.system, self.gift, chosen).make(say)
            self.stages.note(f"{made} made, the others kept; {self.gift.about}")
            services.make_image(self.paths, self.system)

    def record(self, settings: NodeSettings) -> Lab:
        """Choose the lab's network (once) and write down what it consists of."""
        building = self.choice.kind == supply.BUILD
        with files.locked(self.paths.states / ".lock", "another lab that is choosing its network"):
            base = [self.choice.base] if self.choice.base else []
            if self.recorded is None:
                teardown.remove_stale(self.paths)
            found = self.recorded.segments if self.recorded else state.segments_of(podman.used_prefixes())
            prefix = found[state.CLUSTER]
            lab = Lab(
                name=self.paths.lab,
                checkout=str(self.paths.checkout),
                prefix=prefix,
                segments=found,
                nodes=state.nodes_of(prefix),
                folder=str(self.paths.state),
                cgroup=settings.cgroup,
                loadable_modules=settings.loadable_modules,
                supply=self.choice.kind,
                artifact_mirrors=services.artifact_mirrors(prefix) if building else base,
                registry_mirrors=services.registry_mirrors(prefix) if building else {},
                checksums=self.artifacts.checksums() if building else {},
                stand_ins=[given.IMAGE] if building and not self.gift.image else [],
            )
            state.save(self.paths.record, lab)
            segments.create(lab)
        ssh.make_keys(lab)
        return lab

    def _link_tools(self) -> None:
        if self.choice.kind == supply.BUILD:
            tools = {name: self.builder.binary(of, name) for name, of in DEVELOPER_TOOLS.items()}
            tools |= {name: self.builder.binary(of, binary) for name, (of, binary) in JUDGES.items()}
        else:
            tools = supply.fetch_tools(self.lock, machine.architecture(), self.choice.base, self.paths.cache / "tools")
        tools |= {name: self.unpacked / path for name, (_package, path) in PACKAGED.items()}
        for name, program in tools.items():
            files.point(self.paths.tools / name, program)

    def start(self, lab: Lab, settings: NodeSettings) -> None:
        """Start the services and the nodes."""
        if lab.supply == supply.BUILD:
            with self.stages.stage("services"):
                programs = {name: self.builder.binary(of, name) for name, of in services.PROGRAMS.items()}
                rows = services.of_lab(lab, self.paths, programs)
                image = services.image(self.system)
                started = services.start_all(lab, rows, settings, self.paths.cache, self.artifacts.tree, image)
                self.stages.note(f"started {' and '.join(started)}" if started else "running")
        with self.stages.stage("nodes"):
            started = nodes.start_all(lab, settings, self.system.image)
            self.stages.note(f"started {' '.join(started)}" if started else "running")


def node_settings(paths: Paths) -> NodeSettings:
    """Return how nodes are run on this machine, for a lab that is there already."""
    return machine.judge(machine.observe(paths.cache), building=False, running=True, supplied=True).settings


def link_collection(checkout: Path) -> None:
    """Let Ansible find the checkout as the collection atarnet.homelab, beside the playbooks."""
    files.point(checkout / "collections" / "ansible_collections" / "atarnet" / "homelab", "../../..")
