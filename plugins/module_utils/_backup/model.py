# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be backed up, to where, and the places on the node that this needs. Pure."""

from __future__ import annotations

import posixpath
import re
import typing as t
from collections import Counter
from dataclasses import dataclass, field, replace

from .._host.errors import HostError

Json = dict[str, t.Any]

# What a snapshot of this collection is known by.
TAG = "homelab-backup"
TIER_TAG = "tier"
BTRFS, FREEZE, AS_IS = METHODS = ("btrfs", "freeze", "as_is")
ETCD = "etcd"
DUMPS = ("postgres", "mysql", "sqlite")
HOOKS = (*DUMPS, FREEZE)
# The state of the cluster is backed up as a volume of each control plane: CONTROL_PLANE/NODE.
CONTROL_PLANE, KUBERNETES = "control-plane", "/etc/kubernetes"
# How namespaces begin in which a drill has apps probe what it restored: nothing in them is worth a backup.
PROBES = "homelab-probe-"
# Inside a volume's folder in the snapshot.
FILES, MANIFEST, DUMP = "files", "manifest", "dump"

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_HOST = re.compile(r"[A-Za-z0-9][-A-Za-z0-9_.]*")
# Into a command line of a program in a container: nothing that could be taken for an option.
_DATABASE = re.compile(r"[A-Za-z0-9_][-A-Za-z0-9_.]*")
_LABEL = re.compile(r"[A-Za-z0-9][-A-Za-z0-9_./]*")
_ENDPOINT = re.compile(r"[A-Za-z0-9][-A-Za-z0-9.]*:[0-9]+")
KEEP = ("last", "hourly", "daily", "weekly", "monthly", "yearly")


@dataclass(frozen=True)
class Hook:
    """What is done so that the copy is worth something.

    *labels* find the pod in the volume's namespace, *container* is needed where it has several. *database* is its
    name, for sqlite the file's path inside the volume, for etcd where it listens (HOST:PORT).
    """

    kind: str
    labels: t.Mapping[str, str] = field(default_factory=dict)
    container: str = ""
    database: str = ""
    user: str = ""

    @property
    def dumps(self) -> bool:
        """Whether it writes a file beside the volume's own."""
        return self.kind in (*DUMPS, ETCD)


@dataclass(frozen=True)
class Volume:
    """One volume: the claim by which the cluster knows it, and the folder on this node that it is.

    *tier* is the name of the tier that it was found on.
    """

    namespace: str
    claim: str
    path: str
    hook: Hook | None = None
    tier: str = ""

    @property
    def tag(self) -> str:
        """What a snapshot says of its place, so that it can be made anew; "" of one that is not on a tier."""
        return f"{TIER_TAG}:{self.tier}:{self.name}" if self.tier else ""

    @property
    def name(self) -> str:
        """The name in messages, tags and metrics, and the path in the snapshot."""
        return f"{self.namespace}/{self.claim}"


@dataclass(frozen=True)
class Tier:
    """A disk whose *folder* holds a folder for each volume, and the file *marker* while it is there."""

    name: str
    folder: str
    marker: str

    @property
    def label(self) -> str:
        """The name in messages and metrics; no volume has a blank in its own."""
        return f"tier {self.name}"


@dataclass(frozen=True)
class Repository:
    """Where to: restic's own notation, the files that hold what is secret, and whom to believe there (PEM).

    One that *is_copy* of another has all that is in that one; what is proven of it is told apart.
    """

    url: str
    password_file: str
    environment_file: str = ""
    ca_file: str = ""
    is_copy: bool = False

    @property
    def key(self) -> str:
        """What of homelab_backup it is."""
        return "copy" if self.is_copy else "repository"


@dataclass(frozen=True)
class Copy:
    """The repository elsewhere that has what the first one has; *keep* is how many snapshots outlive ``forget``."""

    repository: Repository
    keep: t.Mapping[str, int] = field(default_factory=dict)
    metrics_file: str = ""


@dataclass(frozen=True)
class Places:
    """Folders on the node. *view* is what restic sees: one folder a volume, in a private mount namespace."""

    state: str = "/var/lib/atarnet-homelab/backup"
    lock: str = "/run/lock/atarnet-homelab-backup.lock"

    @property
    def view(self) -> str:
        """The same on every node: a volume is found again by its path."""
        return f"{self.state}/view"

    @property
    def cache(self) -> str:
        """Restic's."""
        return f"{self.state}/cache"

    @property
    def work(self) -> str:
        """Files that are not complete; emptied by every start."""
        return f"{self.state}/work"

    @property
    def journal(self) -> str:
        """What has to be undone, whatever happens."""
        return f"{self.state}/undo.json"

    @property
    def last(self) -> str:
        """Which manifests the last snapshot has."""
        return f"{self.state}/last.json"

    @property
    def repository(self) -> str:
        """Which repository was seen, and with which password."""
        return f"{self.state}/repository.json"

    @property
    def record(self) -> str:
        """What is known of each volume's last backup and restore."""
        return f"{self.state}/volumes.json"

    @property
    def copy(self) -> Places:
        """Those of the copy, which is made while backups go on."""
        return Places(f"{self.state}/copy", f"{self.lock.removesuffix('.lock')}-copy.lock")

    def of(self, volume: str) -> str:
        """Return a volume's folder in the view."""
        return f"{self.view}/{volume}"


@dataclass(frozen=True)
class Wanted:
    """The volumes of one node and their repository. *lab* and *node* name the snapshots' host.

    *volumes* are named by their folders, others are found on *tiers*; *hooks* are by volume, *leave_out* are names.
    *keep* is how many snapshots outlive ``forget``, on the node that does it; *makes_repository* where there is none.
    """

    lab: str
    node: str
    repository: Repository
    volumes: tuple[Volume, ...] = ()
    tiers: tuple[Tier, ...] = ()
    hooks: t.Mapping[str, Hook] = field(default_factory=dict)
    leave_out: frozenset[str] = frozenset()
    keep: t.Mapping[str, int] = field(default_factory=dict)
    makes_repository: bool = False
    parallel: int = 2
    metrics_file: str = ""
    copy: Copy | None = None

    def of_copy(self) -> Wanted:
        """Return the same with the copy in the repository's place. Raises HostError."""
        if not self.copy:
            raise HostError("Cannot use the copy", "there is none", "Set homelab_backup.copy, and run site.yml")
        return replace(self, repository=self.copy.repository, keep=self.copy.keep, copy=None)

    @property
    def host(self) -> str:
        """The host that restic knows snapshots by."""
        return f"{self.lab}/{self.node}"


def parse(data: Json) -> Wanted:
    """Return what *data* (a module's arguments, or the node's file) asks for. Raises HostError with all problems."""
    problems: list[str] = []
    for key in ("lab", "node"):
        if not _HOST.fullmatch(str(data.get(key) or "")):
            problems.append(f"{key}: {data.get(key)!r} is no name; use letters, digits, dots and dashes")
    repository = _repository(data.get("repository") or {}, "repository", problems)
    copy = _copy(data.get("copy") or {}, problems)
    volumes = [_volume(entry, f"volumes[{at}]", problems) for at, entry in enumerate(data.get("volumes") or [])]
    hooks = {
        _claim(entry.get("claim"), f"hooks[{at}].claim", problems): _hook(entry, f"hooks[{at}]", problems)
        for at, entry in enumerate(data.get("hooks") or [])
    }
    volumes = [replace(volume, hook=volume.hook or hooks.get(volume.name)) for volume in volumes]
    tiers = [_tier(entry, f"tiers[{at}]", problems) for at, entry in enumerate(data.get("tiers") or [])]
    leave_out = [_claim(name, f"leave_out[{at}]", problems) for at, name in enumerate(data.get("leave_out") or [])]
    keep = _keep(data, "keep", problems)
    _refuse_twins(volumes, problems)
    parallel = int(data.get("parallel") or 2)
    if not 1 <= parallel <= 64:
        problems.append(f"parallel: {parallel} is out of range; use 1 to 64")
    metrics = _metrics(data, "metrics_file", problems)
    if problems:
        raise HostError("Cannot read what is to be backed up", "; ".join(problems), "Correct these values")
    return Wanted(
        data["lab"],
        data["node"],
        repository,
        tuple(volumes),
        tuple(tiers),
        hooks,
        frozenset(leave_out),
        keep,
        bool(data.get("makes_repository")),
        parallel,
        metrics,
        copy,
    )


def _repository(data: Json, where: str, problems: list[str]) -> Repository:
    url = str(data.get("url") or "")
    if not url:
        problems.append(f"{where}.url: is missing; use an absolute path, s3:https://... or rest:https://...")
    elif "@" in url.partition("://")[2].partition("/")[0]:
        problems.append(f"{where}.url: holds a password; put it into {where}.environment_file")
    elif ":" not in url and not url.startswith("/"):
        problems.append(f"{where}.url: {url!r} is relative; use an absolute path")
    for key in ("password_file", "environment_file", "ca_file"):
        path = str(data.get(key) or "")
        if not path.startswith("/") and (path or key == "password_file"):
            problems.append(f"{where}.{key}: {path!r} is no absolute path; name a file of the node with mode 0600")
    password, environment, ca = (str(data.get(key) or "") for key in ("password_file", "environment_file", "ca_file"))
    return Repository(url, password, environment, ca, bool(data.get("is_copy")))


def _copy(data: Json, problems: list[str]) -> Copy | None:
    if not data:
        return None
    repository = _repository(data.get("repository") or {}, "copy.repository", problems)
    keep = _keep(data, "copy.keep", problems)
    return Copy(replace(repository, is_copy=True), keep, _metrics(data, "copy.metrics_file", problems))


def _keep(data: Json, where: str, problems: list[str]) -> dict[str, int]:
    keep = {str(name): int(count) for name, count in (data.get("keep") or {}).items()}
    problems += [f"{where}.{name}: is unknown; there are {', '.join(KEEP)}" for name in keep if name not in KEEP]
    return keep


def _metrics(data: Json, where: str, problems: list[str]) -> str:
    path = str(data.get("metrics_file") or "")
    if path and not (path.startswith("/") and path.endswith(".prom")):
        problems.append(f"{where}: {path!r} is not read by node-exporter; use an absolute path that ends in .prom")
    return path


def volume_name(name: str) -> tuple[str, str]:
    """Return namespace and claim of *name*. Raises HostError."""
    if not is_volume(name):
        raise HostError("Cannot read the name of a volume", f"{name!r} is not NAMESPACE/CLAIM", "Name it so")
    namespace, _slash, claim = name.partition("/")
    return namespace, claim


def is_volume(name: str) -> bool:
    """Tell whether a text is NAMESPACE/CLAIM."""
    namespace, slash, claim = name.partition("/")
    return bool(slash and "." not in namespace and _NAME.fullmatch(namespace) and _NAME.fullmatch(claim))


def is_inside(path: str) -> bool:
    """Tell whether a relative path is plain, and stays where it begins."""
    plain = path not in ("", ".") and posixpath.normpath(path) == path and path.isprintable()
    return plain and path.split("/")[0] not in ("", "..")


def is_label(text: str) -> bool:
    """Tell whether a text is the name or the value of a label."""
    return _LABEL.fullmatch(text) is not None


def is_database(text: str) -> bool:
    """Tell whether a text is a name that is passed to a program."""
    return _DATABASE.fullmatch(text) is not None


def _claim(name: t.Any, where: str, problems: list[str]) -> str:
    if not is_volume(str(name or "")):
        problems.append(f"{where}: {name!r} is not NAMESPACE/CLAIM")
    return str(name or "")


def _path(data: Json, key: str, where: str, problems: list[str]) -> str:
    path = str(data.get(key) or "")
    if not path.startswith("/") or posixpath.normpath(path) != path or path == "/":
        problems.append(f"{where}.{key}: {path!r} is not the absolute, plain path of a folder below /")
    return path


def _tier(data: Json, where: str, problems: list[str]) -> Tier:
    name, marker = str(data.get("name") or ""), str(data.get("marker") or "")
    problems += [
        f"{where}.{key}: {value!r} is no name" for key, value in (("name", name), ("marker", marker))
        if not value or "/" in value
    ]  # fmt: skip
    return Tier(name, _path(data, "folder", where, problems), marker)


def _volume(data: Json, where: str, problems: list[str]) -> Volume:
    namespace, _slash, claim = _claim(data.get("name"), f"{where}.name", problems).partition("/")
    path, hook = _path(data, "path", where, problems), data.get("hook")
    return Volume(namespace, claim, path, _hook(hook, f"{where}.hook", problems) if hook else None)


def _hook(data: Json, where: str, problems: list[str]) -> Hook:
    hook = Hook(
        str(data.get("type") or ""),
        {str(key): str(value) for key, value in (data.get("labels") or {}).items()},
        str(data.get("container") or ""),
        str(data.get("database") or ""),
        str(data.get("user") or ""),
    )
    if hook.kind not in (*HOOKS, ETCD):
        problems.append(f"{where}.type: {hook.kind!r} is unknown; there are {', '.join((*HOOKS, ETCD))}")
    if hook.kind == ETCD:
        if not _ENDPOINT.fullmatch(hook.database):
            problems.append(f"{where}.database: {hook.database!r} is not HOST:PORT")
    elif hook.kind != "sqlite":
        if not hook.labels:
            problems.append(f"{where}.labels: is missing; give the labels of the pod that has the volume")
        problems += [
            f"{where}.labels: {key}={value} is no label"
            for key, value in hook.labels.items()
            if not is_label(key) or not is_label(value)
        ]
        problems += [
            f"{where}.{key}: {value!r} is no name that is passed to a program"
            for key, value in (("container", hook.container), ("database", hook.database), ("user", hook.user))
            if value and not is_database(value)
        ]
    elif not is_inside(hook.database):
        problems.append(f"{where}.database: {hook.database!r} is not the path of a file inside the volume")
    if hook.kind in ("postgres", "mysql") and not hook.database:
        problems.append(f"{where}.database: is missing")
    return hook


def _refuse_twins(volumes: t.Sequence[Volume], problems: list[str]) -> None:
    for key in ("name", "path"):
        counts = Counter(getattr(volume, key) for volume in volumes)
        problems += [f"volumes: {key} {twin} is given twice" for twin in sorted(counts) if counts[twin] > 1]
