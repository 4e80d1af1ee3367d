# SPDX-License-Identifier: GPL-3.0-or-later
"""A host in a folder: real files below a root, and commands that behave like those of a Debian host."""

from __future__ import annotations

import os
import typing as t
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.atarnet.homelab.plugins.module_utils._host.builder import Change, Plan
from ansible_collections.atarnet.homelab.plugins.module_utils._host.commands import RunResult
from ansible_collections.atarnet.homelab.plugins.module_utils._host.model import Desired
from ansible_collections.atarnet.homelab.plugins.module_utils._host.parse import parse
from ansible_collections.atarnet.homelab.plugins.module_utils._host.payload import build
from ansible_collections.atarnet.homelab.plugins.module_utils._host.reconcile import reconcile
from ansible_collections.atarnet.homelab.plugins.module_utils._host.system import System


class Killed(BaseException):
    """Stands for a process that ends at once: no handler of the code under test may catch it."""


class RootedSystem(System):
    """A system below a folder where whoever runs the tests plays root."""

    def uid(self, name: str) -> int | None:
        return os.getuid() if name == "root" else super().uid(name)

    def gid(self, name: str) -> int | None:
        return os.getgid() if name == "root" else super().gid(name)

    def name_of(self, kind: str, number: int) -> str:
        ours = os.getuid() if kind == "user" else os.getgid()
        return "root" if number == ours else super().name_of(kind, number)


@dataclass
class Commands:
    """What the commands of the host know and were asked; ``provides`` maps a package to the unit it brings."""

    root: Path
    packages: dict[str, str] = field(default_factory=dict)
    available: dict[str, str] = field(default_factory=dict)
    depends: dict[str, list[str]] = field(default_factory=dict)
    provides: dict[str, str] = field(default_factory=dict)
    units: dict[str, dict[str, str]] = field(default_factory=dict)
    log: list[tuple[str, ...]] = field(default_factory=list)
    kill_at: int | None = None
    mutations: int = 0
    crashing: set[str] = field(default_factory=set)
    sockets: str = ""
    read: list[str] = field(default_factory=list)

    def __call__(self, argv: Sequence[str], data: str | None = None) -> RunResult:
        self.log.append(tuple(argv))
        if data is not None:
            self.read.append(data)
        handler = getattr(self, "_" + argv[0].replace("-", "_"), None)
        if handler is None:
            return RunResult(0, "", "")
        words = [word for word in argv[1:] if word != "--" and not word.startswith("-o")]
        answer = handler(words)
        return answer if isinstance(answer, RunResult) else RunResult(0, answer or "", "")

    def ran(self, *start: str) -> list[tuple[str, ...]]:
        """The commands that were run and begin like this."""
        return [argv for argv in self.log if argv[: len(start)] == start]

    def _dpkg_query(self, _words: list[str]) -> str:
        return "".join(f"installed\t{name}\t{version}\n" for name, version in self.packages.items())

    def _apt_cache(self, words: list[str]) -> str:
        return "".join(f"{name}:\n  Candidate: {self.available.get(name, '(none)')}\n" for name in words[1:])

    def _apt_get(self, words: list[str]) -> RunResult | str:
        simulated, words = "-s" in words, [word for word in words if not word.startswith("-")]
        verb, names = words[0], words[1:]
        if verb == "install":
            coming = dict.fromkeys([*names, *(dep for name in names for dep in self.depends.get(name, []))])
            new = [name for name in coming if name not in self.packages]
            if simulated:
                return "".join(f"Inst {name} (1 Debian)\n" for name in new)
            for name in new:
                self.packages[name] = self.available.get(name, "1")
                if name in self.provides:
                    self.units[self.provides[name]] = {"ActiveState": "active", "UnitFileState": "enabled"}
        elif verb in ("remove", "purge"):
            going = {name for name in self.packages if name in names or set(self.depends.get(name, [])) & set(names)}
            if simulated:
                return "".join(f"Remv {name} [1]\n" for name in sorted(going))
            for name in going:
                del self.packages[name]
        elif verb == "autoremove":
            needed = {dep for name in self.packages for dep in self.depends.get(name, [])}
            every = {dep for deps in self.depends.values() for dep in deps}
            return "".join(f"Remv {name} [1]\n" for name in sorted(every & set(self.packages) - needed))
        return ""

    def _unit(self, name: str) -> dict[str, str] | None:
        if (self.root / "etc/systemd/system" / name).exists():
            self.units.setdefault(name, {"ActiveState": "inactive", "UnitFileState": "disabled"})
        return self.units.get(name)

    def _systemctl(self, words: list[str]) -> RunResult | str:
        verb, names = words[0], [word for word in words[1:] if not word.startswith("--")]
        if verb == "show":
            return "\n\n".join(self._show(name) for name in names)
        if verb == "daemon-reload":
            return ""
        if verb == "list-unit-files":
            return "".join(f"{name} {unit['UnitFileState']} enabled\n" for name, unit in self.units.items())
        unit = self._unit(names[0])
        if unit is None:
            return RunResult(5, "", f"Unit {names[0]} not found.")
        if verb in ("start", "restart"):
            unit["ActiveState"] = "failed" if names[0] in self.crashing else "active"
            return RunResult(1, "", "Job failed.") if names[0] in self.crashing else ""
        unit.update({"stop": {"ActiveState": "inactive"}}.get(verb, {}))
        unit.update({"enable": {"UnitFileState": "enabled"}, "disable": {"UnitFileState": "disabled"}}.get(verb, {}))
        return ""

    def _show(self, name: str) -> str:
        unit = self._unit(name)
        known = {"LoadState": "loaded" if unit else "not-found", "ActiveState": "inactive", "UnitFileState": ""}
        return "\n".join(f"{key}={value}" for key, value in {**known, "Result": "success", **(unit or {})}.items())

    def _journalctl(self, _words: list[str]) -> str:
        return "the last words\n"

    def _ss(self, _words: list[str]) -> str:
        return self.sockets

    def _checkconf(self, _words: list[str]) -> RunResult | str:
        return RunResult(1, "", "stdin:3: error: syntax error") if "wrong" in self.read[-1] else ""

    def _modprobe(self, words: list[str]) -> RunResult | str:
        if words[0] == "nosuch":
            return RunResult(1, "", "modprobe: FATAL: Module nosuch not found")
        (self.root / "sys/module" / words[0]).mkdir(parents=True)
        if words[0] == "br_netfilter":
            bridge = self.root / "proc/sys/net/bridge"
            bridge.mkdir(parents=True)
            (bridge / "bridge-nf-call-iptables").write_text("0\n")
        return ""

    def _groupadd(self, words: list[str]) -> None:
        with (self.root / "etc/group").open("a") as stream:
            stream.write(f"{words[-1]}:x:990:\n")

    def _useradd(self, words: list[str]) -> None:
        with (self.root / "etc/passwd").open("a") as stream:
            stream.write(f"{words[-1]}:x:990:0::/nonexistent:/usr/sbin/nologin\n")

    def _userdel(self, words: list[str]) -> None:
        self._drop("etc/passwd", words[-1])

    def _groupdel(self, words: list[str]) -> None:
        self._drop("etc/group", words[-1])

    def _drop(self, path: str, name: str) -> None:
        file = self.root / path
        file.write_text(
            "".join(f"{line}\n" for line in file.read_text().splitlines() if not line.startswith(f"{name}:"))
        )

    def _mount(self, words: list[str]) -> None:
        if not any(word.startswith("remount") for word in words):
            with (self.root / "proc/mounts").open("a") as stream:
                stream.write(f"{words[-2]} {words[-1]} {words[words.index('-t') + 1]} rw 0 0\n")

    def _umount(self, words: list[str]) -> None:
        file = self.root / "proc/mounts"
        file.write_text("".join(f"{line}\n" for line in file.read_text().splitlines() if line.split()[1] != words[-1]))

    def _swapoff(self, _words: list[str]) -> None:
        (self.root / "proc/swaps").write_text("Filename Type Size Used Priority\n")


class Host:
    """A host to try host_state on."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in (
            "etc/systemd/system",
            "etc/sysctl.d",
            "etc/modules-load.d",
            "proc/sys/net/ipv4",
            "var/lib",
            "opt",
        ):
            (root / folder).mkdir(parents=True)
        (root / "proc/sys/net/ipv4/ip_forward").write_text("0")
        (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/bash\n")
        (root / "etc/group").write_text("root:x:0:\n")
        (root / "proc/mounts").write_text("/dev/vda1 / ext4 rw 0 0\n")
        (root / "proc/swaps").write_text("Filename Type Size Used Priority\n/swap.img file 100 0 -2\n")
        (root / "etc/fstab").write_text("UUID=1 / ext4 defaults 0 1\n/swap.img none swap sw 0 0\n")
        self.commands = Commands(root)
        self.system: System = RootedSystem(str(root), self.commands)

    def write(self, path: str, text: str) -> Path:
        """Put a file there by hand."""
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def read(self, path: str) -> str:
        """The text of a file."""
        return (self.root / path.lstrip("/")).read_text()

    def exists(self, path: str) -> bool:
        """Whether anything lies there."""
        return os.path.lexists(self.root / path.lstrip("/"))

    def run(
        self,
        *raws: dict[str, t.Any],
        owner: str = "node",
        check: bool = False,
        forget: bool = False,
        done: list[Change] | None = None,
    ) -> Plan:
        """One run of host_state with these resources, or without any: state absent."""
        payload = build(list(raws), render)
        desired = Desired(owner, parse(payload.resources), {**payload.contents, **payload.secrets})
        return reconcile(self.system, desired, check, forget, [] if done is None else done)

    def snapshot(self) -> dict[str, str]:
        """Everything that lies on the host but the state folder of host_state."""
        found: dict[str, str] = {}
        for place, folders, files in os.walk(self.root):
            for name in folders + files:
                path = Path(place, name)
                key = str(path.relative_to(self.root))
                if not key.startswith("var/lib/atarnet-homelab"):
                    mode = f"{path.lstat().st_mode:o} "
                    content = os.readlink(path) if path.is_symlink() else path.read_text() if path.is_file() else ""
                    found[key] = mode + content
        return found


def render(name: str, items: Sequence[str | None]) -> list[str]:
    """Stands for the action's templates."""
    return [f"rendered {name} {item}\n" for item in items]


def summary(plan: Plan) -> list[str]:
    """A plan's changes in a form that is easily compared."""
    return [f"{change.action} {change.identity}" for change in plan.changes]
