# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dumps of databases: a file beside the volume's own, made by the database's own means."""

from __future__ import annotations

import contextlib
import filecmp
import os
import shutil
import sqlite3
import tempfile
import urllib.parse

from .._host.errors import HostError, explained
from . import etcd
from .model import AS_IS, ETCD, Hook, Volume
from .pods import Pods

# In a dump's folder.
ETCD_FILE, SQLITE_FILE = "etcd.snapshot", "database.sqlite"
NAMES = {"postgres": "database.pgdump", "mysql": "database.sql", "sqlite": SQLITE_FILE, ETCD: ETCD_FILE}
# What of these a pod's own program writes and takes back.
SERVED = ("postgres", "mysql")
# What SQLite has beside a database.
BESIDE = ("-wal", "-journal", "-shm")
_USERS = {"postgres": "postgres", "mysql": "root"}
_POSTGRES_TABLES = (
    "SELECT schemaname || '.' || tablename FROM pg_tables "
    "WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1"
)
_MYSQL_TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY 1"


def command(hook: Hook) -> list[str]:
    """Return what writes a dump in the container. Of passwords these use what the container has itself."""
    if hook.kind == "postgres":
        return _postgres(hook, "pg_dump", "--format=custom", hook.database)
    return _mysql(hook, "dump", "--single-transaction --routines --triggers")


def tables_command(hook: Hook) -> list[str]:
    """Return what tells in the container which tables the database has, one a line."""
    if hook.kind == "postgres":
        words = ("--no-psqlrc", "--tuples-only", "--no-align", f"--command={_POSTGRES_TABLES}")
        return _postgres(hook, "psql", *words, hook.database)
    return _mysql(hook, "", f'--batch --skip-column-names --execute="{_MYSQL_TABLES}"')


def play_command(hook: Hook) -> list[str]:
    """Return what plays in the container the dump back that it reads."""
    if hook.kind == "postgres":
        words = ("--clean", "--if-exists", "--single-transaction", "--exit-on-error", f"--dbname={hook.database}")
        return _postgres(hook, "pg_restore", *words)
    return _mysql(hook, "", "")


def _postgres(hook: Hook, program: str, *words: str) -> list[str]:
    return [program, "--no-password", f"--username={hook.user or _USERS[hook.kind]}", *words]


def _mysql(hook: Hook, part: str, words: str) -> list[str]:
    """Return a call of the client, or a *part* of it such as its "dump". MariaDB's have names of their own since 11."""
    user = hook.user or _USERS[hook.kind]
    # The images of MySQL and MariaDB; root's password, or that of the user they were made with.
    known = (
        'MYSQL_PWD="${MYSQL_ROOT_PASSWORD:-$MARIADB_ROOT_PASSWORD}"'
        if user == "root"
        else 'MYSQL_PWD="${MYSQL_PASSWORD:-$MARIADB_PASSWORD}"'
    )
    ours = f"$(command -v mariadb{part and f'-{part}'} || echo mysql{part})"
    call = " ".join(word for word in (f'exec "{ours}"', f"--user={user}", words, hook.database) if word)
    return ["sh", "-c", f"{known}; export MYSQL_PWD; {call}"]


def dump(volume: Volume, hook: Hook, source: str, method: str, folder: str, work: str, pods: Pods) -> None:
    """Write the dump that *hook* asks for of a volume into *folder*, in one step. Raises HostError.

    *source* is where its files are read, *work* a folder of the same file system for what is not complete.
    """
    target = f"{folder}/{NAMES[hook.kind]}"
    partial = f"{work}/{volume.name.replace('/', '~')}.dump"
    try:
        with explained(f"Cannot write the dump of {volume.name}"):
            if hook.kind == "sqlite":
                _sqlite(volume.name, source, hook.database, partial, live=method == AS_IS)
            elif hook.kind == ETCD:
                etcd.save("Cannot save the state of the cluster", f"{source}/pki/etcd", hook.database, partial)
            else:
                with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
                    pods.run(volume.namespace, hook, command(hook), stream)
            if not os.path.getsize(partial):
                fix = "Does the database of that name exist?"
                raise HostError(f"Cannot dump {volume.name}", "the dump is empty", fix)
            # Of a hook that it has no more.
            for name in os.listdir(folder):
                if name != NAMES[hook.kind]:
                    os.unlink(f"{folder}/{name}")
            # The same once more is no change.
            if not os.path.exists(target) or not filecmp.cmp(partial, target, shallow=False):
                os.replace(partial, target)
    finally:
        if os.path.lexists(partial):
            os.unlink(partial)


def probe(name: str, folder: str) -> None:
    """Look whether the dump of a volume in *folder* is whole, by what its kind begins or ends with. Raises HostError.

    SQLite checks its own, and etcd makes data of its own; of the others only the marks of their programs are known.
    """
    attempt, fix = f"Cannot use the dump of {name}", "Take an older snapshot, and look at what the hook does"
    for kind, file in NAMES.items():
        path = f"{folder}/{file}"
        if not os.path.exists(path):
            continue
        if kind == "sqlite":
            found = _quick_check(attempt, path)
            if found != "ok":
                raise HostError(attempt, f"the database is damaged: {found}", fix)
            continue
        if kind == ETCD:
            etcd.prove(attempt, path, os.path.dirname(folder))
            continue
        with explained(attempt), open(path, "rb") as stream:
            begin = stream.read(5)
            stream.seek(max(0, os.path.getsize(path) - 200))
            end = stream.read()
        # pg_dump's custom format; the comment that mysqldump ends with.
        if not (begin == b"PGDMP" if kind == "postgres" else b"-- Dump completed" in end):
            raise HostError(attempt, f"{file} is not whole", fix)


def _quick_check(attempt: str, path: str) -> str:
    try:
        with contextlib.closing(sqlite3.connect(f"file:{urllib.parse.quote(path)}?immutable=1", uri=True)) as database:
            return str(database.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.Error as exc:
        raise HostError(attempt, str(exc), "Take an older snapshot, and look at what the hook does") from exc


def found_in(folder: str, database: str) -> str:
    """Return where a database of the volume in *folder* is, empty when it is none or, by links of pods, elsewhere."""
    found = os.path.realpath(f"{folder}/{database}")
    return found if found.startswith(f"{os.path.realpath(folder)}/") and os.path.isfile(found) else ""


def _sqlite(name: str, files: str, named: str, target: str, live: bool) -> None:
    attempt = f"Cannot dump the database {os.path.basename(named)} of {name}"
    database = found_in(files, named)
    if not database:
        raise HostError(attempt, "there is no such file in the volume", "Correct hook.database")
    for suffix in BESIDE:
        if os.path.islink(database + suffix):
            # SQLite would follow it, as root and to wherever a pod likes.
            raise HostError(attempt, f"{os.path.basename(database)}{suffix} is a link", "Remove it")
    with tempfile.TemporaryDirectory(dir=os.path.dirname(target), prefix=".sqlite-") as folder:
        path = database
        if not live:
            # A snapshot cannot be written to, and a journal that waits there has to be.
            path = f"{folder}/copy"
            for suffix in ("", "-wal", "-journal"):
                if os.path.isfile(database + suffix):
                    shutil.copyfile(database + suffix, path + suffix, follow_symlinks=False)
        mode = "ro" if live else "rw"
        try:
            source = sqlite3.connect(f"file:{urllib.parse.quote(path)}?mode={mode}", uri=True, timeout=60)
            copy = sqlite3.connect(target)
            try:
                source.backup(copy)
                found = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
            finally:
                source.close()
                copy.close()
        except sqlite3.Error as exc:
            raise HostError(attempt, str(exc), "Look at it with `sqlite3 FILE 'PRAGMA integrity_check'`") from exc
    if found != "ok":
        raise HostError(attempt, f"the database is damaged: {found}", "Restore it from an older snapshot")
    os.chmod(target, 0o600)
