# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that the node's timers run: the same engine without Ansible.

It reads what volume_backup takes as JSON from /etc/homelab-backup/backup.json. It ends with 0, with 1 when something
failed (also when only some volumes did), with 2 when it was called wrongly.

Hosts compile it at each start: what a backup does not need is imported by the verbs that do.
"""

# It is no module: it speaks to whoever called it.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import argparse
import dataclasses
import json
import signal
import sys
import typing as t

from .._host.errors import HostError, explained
from . import backup, record
from .discover import one
from .model import KEEP, TAG, Json, Places, Wanted, parse
from .restic import Restic

CONFIG = "/etc/homelab-backup/backup.json"


def main(arguments: t.Sequence[str] | None = None, places: Places | None = None) -> int:
    """Run a verb; returns the exit code."""
    # The end that systemd asks for is one after which everything is taken back.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    given = _parser().parse_args(arguments)
    try:
        wanted = _read(given.config)
        # Of verbs that use a repository, whichever it is.
        wanted = wanted.of_copy() if getattr(given, "copy", False) else wanted
        answer = given.run(wanted, places or Places(), given)
    except HostError as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 1
    print(json.dumps(answer, indent=1, sort_keys=True))
    for name, why in sorted(answer.get("failed", {}).items()):
        print(f"error: {name}: {why}", file=sys.stderr)
    return 1 if answer.get("failed") else 0


def _read(path: str) -> Wanted:
    with explained(f"Cannot read {path}"), open(path, encoding="utf-8") as stream:
        text = stream.read()
    try:
        return parse(dict(json.loads(text)))
    except (TypeError, ValueError) as exc:
        raise HostError(f"Cannot read {path}", f"it is no JSON object ({exc})", "Run the role backup again") from exc


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="homelab-backup", description="Back up and restore the volumes of this node.")
    parser.add_argument("--config", default=CONFIG, help=f"what is to be backed up (default: {CONFIG})")
    verbs = parser.add_subparsers(metavar="VERB", required=True)

    def verb(
        name: str, run: t.Callable[[Wanted, Places, argparse.Namespace], Json], text: str
    ) -> argparse.ArgumentParser:
        sub = verbs.add_parser(name, help=text, description=text)
        sub.set_defaults(run=run)
        return sub

    def waits(sub: argparse.ArgumentParser) -> None:
        text = "how long locks of others are waited for, such as 1h (default: not)"
        sub.add_argument("--patience", default="0s", metavar="TIME", help=text)

    def either(sub: argparse.ArgumentParser) -> argparse.ArgumentParser:
        sub.add_argument("--copy", action="store_true", help="use the copy instead of the repository")
        return sub

    waits(verb("run", _run, "back up all volumes"))
    waits(verb("copy", _copy, "copy what the copy of the repository lacks"))
    verb("plan", _plan, "tell how each volume would be read")
    verb("undo", _undo, "take back what a run left that was killed")
    verb("ready", _ready, "prove that the repository is there and opens; the node that is to makes it")
    verb("init", _init, "make the repository")
    sub = either(verb("snapshots", _snapshots, "list a volume's snapshots, or the last of every volume of the lab"))
    sub.add_argument("volume", nargs="?", default="")
    sub = either(verb("restore", _restore, "restore a volume, verified"))
    sub.add_argument("volume")
    way = sub.add_mutually_exclusive_group()
    way.add_argument("--target", default="", help="the folder that it becomes (default: where it is on this node)")
    text = "play the dump back into the database that runs, instead"
    way.add_argument("--dump", action="store_true", help=text)
    sub.add_argument("--snapshot", default="latest")
    text = "files newer than the backup, or what the database has, may be lost"
    sub.add_argument("--overwrite", action="store_true", help=text)
    either(verb("drill", _drill, "restore every volume beside itself, verify it and remove it: a rehearsal"))
    sub = either(verb("check", _check, "check the repository"))
    sub.add_argument("--data", action="store_true", help="read all of it")
    text = "forget old snapshots of the lab and prune; not where the repository is append-only"
    sub = either(verb("forget", _forget, text))
    waits(sub)
    for name in KEEP:
        sub.add_argument(f"--keep-{name}", type=int, default=0, metavar="N")
    return parser


def _run(wanted: Wanted, places: Places, given: argparse.Namespace) -> Json:
    done = backup.run(wanted, places, patience=given.patience)
    return {**vars(done), "steps": [step.public() for step in done.steps]}


def _copy(wanted: Wanted, places: Places, given: argparse.Namespace) -> Json:
    from . import copies

    return dataclasses.asdict(copies.run(wanted, places, patience=given.patience))


def _plan(wanted: Wanted, _places: Places, _given: argparse.Namespace) -> Json:
    plan = backup.look(wanted)
    return {"steps": [step.public() for step in plan.steps], "failed": plan.refused, "warnings": plan.warnings}


def _undo(wanted: Wanted, places: Places, _given: argparse.Namespace) -> Json:
    return {"undone": backup.undo(wanted, places)}


def _ready(wanted: Wanted, places: Places, _given: argparse.Namespace) -> Json:
    from . import repository

    # Where node-exporter reads is empty after a boot.
    record.publish(record.load(places), wanted.metrics_file)
    if wanted.copy:
        from . import copies

        copies.publish(wanted, places)
    return repository.ready(wanted, places)


def _init(wanted: Wanted, places: Places, _given: argparse.Namespace) -> Json:
    restic, attempt = Restic(wanted.repository, places), "Cannot make the repository"
    restic.reach(attempt)
    return {"repository": restic.demand(attempt, "init").last("initialized").get("id", "")}


def _snapshots(wanted: Wanted, places: Places, given: argparse.Namespace) -> Json:
    from .restore import last_backups, snapshots

    restic = Restic(wanted.repository, places)
    if not given.volume:
        return {"snapshots": last_backups(restic, wanted.lab, places.view)}
    found = snapshots(restic, wanted.lab, given.volume, places.view)
    return {"snapshots": [{"id": one["id"], "taken": one["time"], "host": one["hostname"]} for one in found]}


def _restore(wanted: Wanted, places: Places, given: argparse.Namespace) -> Json:
    from .restore import Wish, restore

    if given.dump:
        from . import playback

        done = playback.play(wanted, places, playback.Request(given.volume, given.snapshot, given.overwrite))
        return dataclasses.asdict(done)
    fix = "Start the app once, so that the claim gets its volume, and stop it; or say where to with --target"
    target = given.target or one(wanted, given.volume, f"Cannot restore {given.volume}", fix).path
    words = (wanted.lab, given.volume, target, wanted.repository, given.snapshot, given.overwrite)
    return dataclasses.asdict(restore(Wish(*words, metrics_file=wanted.metrics_file), places))


def _drill(wanted: Wanted, places: Places, _given: argparse.Namespace) -> Json:
    from . import drill

    return dataclasses.asdict(drill.drill(wanted, places))


def _check(wanted: Wanted, places: Places, given: argparse.Namespace) -> Json:
    restic, attempt = Restic(wanted.repository, places), "Cannot check the repository"
    restic.reach(attempt)
    restic.demand(attempt, "check", *(["--read-data"] if given.data else []))
    return {"sound": True}


def _forget(wanted: Wanted, places: Places, given: argparse.Namespace) -> Json:
    from .restore import of_lab

    attempt = "Cannot forget old snapshots"
    kept = {name: getattr(given, f"keep_{name}") for name in KEEP}
    kept = kept if any(kept.values()) else dict(wanted.keep)
    if not any(kept.values()):
        raise HostError(attempt, "nothing would be kept", "Say how many with --keep-daily and the like")
    restic = Restic(wanted.repository, places)
    restic.reach(attempt)
    words = [f"--keep-{name}={count}" for name, count in kept.items() if count]
    hosts = sorted({str(one["hostname"]) for one in of_lab(restic, attempt, wanted.lab)})
    if hosts:
        words += [f"--host={one}" for one in hosts]
        restic.demand(attempt, "forget", "--prune", "--group-by=host", f"--tag={TAG}", *words, patience=given.patience)
    return {"hosts": hosts}


if __name__ == "__main__":
    sys.exit(main())
