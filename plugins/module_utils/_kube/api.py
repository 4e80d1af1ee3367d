# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The few requests kube_apply makes of a Kubernetes API, counted."""

from __future__ import annotations

import json
import math
import threading
import time
import typing as t
from urllib.parse import quote, urlencode

from .errors import ApiError, KubeError
from .http import Answer, Stream, Transport, told_pause
from .kinds import BUILT_IN, Resource
from .model import Json, Ref

PAGE = 500
WEBHOOK_PATIENCE_S = 30.0
# The server sends a bookmark about every minute, so longer silence means that the connection is dead.
SILENCE_S = 90.0


class Api:
    """Typed access to one API server in the name of one field manager.

    requests counts what was sent: read (GET, LIST and WATCH), dry_run (PATCH that is not stored) and write.
    """

    def __init__(
        self, transport: Transport, manager: str, force: bool = False, sleep: t.Callable[[float], None] = time.sleep
    ) -> None:
        self.requests = {"read": 0, "dry_run": 0, "write": 0}
        self._transport = transport
        self._manager = manager
        self._force = force
        self._sleep = sleep
        self._lock = threading.Lock()
        self._resources: dict[tuple[str, str], Resource] = dict(BUILT_IN)

    @property
    def address(self) -> str:
        """Return the address of the server."""
        return self._transport.address

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def known(self, api_version: str, kind: str) -> Resource | None:
        """Return where a kind lives as far as was asked before; None when it is not known."""
        return self._resources.get((api_version, kind))

    def resource(self, api_version: str, kind: str, again: bool = False) -> Resource | None:
        """Return where a kind lives, from discovery unless it is built in; None when the server lacks it.

        One answer of discovery tells all kinds of a group version; *again* asks anew.
        """
        if (api_version, kind) not in self._resources or again:
            answer = self._send("read", "GET", _base(api_version))
            if answer.code not in (200, 404):
                raise _refusal(answer, f"Asking for the kinds of {api_version}")
            for item in answer.json().get("resources", []):
                if "/" not in item["name"]:
                    self._resources[api_version, item["kind"]] = Resource(item["name"], item["namespaced"])
        return self._resources.get((api_version, kind))

    def get(self, ref: Ref) -> Json | None:
        """Return the live object, None when there is none."""
        answer = self._send("read", "GET", self._path(ref, ref.name))
        if answer.code == 404:
            return None
        return _body(answer, f"Reading {ref}")

    def list_all(self, ref: Ref, query: dict[str, str] | None = None) -> list[Json]:
        """Return all objects of the kind and in the namespace of *ref*, read in pages; [] for a kind nobody serves."""
        return self.listing(ref, query)[0]

    def listing(self, ref: Ref, query: dict[str, str] | None = None) -> tuple[list[Json], str]:
        """Return what list_all does, and the version from which watch() goes on; "" for a kind nobody serves."""
        for _restart in range(3):
            found = self._pages(ref, query or {})
            if found is not None:
                return found
        raise KubeError(f"Listing {_shelf(ref)}: it changed too fast. Run again.")

    def _pages(self, ref: Ref, query: dict[str, str]) -> tuple[list[Json], str] | None:
        found: list[Json] = []
        following = ""
        while True:
            full = {"limit": str(PAGE), **query, **({"continue": following} if following else {})}
            answer = self._send("read", "GET", f"{self._path(ref)}?{urlencode(full)}")
            if answer.code == 410 and following:
                return None
            if answer.code == 404:
                return [], ""
            page = _body(answer, f"Listing {_shelf(ref)}")
            # Items of a list carry no type; the objects we compare them with do.
            head = {"apiVersion": ref.api_version, "kind": ref.kind}
            found += [{**head, **item} for item in page.get("items") or []]
            metadata = page.get("metadata", {})
            following = metadata.get("continue", "")
            if not following:
                return found, str(metadata.get("resourceVersion", ""))

    def watch(self, ref: Ref, query: dict[str, str], version: str, seconds: float) -> Stream:
        """Return the stream of changes since *version* of what listing() lists; it lasts at most about *seconds*.

        The caller closes it. Raises ApiError when the server refuses, Unreachable when there is no answer.
        """
        # The server counts whole seconds; the connection ends by itself where the server does not.
        full = {"watch": "true", "allowWatchBookmarks": "true", "resourceVersion": version, **query}
        path = f"{self._path(ref)}?{urlencode({**full, 'timeoutSeconds': str(math.ceil(seconds))})}"
        self._count("read")
        stream = self._transport.stream(path, min(max(seconds, 1.0), SILENCE_S))
        if stream.answer.code >= 300:
            stream.close()
            raise _refusal(stream.answer, f"Watching {_shelf(ref)}")
        return stream

    def apply(self, ref: Ref, body: Json, dry_run: bool = False, force: bool | None = None) -> Json:
        """Apply *body* server-side, or only ask what that would give, and return the resulting object.

        A webhook that cannot be called is given time to start. Raises ApiError when the server refuses.
        """
        force = self._force if force is None else force
        query = {"fieldManager": self._manager, "fieldValidation": "Strict", "force": str(force).lower()}
        if dry_run:
            query["dryRun"] = "All"
        path = f"{self._path(ref, ref.name)}?{urlencode(query)}"
        content = json.dumps(body, separators=(",", ":")).encode()
        attempt = f"{'Checking' if dry_run else 'Applying'} {ref}"
        deadline = time.monotonic() + (0 if dry_run else WEBHOOK_PATIENCE_S)
        while True:
            sort = "dry_run" if dry_run else "write"
            answer = self._send(sort, "PATCH", path, content, "application/apply-patch+yaml")
            webhook = answer.code == 500 and "failed calling webhook" in str(answer.json().get("message"))
            if not webhook or time.monotonic() > deadline:
                return _body(answer, attempt)
            self._sleep(1.0)

    def delete(self, ref: Ref, uid: str) -> None:
        """Delete exactly the object that was seen, its dependants in the background; one already gone is fine."""
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": {"uid": uid},
        }
        content = json.dumps(options).encode()
        answer = self._send("write", "DELETE", self._path(ref, ref.name), content, "application/json")
        if answer.code != 404:
            _body(answer, f"Deleting {ref}")

    def log(self, namespace: str, pod: str, container: str, previous: bool) -> str:
        """Return the last lines of a container's log, empty when there is none."""
        query = urlencode({"container": container, "tailLines": "5", "previous": str(previous).lower()})
        answer = self._send("read", "GET", f"/api/v1/namespaces/{quote(namespace)}/pods/{quote(pod)}/log?{query}")
        return answer.body.decode("utf-8", "replace").strip() if answer.code == 200 else ""

    def _path(self, ref: Ref, name: str = "") -> str:
        resource = self.resource(ref.api_version, ref.kind)
        if resource is None:
            raise unknown_kind(ref)
        place = f"/namespaces/{quote(ref.namespace)}" if resource.namespaced and ref.namespace else ""
        return f"{_base(ref.api_version)}{place}/{resource.plural}{f'/{quote(name)}' if name else ''}"

    def _count(self, sort: str) -> None:
        with self._lock:
            self.requests[sort] += 1

    def _send(self, sort: str, method: str, path: str, body: bytes = b"", content_type: str = "") -> Answer:
        self._count(sort)
        return self._transport.request(method, path, body, content_type)


def unknown_kind(ref: Ref) -> KubeError:
    """Return the error for an object of a kind that the server does not serve."""
    return KubeError(
        f"Finding {ref}: the server knows no kind {ref.kind} in {ref.api_version}. "
        "Install its CustomResourceDefinition first, or add it to the objects."
    )


def _base(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def _shelf(ref: Ref) -> str:
    return f"{ref.kind} in {ref.namespace or 'the cluster'}"


def _refusal(answer: Answer, attempt: str) -> ApiError:
    return ApiError(attempt, answer.code, answer.json(), told_pause(answer))


def _body(answer: Answer, attempt: str) -> Json:
    if answer.code >= 300:
        raise _refusal(answer, attempt)
    return answer.json()
