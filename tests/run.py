#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run everything that is proven, stage by stage, and print what each stage took.

`tests/run.py` runs all stages; `tests/run.py lint units` only those. The first failing stage ends the run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "atarnet-homelab"


def shell(*commands: str, folder: Path = CHECKOUT) -> None:
    """Run each command with the project's tools on PATH; raises CalledProcessError at the first that fails."""
    settings = subprocess.run(
        [sys.executable, "-m", "lab", "env"], cwd=CHECKOUT, check=True, capture_output=True, text=True
    ).stdout
    for command in commands:
        print(f"$ {command}", flush=True)
        subprocess.run(["bash", "-euo", "pipefail", "-c", f"{settings}\n{command}"], cwd=folder, check=True)


def supply() -> None:
    """Install the tools and build the components."""
    subprocess.run([sys.executable, "-m", "lab", "supply"], cwd=CHECKOUT, check=True)


def lint() -> None:
    """Formatting, style, types, YAML and Ansible's own conventions."""
    shell(
        "ruff format --check .",
        "ruff check .",
        "mypy lab benchmarks tests/run.py",
        "cd collections && mypy --config-file ../pyproject.toml -p ansible_collections.atarnet.homelab.plugins",
        "yamllint --strict .",
        "ansible-lint --offline",
    )


def sanity() -> None:
    """Run ansible-test sanity on a copy that lies where it insists on lying."""
    copy = CACHE / "sanity" / "ansible_collections" / "atarnet" / "homelab"
    copy.mkdir(parents=True, exist_ok=True)
    seed = Path.home() / ".ansible" / "test" / "cache" / "get_pip_25_2.py"
    if not seed.exists():
        # ansible-test would download pip's installer; ensurepip is at hand.
        seed.parent.mkdir(parents=True, exist_ok=True)
        seed.write_text(
            "import ensurepip, subprocess, sys\n"
            "ensurepip.bootstrap()\n"
            "extra = [a for a in sys.argv[1:] if a not in ('--no-setuptools', '--no-wheel')]\n"
            "subprocess.check_call([sys.executable, '-m', 'pip', 'install', *extra])\n",
            encoding="utf-8",
        )
    files = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=CHECKOUT, check=True, capture_output=True,
    ).stdout  # fmt: skip
    subprocess.run(
        ["rsync", "-a", "--from0", "--files-from=-", "--ignore-missing-args", ".", copy],
        cwd=CHECKOUT, check=True, input=files,
    )  # fmt: skip
    for leftover in sorted(copy.rglob("*"), reverse=True):
        if leftover.is_file() and not (CHECKOUT / leftover.relative_to(copy)).exists():
            leftover.unlink()
    shell("ansible-test sanity --venv --python 3.13 --color no plugins/ roles/ playbooks/ meta/", folder=copy)


def units() -> None:
    """Pure parts, module wiring, refused and accepted input, and the repository's own rules."""
    shell("python -m pytest --numprocesses=2 tests/unit tests/meta tests/negative --durations=10")


def nodes() -> None:
    """Three blank nodes with registry and mirror."""
    # A lab that an earlier, broken run left may hold anything, nodes that cannot start among it.
    subprocess.run([sys.executable, "-m", "lab", "down"], cwd=CHECKOUT, check=True)
    subprocess.run([sys.executable, "-m", "lab", "up", "--no-site"], cwd=CHECKOUT, check=True)


def api() -> None:
    """Modules that speak to the Kubernetes API, against an API server of their own."""
    shell(
        'HOMELAB_BIN=$(dirname "$(command -v kube-apiserver)") python -m pytest --numprocesses=2'
        " tests/integration/kube tests/integration/helm --durations=10"
    )


def fidelity() -> None:
    """Plans against results, on blank nodes and after generated damage; ends with the figures."""
    shell("python -m tests.fidelity")


def molecule() -> None:
    """Run each layer's scenario on the lab that stands: converge, idempotence, verify."""
    shell("MOLECULE_GLOB='molecule/*/molecule.yml' molecule test --all --exclude vagrant --exclude storage --report")


def blackbox() -> None:
    """Look at the cluster with foreign clients; secrets and concurrent runs as well."""
    shell(
        "python -m pytest tests/blackbox tests/integration/test_runs.py tests/integration/test_canaries.py"
        " --durations=20"
    )


def traffic() -> None:
    """Send requests through the routes, kill what serves them."""
    shell("python -m pytest tests/traffic --durations=10")


def package() -> None:
    """Build the tarball, install it elsewhere and run it by its name against the live lab."""
    shell("python -m pytest tests/package")


def faults() -> None:
    """Kill runs, unplug hosts, take everything back, lose it and restore, build it with three control planes."""
    # That the copy of the backups is enough is left to `make drill`: it takes as long once more.
    shell(
        "python -m pytest tests/integration/test_faults.py tests/integration/test_interfaces.py"
        " tests/integration/test_reset.py tests/integration/test_rebuild.py"
        " tests/integration/test_control_plane_lost.py tests/integration/test_control_planes.py"
        " --deselect tests/integration/test_rebuild.py::test_the_repository_is_lost_as_well_and_the_copy_is_enough"
        " --durations=20"
    )


def down() -> None:
    """Remove the lab."""
    subprocess.run([sys.executable, "-m", "lab", "down"], cwd=CHECKOUT, check=True)


STAGES: dict[str, Callable[[], None]] = {
    stage.__name__: stage
    for stage in (supply, lint, units, sanity, nodes, api, fidelity, molecule, blackbox, traffic, package, faults, down)
}


def main(names: list[str]) -> int:
    """Run the named stages (all when none is named) and print a table of their times."""
    unknown = [name for name in names if name not in STAGES]
    if unknown:
        print(f"no stage is called {', '.join(unknown)}; there are: {', '.join(STAGES)}", file=sys.stderr)
        return 2
    took: list[tuple[str, float, bool]] = []
    for name in names or STAGES:
        print(f"\n=== {name}: {STAGES[name].__doc__}", flush=True)
        start = time.monotonic()
        try:
            STAGES[name]()
        except subprocess.CalledProcessError as exc:
            print(f"stage {name} failed: exit code {exc.returncode}", flush=True)
            took.append((name, time.monotonic() - start, False))
            break
        took.append((name, time.monotonic() - start, True))
    print()
    for name, seconds, passed in took:
        print(f"{name:<12} {seconds:7.1f} s  {'passed' if passed else 'FAILED'}")
    failed = sum(1 for *_rest, passed in took if not passed)
    print(f"{'total':<12} {sum(seconds for _name, seconds, _passed in took):7.1f} s")
    print(f"stages: {len(took) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
