# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The input homelab_backup: a place that outlives the cluster, something that is kept, and hooks that can work."""

from __future__ import annotations

import posixpath
import re
import typing as t
from pathlib import PurePosixPath

from .._backup.model import DUMPS, FREEZE, KEEP, is_database, is_inside, is_label, is_volume
from .._certificates.parse import PEM
from .._lab.problems import UNSET, Findings, did_you_mean
from .._lab.specs import Values
from .._storage.model import KEY as STORAGE
from .._storage.model import LOCAL_PATH, Storage
from . import calendar, target
from .model import KEY, Backup, Copy, Hook
from .rules_probes import check_probes

_REPOSITORY, _COPY = (f"{KEY}.repository", f"{KEY}.copy")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# What is said by another key of the same place.
_OWN = {
    "RESTIC_REPOSITORY": "url",
    "RESTIC_PASSWORD": "password",
    "RESTIC_PASSWORD_FILE": "password",
    "RESTIC_PASSWORD_COMMAND": "password",
    "RESTIC_CACERT": "ca",
}
_REST = ("RESTIC_REST_USERNAME", "RESTIC_REST_PASSWORD")
_PAIRS = (_REST, ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
_WORTH = "postgres and mysql dump a database, sqlite copies one, freeze has the pod stand still"


def check_backup(
    known: Values, storage: Storage | None, cluster: t.Callable[[], target.Cluster], findings: Findings
) -> Backup | None:
    """Return what the input asks for; None when that is nothing, or something is wrong with the input."""
    given: Values = known.get(KEY) or {}
    if not given:
        return None
    if storage is None and known.get(STORAGE):
        # What is wrong with that is told already.
        return None
    storage = storage or Storage()
    repository: Values = given.get("repository") or {}
    copy: Values = given.get("copy") or {}
    for where, place in ((_REPOSITORY, repository), (_COPY, copy)):
        _check_url(where, place.get("url"), storage, findings)
        _check_secrets(where, place, findings)
        _check_ca(where, place, findings)
    _check_times(KEY, given, findings)
    _check_times(_COPY, copy, findings)
    _check_apart(repository, copy, findings)
    also, leave_out = _claims("also", given, findings), _claims("leave_out", given, findings)
    _check_libraries(also, leave_out, storage, findings)
    tiers: list[str] = given.get("leave_out_tiers") or []
    _check_tiers(tiers, storage, findings)
    hooks = tuple(
        _hook(f"{KEY}.hooks[{index}]", entry, findings) for index, entry in enumerate(given.get("hooks") or ())
    )
    _check_hooked(hooks, also, leave_out, storage, findings)
    probes = check_probes(given.get("probes") or (), leave_out, storage, findings)
    # What of the cluster a target is can only be told of a cluster that is sound.
    for where, place in ((_REPOSITORY, repository), (_COPY, copy)):
        host = target.split(place["url"])[1] if place and not findings.problems else ""
        own = cluster().has(host) if host else ""
        if own:
            fix = "Use another machine, best one in another house: what is lost with the cluster is no backup of it"
            findings.add(f"{where}.url", place["url"], f"it is inside of what it is to protect: {own}", fix)
    if findings.problems:
        return None
    return Backup(
        url=repository["url"],
        ca=repository.get("ca") or "",
        append_only=repository.get("append_only", False),
        has_environment=bool(repository.get("environment")),
        schedule=given["schedule"],
        rehearsal=given["rehearsal"],
        keep=_kept(given["keep"]),
        hooks=hooks,
        leave_out=tuple(leave_out),
        leave_out_tiers=tuple(tiers),
        also=tuple(also),
        copy=_copy(repository, copy, given["keep"], cluster()) if copy else None,
        probes=probes,
    )


def _kept(keep: Values) -> dict[str, int]:
    return {name: keep[name] for name in KEEP if keep.get(name)}


def _copy(repository: Values, copy: Values, keep: Values, cluster: target.Cluster) -> Copy:
    return Copy(
        url=copy["url"],
        ca=copy["ca"],
        append_only=copy["append_only"],
        has_environment=bool(copy["environment"]),
        schedule=copy["schedule"],
        keep=_kept(copy.get("keep", keep)),
        doubts=tuple(_doubts(repository, copy, cluster)),
    )


def _doubts(repository: Values, copy: Values, cluster: target.Cluster) -> t.Iterator[str]:
    host, other = (target.split(place["url"])[1] for place in (repository, copy))
    if cluster.is_one_machine(host, other):
        yield f"{_COPY} is on the machine of the repository: what takes one takes both. Use one in another house"
    if repository["url"].startswith("/") and copy["url"].startswith("/"):
        yield f"{_COPY} and the repository are paths of the nodes. Are they shares of two machines?"
    if not repository["append_only"] and not copy["append_only"]:
        yield (
            f"who takes a node over can remove the backups and {_COPY}. Give it credentials that can only add, and "
            "set append_only"
        )


def _check_apart(repository: Values, copy: Values, findings: Findings) -> None:
    """The copy is to be another place, and restic has to be able to reach both at a time."""
    if "url" in copy and "url" in repository and not findings.problems:
        for one, other, reason in (
            (copy, repository, "it is the repository itself, or lies in it"),
            (repository, copy, "the repository lies in it"),
        ):
            if target.lies_in(one["url"], other["url"]):
                fix = "Use another machine, best one in another house: what takes the repository takes it as well"
                findings.add(f"{_COPY}.url", copy["url"], reason, fix)
                break
    mine, theirs = copy.get("environment") or {}, repository.get("environment") or {}
    for name in mine:
        if name not in _REST and theirs.get(name, mine[name]) != mine[name]:
            reason = f"{_REPOSITORY}.environment has another value, and restic, which copies, can have one"
            fix = "Have one of them on another kind of server, such as rest:, or use one pair of credentials for both"
            findings.add(f"{_COPY}.environment.{name}", UNSET, reason, fix)


def _check_url(where: str, url: str | None, storage: Storage, findings: Findings) -> None:
    if url is None:
        return
    key = f"{where}.url"
    example = "Write, for example, rest:https://backup.example.org/lab, or a path at which a share is mounted"
    if "@" in url.partition("://")[2].partition("/")[0] and not url.startswith("sftp:"):
        reason = "it holds a user or a password, which everybody sees who sees the plan"
        fix = f"Put them into {where}.environment, for rest: as RESTIC_REST_USERNAME and RESTIC_REST_PASSWORD"
        findings.add(key, url, reason, fix)
        return
    try:
        scheme, _host = target.split(url)
    except ValueError as exc:
        findings.add(key, url, str(exc), example)
        return
    if not scheme:
        _check_path(key, url, storage, findings)


def _check_path(key: str, path: str, storage: Storage, findings: Findings) -> None:
    if posixpath.normpath(path) != path or path == "/" or not path.isprintable():
        reason = 'it is not the plain path of a folder below "/"'
        findings.add(key, path, reason, "Write, for example, /mnt/backup/lab")
        return
    inside = [(f"tier {tier.name}", tier.folder) for tier in storage.of(LOCAL_PATH)]
    inside += [(f"library {library.name}", library.folder) for library in storage.libraries]
    for what, folder in inside:
        if PurePosixPath(path).is_relative_to(folder):
            reason = f'it lies on the disk that it is to protect: "{folder}" is {what}'
            fix = "Use a folder at which a disk of its own, or better a share of another machine, is mounted"
            findings.add(key, path, reason, fix)
            return


def _check_secrets(where: str, place: Values, findings: Findings) -> None:
    password = place.get("password")
    if password is not None and (not password.strip() or "\n" in password):
        reason = "it is empty, or has more than one line"
        fix = "Give one line from your vault, and keep a copy elsewhere: without it no backup can be read"
        findings.add(f"{where}.password", UNSET, reason, fix)
    environment = place.get("environment") or {}
    for name, value in environment.items():
        key = f"{where}.environment.{name}"
        if not isinstance(name, str) or not _VARIABLE.fullmatch(name):
            findings.add(key, UNSET, "it is no name of a variable", "Write, for example, AWS_ACCESS_KEY_ID")
        elif name in _OWN:
            other = f"{where}.{_OWN[name]}"
            findings.add(key, UNSET, f"it is set by {other}", f"Remove it, and write {other}")
        elif not isinstance(value, str) or not value or "\n" in value:
            reason = "it is not one line of text"
            findings.add(key, UNSET, reason, 'Write it in quotes, for example "eu-central-1"')
    for pair in _PAIRS:
        lacking = [name for name in pair if name not in environment]
        if len(lacking) == 1:
            reason = f"{lacking[0]} is not beside it"
            findings.add(f"{where}.environment", UNSET, reason, "Give both, or none of them")


def _check_ca(where: str, place: Values, findings: Findings) -> None:
    text, key = place.get("ca") or "", f"{where}.ca"
    if text and not PEM.fullmatch(text):
        fix = "Give the certificate of the authority, from -----BEGIN CERTIFICATE----- on"
        findings.add(key, UNSET, "it is no certificate in PEM", fix)
    elif text and "https://" not in (place.get("url") or ""):
        findings.add(key, UNSET, "nobody shows a certificate there", "Remove it, or use https://")


def _check_times(where: str, given: Values, findings: Findings) -> None:
    for name in ("schedule", "rehearsal"):
        said = calendar.complaint(given[name]) if name in given else ""
        if said:
            fix = 'Write, for example, "*-*-* 03:00:00" or daily; `systemd-analyze calendar` explains them'
            findings.add(f"{where}.{name}", given[name], said, fix)
    keep: Values = given.get("keep", {})
    for name, count in keep.items():
        if count < 0:
            findings.add(f"{where}.keep.{name}", count, "it is less than none", "Write how many are kept")
    if "keep" in given and not any(keep.values()):
        reason = "nothing would be kept: every backup would be removed after it was made"
        findings.add(f"{where}.keep", keep, reason, "Write, for example, {daily: 7, weekly: 4, monthly: 6}")


def _claims(name: str, given: Values, findings: Findings) -> list[str]:
    claims: list[str] = given.get(name) or []
    for index, claim in enumerate(claims):
        key = f"{KEY}.{name}[{index}]"
        if not is_volume(claim):
            findings.add(key, claim, "it is not NAMESPACE/CLAIM", "Write, for example, media/cache")
        elif claim in claims[:index]:
            findings.add(key, claim, "it is named before", "Name every claim once")
    return claims


def _check_libraries(also: t.Sequence[str], leave_out: t.Sequence[str], storage: Storage, findings: Findings) -> None:
    libraries = {f"{library.namespace}/{library.name}": library for library in storage.libraries}
    for index, claim in enumerate(also):
        key = f"{KEY}.also[{index}]"
        if is_volume(claim) and claim not in libraries:
            fix = f"{did_you_mean(claim, libraries)}Remove it: all other claims are backed up anyway"
            findings.add(key, claim, f"{STORAGE} has no such library", fix)
        elif claim in libraries and libraries[claim].writable:
            findings.add(key, claim, "a library that pods write to is backed up anyway", "Remove it")
    for index, claim in enumerate(leave_out):
        if claim in libraries and not libraries[claim].writable:
            reason = "a read-only library is not backed up" + (f", unless {KEY}.also names it" if claim in also else "")
            findings.add(f"{KEY}.leave_out[{index}]", claim, reason, "Remove it")


def _check_tiers(left_out: t.Sequence[str], storage: Storage, findings: Findings) -> None:
    """A tier whose volumes cannot be read is left out by name: nobody shall believe that it is backed up."""
    key, names = f"{KEY}.leave_out_tiers", [tier.name for tier in storage.tiers]
    for index, name in enumerate(left_out):
        if name not in names:
            fix = f"{did_you_mean(name, names)}Use one of {', '.join(names)}, or remove it"
            findings.add(f"{key}[{index}]", name, f"{STORAGE} has no such tier", fix)
        elif name in left_out[:index]:
            findings.add(f"{key}[{index}]", name, "it is named before", "Name every tier once")
    for tier in storage.tiers:
        if tier.provider != LOCAL_PATH and tier.name not in left_out:
            reason = f"the volumes of tier {tier.name} are made by {tier.provider}, and cannot be backed up yet"
            fix = "Name the tier here, and save what is on it by other means; or have local-path make its volumes"
            findings.add(key, list(left_out), reason, fix)


def _hook(key: str, entry: Values, findings: Findings) -> Hook:
    hook = Hook(**{name: entry[name] for name in Hook.__dataclass_fields__ if name in entry} | _needed(entry))
    if "claim" in entry and not is_volume(hook.claim):
        findings.add(f"{key}.claim", hook.claim, "it is not NAMESPACE/CLAIM", "Write, for example, shop/database")
    if "type" in entry:
        (_check_sqlite if hook.type == "sqlite" else _check_pod)(key, hook, findings)
        if hook.type in DUMPS and not hook.database:
            findings.add(f"{key}.database", UNSET, f"{hook.type} dumps one by its name", "Name the database")
        if hook.type == FREEZE and (hook.database or hook.user):
            name = "database" if hook.database else "user"
            reason = "freeze has the pod stand still, and asks no database"
            findings.add(f"{key}.{name}", getattr(hook, name), reason, f"Remove it, or use another type: {_WORTH}")
    return hook


def _needed(entry: Values) -> Values:
    """Return what stands for keys that lack, which is told already."""
    return {name: "" for name in ("claim", "type") if name not in entry}


def _check_sqlite(key: str, hook: Hook, findings: Findings) -> None:
    path = hook.database
    if path and not is_inside(path):
        reason = "it is not the path of a file inside the volume"
        findings.add(
            f"{key}.database", path, reason, "Write it as it is below the volume's folder, such as data/app.db"
        )
    for name in ("labels", "container", "user"):
        if getattr(hook, name):
            reason = "sqlite copies a file of the volume, and asks no pod"
            findings.add(f"{key}.{name}", getattr(hook, name), reason, "Remove it")


def _check_pod(key: str, hook: Hook, findings: Findings) -> None:
    if not hook.labels:
        fix = "Give labels that only the pod with that volume has, such as {app: shop-db}"
        findings.add(f"{key}.labels", UNSET, f"{hook.type} needs the pod, which is found by them", fix)
    for name, value in hook.labels.items():
        if not is_label(str(name)) or not isinstance(value, str) or not is_label(value):
            fix = "Write them as the pod has them, in quotes where they look like numbers"
            findings.add(f"{key}.labels.{name}", value, "it is no label of a pod", fix)
    for name in ("container", "database", "user"):
        value = getattr(hook, name)
        if value and not is_database(value):
            reason = "it is no name that can be given to a program: letters, digits, dots, dashes and underscores"
            findings.add(f"{key}.{name}", value, reason, "Write the plain name")


def _check_hooked(
    hooks: t.Sequence[Hook], also: t.Sequence[str], leave_out: t.Sequence[str], storage: Storage, findings: Findings
) -> None:
    read_only = {f"{one.namespace}/{one.name}" for one in storage.libraries if not one.writable} - set(also)
    first: dict[str, int] = {}
    for index, hook in enumerate(hooks):
        key = f"{KEY}.hooks[{index}].claim"
        if hook.claim in first:
            reason = f"{KEY}.hooks[{first[hook.claim]}] is for the same claim"
            findings.add(key, hook.claim, reason, "One volume has one hook; use a volume for each database")
        elif hook.claim in leave_out:
            reason = "it is left out, so that there is nothing to do before"
            findings.add(key, hook.claim, reason, f"Remove the hook, or the claim from {KEY}.leave_out")
        elif hook.claim in read_only:
            reason = "it is a read-only library, and these are not backed up"
            findings.add(key, hook.claim, reason, f"Remove the hook, or name it in {KEY}.also")
        first.setdefault(hook.claim, index)
