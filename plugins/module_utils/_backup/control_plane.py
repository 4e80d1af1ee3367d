# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Give a blank host what a lost control plane knew: `kubeadm init` finds its authorities, keys and data of etcd."""

from __future__ import annotations

import ipaddress
import os
import shutil
from dataclasses import dataclass

from .._host.errors import HostError, explained
from .._kubeadm.observe import RESTORING
from . import etcd
from .hooks import ETCD_FILE
from .journal import FOLDER, write_whole
from .model import CONTROL_PLANE, DUMP, FILES, KUBERNETES, MANIFEST, Json, Places, Repository
from .restore import Restored, Wish, Work
from .verify import demand, verify

# What kubeadm cannot make anew (kubeadm.io, "Manual certificate distribution"), and the key of Secrets in etcd.
AUTHORITIES = ("ca", "front-proxy-ca", "etcd/ca")
FILES_OF_ALL = (
    *(f"pki/{name}.{end}" for name in AUTHORITIES for end in ("crt", "key")),
    "pki/sa.key",
    "pki/sa.pub",
    "encryption.yaml",
)


@dataclass(frozen=True)
class Lost:
    """A control plane *node* of a *lab*, and the *address* (IPv4) that it has now; *snapshot* is an id or latest."""

    lab: str
    node: str
    address: str
    repository: Repository
    snapshot: str = "latest"
    metrics_file: str = ""


@dataclass(frozen=True)
class Host:
    """Where things are on a host."""

    kubernetes: str = KUBERNETES
    etcd: str = "/var/lib/etcd"
    restoring: str = RESTORING


def restore(lost: Lost, places: Places, check: bool = False, host: Host | None = None) -> Restored:
    """Restore, or in *check* find the snapshot. Raises HostError, also where a control plane is; that is untouched."""
    return _Work(lost, places, host or Host()).run(check)


class _Work(Work):
    """A restore of which some files, and data made of the dump, are put in place."""

    def __init__(self, lost: Lost, places: Places, host: Host) -> None:
        volume = f"{CONTROL_PLANE}/{lost.node}"
        words = (lost.lab, volume, host.kubernetes, lost.repository, lost.snapshot)
        # Files that role kubernetes wrote may be there, and are newer.
        super().__init__(Wish(*words, overwrite=True, metrics_file=lost.metrics_file), places)
        self._attempt = f"Cannot restore the control plane {lost.node}"
        self._lost, self._host = lost, host
        self._new = f"{host.etcd}/.homelab-restore"
        try:
            ipaddress.IPv4Address(lost.address)
        except ValueError as exc:
            raise HostError(
                self._attempt, f"address {lost.address!r} is no IPv4 address", "Give that of the plan"
            ) from exc

    def leavings(self) -> list[tuple[str, Json]]:
        """Return what is to be undone, the data of etcd that are not in place among it."""
        return [*super().leavings(), (FOLDER, {"path": self._new})]

    def look(self) -> Restored:
        """Find the snapshot; a control plane that is there speaks against it."""
        self._refuse_alive()
        return super().look()

    def _refuse_alive(self) -> None:
        """What a restore left that was killed is no control plane."""
        if os.path.lexists(self._host.restoring):
            return
        authority = f"{self._host.kubernetes}/pki/ca.key"
        for path in (authority, f"{self._host.etcd}/member"):
            if os.path.lexists(path):
                fix = f"Run site.yml, which brings it up; or, to be rid of it, reset.yml --limit {self._lost.node}"
                raise HostError(self._attempt, f"there is one: {path}", fix)

    def carry_out(self, result: Restored) -> None:
        """Restore aside, verify, put in place what kubeadm cannot make anew; the data of etcd come last."""
        folder, verdict = self.fetch()
        dump = f"{folder}/{DUMP}"
        snapshot = f"{dump}/{ETCD_FILE}"
        absent = [name for name in FILES_OF_ALL if not os.path.isfile(f"{folder}/{FILES}/{name}")]
        if absent or not os.path.isfile(snapshot):
            cause = f"the snapshot lacks {', '.join(absent) or 'the state of etcd'}"
            raise HostError(self._attempt, cause, "Restore an older one")
        demand(verify(dump, f"{dump}.{MANIFEST}"), self._attempt)
        with explained(self._attempt):
            os.makedirs(self._host.etcd, mode=0o700, exist_ok=True)
            etcd.restore(self._attempt, snapshot, self._lost.node, self._lost.address, self._new)
            # From here on site.yml refuses, until the data is in: it would begin a new cluster.
            write_whole(self._host.restoring, f"{result.snapshot}\n")
            for name in FILES_OF_ALL:
                self._put(f"{folder}/{FILES}/{name}", f"{self._host.kubernetes}/{name}")
            member = f"{self._host.etcd}/member"
            if os.path.lexists(member):
                shutil.rmtree(member)
            os.rename(f"{self._new}/member", member)
            os.sync()
            os.unlink(self._host.restoring)
        self._tell(result, verdict)

    def _put(self, source: str, target: str) -> None:
        with open(source, encoding="ascii") as stream:
            write_whole(target, stream.read(), os.stat(source).st_mode & 0o777)
