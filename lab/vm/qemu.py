# SPDX-License-Identifier: GPL-3.0-or-later
"""One machine under QEMU: start it, talk to its monitor, end it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
import typing as t
from pathlib import Path

from lab.errors import LabError
from lab.process import last_lines, run
from lab.vm.image import Image
from lab.vm.machines import Machine

BORN = "born"
DISK_SIZE = "1G"
_ARCHITECTURES = {
    "x86_64": ("qemu-system-x86_64", "pc", "ttyS0"),
    "aarch64": ("qemu-system-aarch64", "virt", "ttyAMA0"),
}


class Process:
    """A machine's QEMU process, found by the files in its folder."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        self.machine, self.folder = machine, folder
        self._monitor, self._pid_file, self.console = folder / "monitor", folder / "pid", folder / "console.log"

    def running(self) -> bool:
        """Tell whether it runs."""
        return self._pid() is not None

    def start(self, image: Image, taps: t.Sequence[str], accelerator: str) -> None:
        """Start it with a disk layer of its own and its cards on *taps*, which lie in this process's network."""
        program, kind, console = _ARCHITECTURES[os.uname().machine]
        self.folder.mkdir(parents=True, exist_ok=True)
        disk, seed = self.folder / "disk.qcow2", self.folder / "seed.raw"
        disk.unlink(missing_ok=True)
        layer: list[str | Path] = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", image.disk, disk]
        layer += [self.machine.room] if self.machine.room else []
        run(layer, attempted=f"Making the disk of {self.machine.name}")
        seed.unlink(missing_ok=True)
        filled: list[str | Path] = ["mkfs.ext4", "-q", "-F", "-d", self.folder / "seed", seed, "1M"]
        run(filled, attempted=f"Making the seed of {self.machine.name}")
        options = [
            *("-name", self.machine.name, "-machine", f"{kind},accel={accelerator}"),
            *("-cpu", "host" if accelerator == "kvm" else "max", "-m", str(self.machine.memory)),
            *("-smp", str(self.machine.cpus)),
            *("-nodefaults", "-display", "none", "-daemonize", "-pidfile", str(self._pid_file)),
            *("-monitor", f"unix:{self._monitor},server=on,wait=off", "-serial", f"file:{self.console}"),
            *("-kernel", str(image.kernel), "-initrd", str(image.initrd)),
            *("-append", f"root=/dev/vda rw console={console} net.ifnames=0 mitigations=off"),
            # In this order they are vda, vdb and so on.
            *_drive("system", f"file={disk},format=qcow2,cache=unsafe"),
            *_drive("seed", f"file={seed},format=raw,snapshot=on"),
        ]
        for serial in self.machine.disks:
            options += _drive(serial, f"file={self._empty(serial)},format=qcow2,cache=unsafe")
        for number, tap in enumerate(taps):
            options += ["-netdev", f"tap,id=n{number},ifname={tap},script=no,downscript=no"]
            options += ["-device", f"virtio-net-pci,netdev=n{number},mac={self._mac(number)}"]
        run([program, *options], attempted=f"Starting the machine {self.machine.name}")

    def _empty(self, serial: str) -> Path:
        path = self.folder / f"{serial}.qcow2"
        path.unlink(missing_ok=True)
        blank: list[str | Path] = ["qemu-img", "create", "-q", "-f", "qcow2", path, DISK_SIZE]
        run(blank, attempted=f"Making disk {serial} of {self.machine.name}")
        return path

    def _mac(self, number: int) -> str:
        return f"52:54:00:10:{self.machine.born:02x}:{number:02x}"

    def ask(self, command: str) -> str:
        """Say something to the monitor, and return what it answers when it is done."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(120)
            connection.connect(str(self._monitor))
            _until_prompt(connection)
            connection.sendall(f"{command}\n".encode())
            return _until_prompt(connection)

    def speaks(self, seconds: float) -> bool:
        """Wait for its kernel's first word; tell whether it came, and the accelerator did not give up before."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and "internal-error" not in self.ask("info status"):
            if self.console.stat().st_size:
                return True
            time.sleep(0.2)
        return False

    def save(self) -> None:
        """Keep the state it is in, memory included."""
        answer = self.ask(f"savevm {BORN}")
        if "Error" in answer:
            raise LabError(f"Keeping the state of {self.machine.name}", answer, "Look at the disk space and run again.")

    def restore(self) -> None:
        """Go back to the state that was kept."""
        answer = self.ask(f"loadvm {BORN}")
        if "Error" in answer:
            raise LabError(f"Bringing back {self.machine.name}", answer, "Run `python3 -m lab vm down` and start anew.")

    def wait(self, seconds: float) -> None:
        """Wait until it answers by SSH where it is born; raises LabError with the end of its console."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if greets(self.machine.address):
                return
            time.sleep(0.5)
        said = last_lines(self.console.read_text(errors="replace"))
        cause = (
            f"no SSH server answered at {self.machine.address} within {seconds:.0f} s; its console ends with:\n{said}\n"
        )
        raise LabError(f"Starting the machine {self.machine.name}", cause, "Look at the console's log and run again.")

    def end(self) -> None:
        """End it at once."""
        pid = self._pid()
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            while Path(f"/proc/{pid}").exists() and self._pid() == pid:
                time.sleep(0.05)
        self._pid_file.unlink(missing_ok=True)

    def _pid(self) -> int | None:
        try:
            pid = int(self._pid_file.read_text())
            command = Path(f"/proc/{pid}/cmdline").read_text()
        except (OSError, ValueError):
            return None
        return pid if str(self._pid_file) in command else None


def _drive(serial: str, backing: str) -> list[str]:
    return ["-drive", f"id={serial},if=none,{backing}", "-device", f"virtio-blk-pci,drive={serial},serial={serial}"]


def greets(address: str) -> bool:
    """Tell whether an SSH server answers at an address of this network."""
    try:
        with socket.create_connection((address, 22), timeout=2) as connection:
            connection.settimeout(5)
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def _until_prompt(connection: socket.socket) -> str:
    text = b""
    while not text.rstrip().endswith(b"(qemu)"):
        piece = connection.recv(4096)
        if not piece:
            break
        text += piece
    return text.decode(errors="replace")
