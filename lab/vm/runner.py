# SPDX-License-Identifier: GPL-3.0-or-later
"""The machines together: their network, which is one of its own on this machine, and their lives."""

from __future__ import annotations

import contextlib
import os
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab import files
from lab.artifacts import Artifacts
from lab.errors import LabError
from lab.paths import Paths
from lab.process import run, succeeds
from lab.stages import Stages
from lab.table import STORAGE
from lab.vm import machines, sources
from lab.vm.image import Image
from lab.vm.machines import CONTROLLER, KINDS, NATIVE, NETWORK, UPLINK, Machine
from lab.vm.qemu import Process, greets

BOOT_SECONDS = 300
FOLDER = "vm"
_FIRST_WORD_SECONDS = 20
PACKAGES = {"x86_64": "qemu-system-x86", "aarch64": "qemu-system-arm"}


class Machines:
    """The machines of a lab for one kind of tests; all of them lies in one folder and one network namespace."""

    def __init__(self, paths: Paths, kind: str = NETWORK) -> None:
        self._paths, self._kind, self.machines = paths, kind, KINDS[kind]
        self.folder = paths.states / paths.lab / FOLDER / kind
        self.namespace = f"homelab-vm-{paths.lab}-{kind}"
        self.key = self.folder / "key"
        self.known_hosts = self.folder / "known_hosts"
        self.processes = {machine.name: Process(machine, self.folder / machine.name) for machine in self.machines}

    def up(self) -> None:
        """Start what does not run, and enter their network; prints how long each step took."""
        stages, image = Stages(), Image(self._paths)
        with stages.stage("packages"):
            install()
        with stages.stage("image"):
            stages.note("made" if image.make() else "unchanged")
        # The known hosts are written when all machines have answered.
        if self.known_hosts.exists() and all(process.running() for process in self.processes.values()):
            self.enter()
            return
        self.down()
        self.folder.mkdir(parents=True)
        self._make_network()
        with stages.stage("boot"):
            stages.note(f"accelerated by {self._boot(image)}")
        if self._kind == NETWORK:
            with stages.stage("keep"), ThreadPoolExecutor(len(self.machines)) as pool:
                list(pool.map(Process.save, self.processes.values()))

    def enter(self) -> None:
        """Put this process, and what it starts from now on, into the machines' network. Raises LabError."""
        try:
            handle = os.open(Path("/run/netns") / self.namespace, os.O_RDONLY)
        except FileNotFoundError as error:
            cause = "the machines do not run"
            raise LabError("Entering the machines' network", cause, "Run `python3 -m lab vm up`.") from error
        os.setns(handle, os.CLONE_NEWNET)
        os.close(handle)

    def down(self) -> None:
        """End the machines and remove their network and disks."""
        for process in self.processes.values():
            process.end()
        sources.end(self.folder)
        if self.namespace in run(["ip", "netns", "list"], attempted="Listing network namespaces").split():
            run(["ip", "netns", "delete", self.namespace], attempted="Removing the machines' network")
        if self.folder.exists():
            run(["rm", "-rf", self.folder], attempted="Removing the machines")
        with contextlib.suppress(OSError):
            self.folder.parent.rmdir()

    def serve(self, tree: Artifacts, registry: Path) -> None:
        """Give the machines the files of *tree* and, by that program, the images of this machine's labs."""
        address = machines.place(NATIVE, CONTROLLER)
        sources.serve(self.folder, address, tree.tree, registry, self._paths.cache / "registry", tree.checksums())

    def restore(self) -> None:
        """Bring all machines back to the moment at which they were born."""
        with ThreadPoolExecutor(len(self.machines)) as pool:
            list(pool.map(Process.restore, self.processes.values()))

    def inventory(self) -> dict[str, t.Any]:
        """Return the inventory; a machine is where it was born, or where the plan has it, if it answers there."""
        found = {machine.name: self.address_of(machine) for machine in self.machines}
        key = str(self.key)
        said = (
            machines.of_storage(key, sources.said(self.folder)) if self._kind == STORAGE else machines.of_network(key)
        )
        return machines.inventory(self.machines, said, key, str(self.known_hosts), found)

    def address_of(self, machine: Machine) -> str:
        """Return where a machine is reached now."""
        planned = machines.network()["hosts"].get(machine.name, {"addresses": {}})["addresses"]
        return next((address for address in planned.values() if greets(address)), machine.address)

    def _make_network(self) -> None:
        """One bridge carries all VLANs, as a trunk between switches does; another is the provider's."""
        provider, _own, length = UPLINK
        bridges = {"trunk": f"{machines.place(NATIVE, CONTROLLER)}/24", "uplink": f"{provider}/{length}"}
        commands = ["link set lo up"]
        for name, address in bridges.items():
            commands += [f"link add {name} type bridge", f"link set {name} up", f"address add {address} dev {name}"]
        for name in (name for name in machines.VLANS if name != NATIVE):
            commands.append(f"route add {machines.prefix(name)} via {machines.place(NATIVE, 1)}")
        for machine in self.machines:
            for tap, port in zip(taps(machine), machine.ports, strict=True):
                commands += [f"tuntap add {tap} mode tap", f"link set {tap} master {port} up"]
        run(["ip", "netns", "add", self.namespace], attempted="Making the machines' network")
        batch = "".join(f"{command}\n" for command in commands).encode()
        self.enter()
        run(["ip", "-batch", "-"], attempted="Making the machines' network", stdin=batch)

    def _boot(self, image: Image) -> str:
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key], attempted="Making the machines' key")
        public = self.key.with_suffix(".pub").read_text().strip()
        for machine in self.machines:
            files.write(self.folder / machine.name / "seed" / "born.sh", machines.born_script(machine, public))
        accelerator = self._first(image)
        for machine in self.machines[1:]:
            self.processes[machine.name].start(image, taps(machine), accelerator)
        for process in self.processes.values():
            process.wait(BOOT_SECONDS)
        scan = ["ssh-keyscan", "-t", "ed25519", *(machine.address for machine in self.machines)]
        self.known_hosts.write_text(run(scan, attempted="Reading the machines' host keys"))
        return accelerator

    def _first(self, image: Image) -> str:
        """Start one machine and return what accelerates it: a /dev/kvm that is there may still not do."""
        machine = self.machines[0]
        process, accelerator = self.processes[machine.name], "kvm" if os.access("/dev/kvm", os.W_OK) else "tcg"
        process.start(image, taps(machine), accelerator)
        if accelerator == "kvm" and not process.speaks(_FIRST_WORD_SECONDS):
            process.end()
            accelerator = "tcg"
            process.start(image, taps(machine), accelerator)
        return accelerator


def taps(machine: Machine) -> list[str]:
    """Return the names of a machine's ends on this machine."""
    return [f"{machine.name}-{number}" for number in range(len(machine.ports))]


def install() -> None:
    """Install QEMU where it is missing."""
    package = PACKAGES.get(os.uname().machine)
    if package is None:
        raise LabError("Starting virtual machines", f"{os.uname().machine} is not known here", "Use amd64 or arm64.")
    if not succeeds(["sh", "-c", f"command -v qemu-img && dpkg -s {package}"]):
        names = [package, "qemu-utils", "e2fsprogs"]
        run(["apt-get", "update", "-q"], attempted="Updating apt's package lists")
        options = ["-q", "-y", "--no-install-recommends"]
        install_them = ["apt-get", "install", *options, *names]
        run(install_them, attempted=f"Installing {' '.join(names)}", env={"DEBIAN_FRONTEND": "noninteractive"})
