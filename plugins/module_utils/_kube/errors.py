# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of kube_apply, and the one sentence that an answer of the API server becomes."""

from __future__ import annotations

import re
import typing as t

_UNDECLARED = re.compile(r"(\.[^\s:]+): field not declared in schema")
_TYPED = re.compile(r": (\.[^\s:]+): (expected .*|duplicate .*)$")
_UNKNOWN_FIELD = re.compile(r'unknown field "([^"]+)"')
_IMMUTABLE = re.compile(r"field is immutable|updates to .* are forbidden|may not change", re.IGNORECASE)
_QUOTA = re.compile(r"exceeded quota: ([^,\s]+)")
_DENIED = re.compile(r"(admission webhook|ValidatingAdmissionPolicy) ['\"]([^'\"]+)['\"].*? denied (the )?request")
_TOO_LARGE = re.compile(r"request entity too large|request is too large|trying to send message larger than max")
_SPLIT = "Split the object, or keep its large values elsewhere"


class KubeError(Exception):
    """A set of objects that cannot be read, planned or applied; the text names object, cause and fix."""


class Unreachable(KubeError):
    """No API server answered; *cause* says why, without the address."""

    def __init__(self, address: str, cause: str) -> None:
        self.address = address
        self.cause = cause
        super().__init__(
            f"Connecting to the Kubernetes API {address}: {cause}. "
            "Check that the API server runs and that the kubeconfig names its address."
        )


class ApiError(KubeError):
    """A request the API server refused.

    code is the HTTP status, status the Status document of the answer ({} when there was none), retry_after how many
    seconds the server asks to wait (0 when it does not).
    """

    def __init__(self, attempt: str, code: int, status: dict[str, t.Any], retry_after: float = 0.0) -> None:
        self.attempt = attempt
        self.code = code
        self.status = status
        self.retry_after = retry_after
        super().__init__(sentence(attempt, code, status))


def speaks_of_old_schema(error: ApiError) -> bool:
    """Return whether the refusal may come from a definition that the server has not replaced everywhere yet."""
    message = str(error.status.get("message", ""))
    return error.code == 404 or bool(_UNDECLARED.search(message) or _UNKNOWN_FIELD.search(message))


def judged(status: dict[str, t.Any]) -> bool:
    """Return whether a 500 is the server's judgement of the object (or a webhook's fault), not a slip of its own."""
    message = str(status.get("message", ""))
    known = (_UNDECLARED, _TYPED, _TOO_LARGE)
    return "failed calling webhook" in message or any(pattern.search(message) for pattern in known)


def sentence(attempt: str, code: int, status: dict[str, t.Any]) -> str:
    """Return '<attempt>: <cause>. <what to do>' for a refused request.

    attempt is like "Applying v1 ConfigMap a/b"; status is a Kubernetes Status document.
    """
    message = str(status.get("message", "")).strip() or f"the server answered {code} without a reason"
    for teller in _TELLERS:
        told = teller(code, status, message)
        if told:
            return f"{attempt}: {told}"
    return f"{attempt}: {message.rstrip('.')}. See the API server's log if this does not tell enough."


def _causes(status: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    return list((status.get("details") or {}).get("causes") or [])


def is_field_conflict(code: int, status: dict[str, t.Any]) -> bool:
    """Return whether another field manager owns what was applied (which no retry resolves)."""
    return code == 409 and any(cause.get("reason") == "FieldManagerConflict" for cause in _causes(status))


def _conflict(code: int, status: dict[str, t.Any], message: str) -> str:
    if not is_field_conflict(code, status):
        return ""
    parts = []
    for cause in _causes(status):
        manager = re.search(r'conflict with ("[^"]+")', str(cause.get("message", "")))
        owner = manager.group(1) if manager else "another manager"
        parts.append(f"field {cause.get('field')} belongs to field manager {owner}")
    return f"{'; '.join(parts)}. Leave the field out, or set force_conflicts: true to take it over."


def _webhook(code: int, _status: dict[str, t.Any], message: str) -> str:
    if code >= 500 and "failed calling webhook" in message:
        return f"{message.rstrip('.')}. Check that the webhook's service has ready endpoints."
    return ""


def _admission(_code: int, _status: dict[str, t.Any], message: str) -> str:
    denied = _DENIED.search(message)
    if not denied:
        return ""
    _before, _colon, why = message[denied.end() :].partition(":")
    reason = why.strip().rstrip(".") or "it gave no reason"
    what = denied.group(1)
    return f'{what} "{denied.group(2)}" denied it: {reason}. Change the object to what the {what.split()[-1]} demands.'


def _invalid(code: int, status: dict[str, t.Any], message: str) -> str:
    causes = _causes(status)
    if code != 422 or not causes:
        return ""
    told = list(dict.fromkeys(_told(cause) for cause in causes))
    fix = "Correct the field and run again"
    if any(_IMMUTABLE.search(str(cause.get("message", ""))) for cause in causes):
        fix = "Delete the object or keep the field as it was: the server never changes it in place"
    elif any(cause.get("reason") == "FieldValueTooLong" and not _field(cause) for cause in causes):
        fix = _SPLIT
    return f"{'; '.join(told).rstrip('.')}. {fix}."


def _field(cause: dict[str, t.Any]) -> str:
    """Return the path a cause speaks of, empty for the whole object."""
    path = str(cause.get("field") or "")
    return "" if path in ("[]", "<nil>") else path


def _told(cause: dict[str, t.Any]) -> str:
    return f"field {_field(cause)}: {cause.get('message')}" if _field(cause) else str(cause.get("message"))


def _undeclared(code: int, _status: dict[str, t.Any], message: str) -> str:
    undeclared = _UNDECLARED.findall(message) or [f".{name}" for name in _UNKNOWN_FIELD.findall(message)]
    if undeclared:
        return f"field {', '.join(undeclared)} is not declared in the kind's schema. Correct its name or remove it."
    typed = _TYPED.search(message)
    if code in (400, 422, 500) and typed:
        fix = "Keep one of them" if typed.group(2).startswith("duplicate") else "Correct the field's type"
        return f"field {typed.group(1)}: {typed.group(2).rstrip('.')}. {fix}."
    return ""


def _missing(code: int, status: dict[str, t.Any], message: str) -> str:
    details = status.get("details") or {}
    if code == 404 and details.get("kind") == "namespaces":
        return f'namespace "{details.get("name")}" does not exist. Add the Namespace to the objects or create it first.'
    return ""


def _large(code: int, _status: dict[str, t.Any], message: str) -> str:
    if code == 413 or _TOO_LARGE.search(message):
        return f"{message.rstrip('.')}. {_SPLIT}."
    return ""


def _denied(code: int, status: dict[str, t.Any], message: str) -> str:
    if code == 401:
        return "the API server refused the credentials. Renew the user's certificate or token in the kubeconfig."
    if code != 403:
        return ""
    quota = _QUOTA.search(message)
    fix = "Give the kubeconfig's user that right, or lift what forbids it"
    if any(cause.get("reason") == "NamespaceTerminating" for cause in _causes(status)):
        fix = "Wait until the namespace is gone, add it to the objects and run again"
    elif quota:
        fix = f"Ask for less, or raise the ResourceQuota {quota.group(1)} of the namespace"
    elif "violates PodSecurity" in message:
        fix = "Meet that level, or change the pod-security labels of the namespace"
    return f"{message.rstrip('.')}. {fix}."


def _passing(code: int, _status: dict[str, t.Any], message: str) -> str:
    if code == 409:
        return f"{message.rstrip('.')}. Somebody else changed it at the same time: run again."
    if code in (429, 502, 503, 504):
        return f"{message.rstrip('.')}. Run again when the API server is well."
    return ""


_TELLERS = (_conflict, _webhook, _admission, _invalid, _undeclared, _missing, _large, _denied, _passing)
