# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is the repository there, and does its password open it? One node makes it where there is none, once."""

from __future__ import annotations

import json
import os
import time

from .._host.errors import HostError, explained
from .._host.lock import host_lock
from . import causes
from .journal import write_whole
from .model import Json, Places, Repository, Wanted
from .observe import mount_at, mounts_of
from .restic import Answer, Restic

_ATTEMPT = "Cannot use the repository"
# Until the node that makes it has done so: all begin at the same moment.
_WAIT_S = 45.0
_AGAIN_S = 1.5
# Restic itself tries for a quarter of an hour, whatever the reason.
_ANSWER_S = 20.0
KNOWN, FOUND, MADE = "known", "found", "made"


def ready(wanted: Wanted, places: Places, wait: float = _WAIT_S, source: Repository | None = None) -> Json:
    """Prove that the repository can be used; returns its "id" and whether it was "known", "found" or "made" now.

    A copy of *source* is made such that files are cut as they are there, so that what is equal is stored once.
    What was proved is not asked again until address, password or credentials are others: a target that is away at boot
    is told by the backup itself. Raises HostError.
    """
    # Who starts it by hand may meet the one that systemd started, and restic lets two make it at a time.
    with host_lock(2 * wait, f"{places.repository}.lock", "ready"):
        return _ready(wanted, places, wait, source)


def is_to_be_made(wanted: Wanted, places: Places) -> bool:
    """Tell whether there is none yet, so that ``ready`` has it made. Raises HostError where one was."""
    restic = Restic(wanted.repository, places)
    restic.reach(_ATTEMPT)
    absent = _look(restic).code == causes.NO_REPOSITORY
    if absent:
        _refuse_second(wanted, places)
    return absent


def known(places: Places) -> str:
    """Return the id of the repository that was last proven, "" when none was."""
    return str(_load(places).get("id", ""))


def _ready(wanted: Wanted, places: Places, wait: float, source: Repository | None) -> Json:
    now, before = _stamp(wanted.repository), _load(places)
    if before.get("stamp") == now:
        return {"id": before["id"], "state": KNOWN}
    _refuse_own_disks(wanted, source)
    restic = Restic(wanted.repository, places, source)
    restic.reach(_ATTEMPT)
    end, state = time.monotonic() + wait, FOUND
    answer = _look(restic)
    if answer.code == causes.NO_REPOSITORY:
        _refuse_second(wanted, places)
        if wanted.makes_repository:
            answer, state = _make(restic), MADE
    while answer.code == causes.NO_REPOSITORY and time.monotonic() < end:
        time.sleep(_AGAIN_S)
        answer = _look(restic)
    if answer.code == causes.NO_REPOSITORY:
        cause = f"there is none at {wanted.repository.url}, and no other node made it within {wait:.0f} s"
        fix = "Look at the node that is to make it: `homelab-backup ready` there. Do both reach the same place?"
        raise HostError(_ATTEMPT, cause, fix)
    if answer.code:
        raise causes.explain(_ATTEMPT, answer.code, restic.words_of(answer), wanted.repository, restic.holders)
    found = str(next((one["id"] for one in answer.messages if "id" in one), ""))
    with explained(f"Cannot write {places.repository}"):
        write_whole(places.repository, json.dumps({"url": wanted.repository.url, "id": found, "stamp": now}))
    return {"id": found, "state": state}


def _look(restic: Restic) -> Answer:
    return restic.run("cat", "config", "--no-lock", timeout=_ANSWER_S)


def _refuse_second(wanted: Wanted, places: Places) -> None:
    """Where one was, something else is wrong: with a new one the old backups would be out of sight."""
    before = _load(places)
    if before.get("url") == wanted.repository.url:
        cause = f"there is none at {wanted.repository.url}, where {before['id'][:8]} was"
        fix = f"Is the right disk mounted there? To begin with a new one, remove {places.repository}, and run again"
        raise HostError(_ATTEMPT, cause, fix)


def _make(restic: Restic) -> Answer:
    made = restic.run("init", *(["--copy-chunker-params"] if restic.repository.is_copy else []))
    answer = _look(restic)
    # Somebody else may have been quicker.
    return answer if answer.code != causes.NO_REPOSITORY else made


def _refuse_own_disks(wanted: Wanted, source: Repository | None) -> None:
    """A repository on a disk of the node that it is for is lost together with what it is of; so is a copy."""
    url = wanted.repository.url
    if not url.startswith("/"):
        return
    attempt = f"{_ATTEMPT} {url}"
    if not os.path.isdir(url):
        raise HostError(attempt, "there is no such folder", "Mount the disk or the share, and make the folder on it")
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as stream:
        mounts = mounts_of(stream.read())
    own = mount_at(os.path.realpath(url), mounts)
    fix = "Mount another disk, or better a share of another machine, and use a folder of that"
    if own.point == "/":
        raise HostError(attempt, "it lies in the root file system of the node, and is lost with it", fix)
    for tier in wanted.tiers:
        if os.path.isdir(tier.folder) and mount_at(os.path.realpath(tier.folder), mounts).device == own.device:
            raise HostError(attempt, f"it lies on the disk of {tier.label}, and is lost with it", fix)
    if source and os.path.isdir(source.url) and mount_at(os.path.realpath(source.url), mounts).device == own.device:
        raise HostError(attempt, f"it lies on the disk of {source.url}, and is lost with it", fix)


def _stamp(repository: Repository) -> Json:
    """Return what the proof was of; a secret file that says something else is another file."""
    files: Json = {}
    for path in filter(None, (repository.password_file, repository.environment_file, repository.ca_file)):
        with explained(f"Cannot use the file {path}"):
            status = os.stat(path)
        files[path] = [status.st_ino, status.st_mtime_ns, status.st_size]
    return {"url": repository.url, "files": files}


def _load(places: Places) -> Json:
    try:
        with open(places.repository, encoding="utf-8") as stream:
            return dict(json.load(stream))
    except (OSError, ValueError):
        return {}
