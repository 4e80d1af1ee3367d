# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a certificate is that is not there yet, and what it hangs on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .._kube.api import Api
from .._kube.errors import KubeError
from .._kube.model import Ref
from .model import Json, Wanted

_CHALLENGES = "acme.cert-manager.io/v1"


@dataclass(frozen=True)
class Progress:
    """A Certificate without a Secret: since when it *began* to be issued (None: it is not), and what it says itself."""

    began: datetime | None
    message: str
    names: tuple[str, ...]

    def worth_waiting(self, now: datetime, seconds: float) -> bool:
        """Tell whether it may still be issued within *seconds* of its beginning."""
        return self.began is not None and (now - self.began).total_seconds() < seconds


def progress(api: Api, wanted: Wanted) -> Progress | None:
    """Return how far a certificate is; None where nobody asks for it (any more)."""
    ref = wanted.certificate
    if api.resource(ref.api_version, ref.kind) is None:
        return None
    live = api.get(ref)
    return read(live) if live else None


def read(certificate: Json) -> Progress:
    """Return what a Certificate's status tells."""
    status = certificate.get("status") or {}
    conditions = {item["type"]: item for item in status.get("conditions") or []}
    issuing, ready = conditions.get("Issuing", {}), conditions.get("Ready", {})
    # What was only just made has no status yet.
    since = issuing.get("lastTransitionTime") if conditions else certificate["metadata"]["creationTimestamp"]
    begun = issuing.get("status") == "True" or not conditions
    message = issuing.get("message") or ready.get("message") or "nobody has seen to it yet"
    return Progress(
        began=_moment(since) if begun and since else None,
        message=str(message),
        names=tuple(certificate["spec"].get("dnsNames") or ()),
    )


def told(api: Api, wanted: Wanted, seen: Progress) -> str:
    """Return why a certificate is not there: what the authority, or cert-manager before it, found wanting."""
    reasons = [
        f"{item['spec']['dnsName']} by {item['spec']['type']}: {item['status']['reason']}"
        for item in _challenges(api, wanted)
        if item["spec"]["dnsName"] in {name.removeprefix("*.") for name in seen.names}
        and (item.get("status") or {}).get("reason")
    ]
    cause = "; ".join([seen.message.rstrip("."), *(reason.rstrip(".") for reason in reasons)])
    return f"{wanted.certificate} is not issued yet: {cause}. The next run looks again."


def _challenges(api: Api, wanted: Wanted) -> list[Json]:
    try:
        return api.list_all(Ref(_CHALLENGES, "Challenge", wanted.namespace, ""))
    except KubeError:
        # It only explains.
        return []


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
