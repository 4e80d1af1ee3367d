# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: the ledger of what each owner has on this host, and the originals it replaced.

An entry says ``how`` a resource came to be ours: ``created`` (nothing was there), ``replaced`` (an original is
kept) or ``adopted`` (it was right before us, so it is never removed). It is written before the change it speaks
of, and the first word stands: a run that was killed in between changes nothing about what was there before us.
"""

from __future__ import annotations

import hashlib
import json
import typing as t

from .errors import HostError
from .model import STATE_DIR
from .system import System

LEDGER = f"{STATE_DIR}/ledger.json"
ORIGINALS = f"{STATE_DIR}/originals"
BASELINE = f"{STATE_DIR}/baseline.json"
DOWNLOADS = f"{STATE_DIR}/downloads"
RUN = f"{STATE_DIR}/run.json"
WISHES = f"{STATE_DIR}/wishes"
VERSION = 1

Entry = dict[str, t.Any]


class Ledger:
    """What every owner has, by identity, in the order it was made; and the restarts still owed."""

    def __init__(self, data: dict[str, t.Any] | None = None) -> None:
        self._owners: dict[str, dict[str, t.Any]] = dict((data or {}).get("owners", {}))

    def entries(self, owner: str) -> dict[str, Entry]:
        """The entries of an owner, oldest first. The result is a copy."""
        return dict(self._owners.get(owner, {}).get("entries", {}))

    def restarts(self, owner: str) -> list[str]:
        """Units this owner changed something for and has not restarted since."""
        return list(self._owners.get(owner, {}).get("restarts", []))

    def other_owner(self, owner: str, identity: str) -> str | None:
        """Who else has this resource."""
        for other, data in self._owners.items():
            if other != owner and identity in data.get("entries", {}):
                return other
        return None

    def record(self, owner: str, identity: str, entry: Entry) -> None:
        """Set an entry; a new one goes to the end."""
        self._of(owner)["entries"][identity] = entry

    def forget(self, owner: str, identity: str) -> None:
        """Drop an entry, and the owner with its last one. Who shares the resource inherits how it came to be ours."""
        entry = self._of(owner)["entries"].pop(identity, None)
        heir = self.other_owner(owner, identity)
        if heir and entry and entry.get("how") == "created":
            self._of(heir)["entries"][identity] = entry
        self._drop_empty(owner)

    def owe_restarts(self, owner: str, units: t.Iterable[str]) -> None:
        """Set the units whose restart is owed."""
        names = sorted(units)
        if names or self.restarts(owner):
            self._of(owner)["restarts"] = names
            self._drop_empty(owner)

    @property
    def owners(self) -> list[str]:
        """Everybody who has something on this host."""
        return list(self._owners)

    def _of(self, owner: str) -> dict[str, t.Any]:
        return self._owners.setdefault(owner, {"entries": {}, "restarts": []})

    def _drop_empty(self, owner: str) -> None:
        data = self._of(owner)
        if not data["entries"] and not data["restarts"]:
            del self._owners[owner]

    def dump(self) -> str:
        """The ledger as JSON text."""
        return json.dumps({"version": VERSION, "owners": self._owners}, indent=1) + "\n"


class LedgerStore:
    """Where the ledger and the originals lie on a host."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._saved = ""

    def load(self) -> Ledger:
        """Read the ledger; an empty one when there is none, HostError when it cannot be trusted."""
        if not self._system.exists(LEDGER):
            ledger = Ledger()
        else:
            text = self._system.read(LEDGER).decode("utf-8", "replace")
            try:
                data = json.loads(text)
                if data["version"] != VERSION:
                    raise ValueError(f"version {data['version']} is not {VERSION}")
                ledger = Ledger(data)
            except (KeyError, ValueError, TypeError, AttributeError) as exc:
                fix = "Restore the file from a backup; without it nothing can be removed or restored safely"
                cause = f"it is damaged or of another release ({exc})"
                raise HostError(f"Cannot read the ledger {LEDGER}", cause, fix) from exc
        self._saved = ledger.dump()
        return ledger

    def save(self, ledger: Ledger) -> None:
        """Write the ledger if it differs from what is on the disk."""
        text = ledger.dump()
        if text != self._saved:
            self.write_private(LEDGER, text.encode("utf-8"))
            self._saved = text

    def write_private(self, path: str, data: bytes) -> None:
        """Write a file below the state folder that only root can read."""
        folder = path.rsplit("/", 1)[0]
        ensure_private(self._system, STATE_DIR)
        ensure_private(self._system, folder)
        owner = self._system.lstat(STATE_DIR)
        self._system.write(path, [data], 0o600, owner.st_uid if owner else 0, owner.st_gid if owner else 0)

    def keep_original(self, path: str) -> Entry:
        """Copy a file aside before it is replaced; returns what an entry needs to bring it back."""
        found = self._system.lstat(path)
        if found is None:
            raise HostError(f"Cannot keep the original of {path}", "it has gone meanwhile", "Run again")
        name = hashlib.sha256(path.encode("utf-8")).hexdigest()[:32]
        self.write_private(f"{ORIGINALS}/{name}", self._system.read(path))
        return {"file": name, "mode": found.st_mode & 0o7777, "uid": found.st_uid, "gid": found.st_gid}

    def restore_original(self, path: str, original: Entry) -> None:
        """Put a kept file back as it was."""
        data = self._system.read(f"{ORIGINALS}/{original['file']}")
        self._system.write(path, [data], original["mode"], original["uid"], original["gid"])

    def drop_original(self, original: Entry) -> None:
        """Forget a kept file once the ledger no longer speaks of it."""
        self._system.remove(f"{ORIGINALS}/{original['file']}")


def ensure_private(system: System, path: str) -> None:
    """Make a folder of mode 0700, and those above it, owned by whom the module runs as."""
    if system.is_directory(path):
        return
    parent = path.rsplit("/", 1)[0]
    if parent:
        ensure_private(system, parent)
    above = system.lstat(parent or "/")
    mode = 0o700 if path.startswith(STATE_DIR) else 0o755
    system.make_directory(path, mode, above.st_uid if above else 0, above.st_gid if above else 0)
