# SPDX-License-Identifier: GPL-3.0-or-later
"""Small volumes of a node: our backup, one restic over all of them, and restic per volume in a loop; then a restore.

Needs root: the volumes lie on a btrfs of its own, from whose snapshot ours reads. SIZES are numbers of volumes of
FILES files each; the loop has LOOPED volumes only, its time is given for all. ours, one and loop write into a
repository each, `first` into an empty one, `noop` when nothing changed, `change` when a file of every tenth volume did.
The restore is of one volume of RESTORED files of 256 KiB: ours with its proof, `restic restore` with `sha256sum`.
Prints one line a round and for each size: backup volumes=N SITUATION_ratio_one=MED SITUATION_ratio_loop=MED ...
and last: backup restore=S peer=S ratio_restore=MED
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
SIZES = [int(word) for word in os.environ.get("SIZES", "10 100 1000").split()]
ROUNDS = int(os.environ.get("ROUNDS", "3"))
FILES = int(os.environ.get("FILES", "8"))
LOOPED = int(os.environ.get("LOOPED", "5"))
RESTORED = int(os.environ.get("RESTORED", "1000"))
SITUATIONS = FIRST, NOOP, CHANGE = ("first", "noop", "change")


class Place:
    """The folder of the benchmark: a disk with volumes, the program, and repositories."""

    def __init__(self, root: Path) -> None:
        self.root, self.disk = root, root / "disk"
        (root / "password").write_text("benchmark", encoding="ascii")
        (root / "password").chmod(0o600)
        library = root / "lib" / "homelab"
        library.mkdir(parents=True)
        for name in ("_backup", "_host"):
            shutil.copytree(CHECKOUT / "plugins" / "module_utils" / name, library / name)
        self.restic("blank", "init", "--quiet")

    def new(self, name: str) -> None:
        """Have an empty repository of a name, and nothing known of a former one."""
        for left in (self.root / name, self.root / f"cache-{name}", self.root / "state"):
            shutil.rmtree(left, ignore_errors=True)
        shutil.copytree(self.root / "blank", self.root / name)

    def restic(self, repository: str, *words: str) -> float:
        """Return the seconds that restic takes."""
        settings = {
            "RESTIC_REPOSITORY": str(self.root / repository),
            "RESTIC_PASSWORD_FILE": str(self.root / "password"),
            "RESTIC_CACHE_DIR": str(self.root / f"cache-{repository}"),
        }
        return timed(["restic", *words], settings)

    def ours(self, volumes: list[Path], *words: str) -> float:
        """Return the seconds that our program takes, its start among them."""
        config = {
            "lab": "bench",
            "node": "node",
            "repository": {"url": str(self.root / "ours"), "password_file": str(self.root / "password")},
            "volumes": [{"name": f"bench/{folder.name}", "path": str(folder)} for folder in volumes],
        }
        (self.root / "backup.json").write_text(json.dumps(config), encoding="utf-8")
        start = (
            "import sys; from homelab._backup.cli import main; from homelab._backup.model import Places; "
            f"sys.exit(main(sys.argv[1:], Places({str(self.root / 'state')!r}, {str(self.root / 'lock')!r})))"
        )
        command = [sys.executable, "-c", start, f"--config={self.root}/backup.json", *words]
        return timed(command, {"PYTHONPATH": str(self.root / "lib")})


def timed(command: list[str], settings: dict[str, str]) -> float:
    """Return the seconds a command takes; ends the benchmark when it fails."""
    began = time.monotonic()
    done = subprocess.run(command, env={**os.environ, **settings}, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command[:4])} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return time.monotonic() - began


@contextlib.contextmanager
def mounted(root: Path) -> t.Iterator[None]:
    """Have a btrfs at *root*/disk."""
    image = root / "disk.img"
    with image.open("wb") as stream:
        stream.truncate(4 << 30)
    (root / "disk").mkdir()
    subprocess.run(["mkfs.btrfs", "--quiet", str(image)], check=True, capture_output=True)
    subprocess.run(["mount", "-o", "loop", str(image), str(root / "disk")], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(root / "disk")], check=True)


def make(folder: Path, count: int, sizes: t.Sequence[int], chance: random.Random) -> Path:
    """Have a volume of some files."""
    folder.mkdir(parents=True)
    for number in range(count):
        (folder / f"file-{number:04d}").write_bytes(chance.randbytes(chance.choice(sizes)))
    return folder


def measure(place: Place, size: int) -> None:
    """Compare the three on one number of volumes, and print."""
    chance = random.Random(size)
    top = place.disk / f"volumes-{size}"
    volumes = [make(top / f"v{number:04d}", FILES, (1 << 10, 4 << 10, 64 << 10), chance) for number in range(size)]
    ratios: dict[str, list[float]] = {}
    for number in range(1, ROUNDS + 1):
        for repository in ("ours", "one", "loop"):
            place.new(repository)
        told = []
        for situation in SITUATIONS:
            if situation == CHANGE:
                for folder in volumes[::10]:
                    (folder / "file-0000").write_bytes(chance.randbytes(4 << 10))
            runs: list[tuple[str, t.Callable[[], float]]] = [
                ("ours", lambda: place.ours(volumes, "run")),
                ("one", lambda: place.restic("one", "backup", "--quiet", "--skip-if-unchanged", str(top))),
                ("loop", lambda: _loop(place, volumes)),
            ]
            took = {name: run() for name, run in (runs if number % 2 else runs[::-1])}
            told.append(f"{situation} {took['ours']:.2f}/{took['one']:.2f}/{took['loop']:.1f} s")
            for peer in ("one", "loop"):
                ratios.setdefault(f"{situation}_ratio_{peer}", []).append(took["ours"] / took[peer])
        print(f"{size} volumes, round {number}, ours/one/loop: {', '.join(told)}", flush=True)
    medians = " ".join(f"{key}={statistics.median(values):.3f}" for key, values in ratios.items())
    spans = " ".join(f"{key}={min(values):.3f}..{max(values):.3f}" for key, values in ratios.items())
    print(f"backup volumes={size} files={size * FILES} rounds={ROUNDS} {medians} | {spans}", flush=True)


def _loop(place: Place, volumes: list[Path]) -> float:
    some = volumes[:: max(1, len(volumes) // LOOPED)][:LOOPED]
    return sum(place.restic("loop", "backup", "--quiet", str(one)) for one in some) * len(volumes) / len(some)


def restore(place: Place) -> None:
    """Compare a restore with its proof, and print."""
    folder = make(place.disk / "restored", RESTORED, (256 << 10,), random.Random(0))
    names = sorted(path.name for path in folder.iterdir())
    sums = subprocess.run(["sha256sum", *names], cwd=folder, check=True, capture_output=True, text=True).stdout
    (place.root / "sums").write_text(sums, encoding="ascii")
    place.new("ours")
    place.new("one")
    place.ours([folder], "run")
    place.restic("one", "backup", "--quiet", str(folder))
    pairs = []
    for number in range(1, ROUNDS + 1):
        # Both into a folder that is not there, on the same disk.
        target, peer = place.disk / "target", place.disk / "peer"
        mine = place.ours([folder], "restore", "bench/restored", f"--target={target}")
        theirs = place.restic("one", "restore", "--quiet", f"latest:{folder}", f"--target={peer}")
        theirs += timed(["sh", "-c", f"cd {peer} && sha256sum --quiet --check {place.root}/sums"], {})
        pairs.append((mine, theirs))
        print(f"restore of {RESTORED} files, round {number}, ours/peer: {mine:.2f}/{theirs:.2f} s", flush=True)
        shutil.rmtree(target)
        shutil.rmtree(peer)
    ratios = [mine / theirs for mine, theirs in pairs]
    print(
        f"backup restore={statistics.median(mine for mine, _theirs in pairs):.2f} "
        f"peer={statistics.median(theirs for _mine, theirs in pairs):.2f} "
        f"ratio_restore={statistics.median(ratios):.3f} min={min(ratios):.3f} max={max(ratios):.3f}"
    )


def main() -> None:
    """Measure each size, then the restore."""
    with tempfile.TemporaryDirectory() as name, mounted(Path(name)):
        place = Place(Path(name))
        for size in SIZES:
            measure(place, size)
        restore(place)


if __name__ == "__main__":
    main()
