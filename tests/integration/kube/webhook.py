# SPDX-License-Identifier: GPL-3.0-or-later
"""An admission webhook on loopback: it adds a label, rewrites an image, or denies what names no owner."""

from __future__ import annotations

import base64
import http.server
import json
import ssl
import threading
import typing as t

Json = dict[str, t.Any]


def _label(_body: Json) -> list[Json]:
    return [{"op": "add", "path": "/metadata/labels", "value": {"injected": "yes"}}]


def _rewrite(body: Json) -> list[Json]:
    image = body["data"]["image"]
    mirrored = image if image.startswith("mirror.test/") else f"mirror.test/{image}"
    return [{"op": "replace", "path": "/data/image", "value": mirrored}]


_PATCHES: dict[str, t.Callable[[Json], list[Json]]] = {"/label": _label, "/rewrite": _rewrite}


class Webhook:
    """A server of /label, /rewrite and /deny that answers AdmissionReviews over TLS."""

    def __init__(self, identity: ssl.SSLContext) -> None:
        """Serve with the certificate of *identity*."""

        class Handler(http.server.BaseHTTPRequestHandler):
            # One connection for each request, so that close() really is the end.
            protocol_version = "HTTP/1.0"

            def do_POST(self) -> None:
                review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                content = json.dumps(_answer(self.path.partition("?")[0], review["request"])).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: t.Any) -> None:
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.socket = identity.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}).start()

    def close(self) -> None:
        """End the server."""
        self._server.shutdown()
        self._server.server_close()

    def configuration(self, kind: str, path: str, name: str, namespace: str, authority: str) -> Json:
        """Return the configuration that sends every ConfigMap of a namespace to *path*."""
        hook = {
            "name": f"{path}.webhook.test",
            "clientConfig": {"url": f"https://127.0.0.1:{self.port}/{path}", "caBundle": authority},
            "rules": [
                {
                    "apiGroups": [""],
                    "apiVersions": ["v1"],
                    "operations": ["CREATE", "UPDATE"],
                    "resources": ["configmaps"],
                }
            ],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
        }
        head = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": f"{kind}WebhookConfiguration"}
        return {**head, "metadata": {"name": name}, "webhooks": [hook]}


def _answer(path: str, request: Json) -> Json:
    response: Json = {"uid": request["uid"], "allowed": path != "/deny"}
    if path == "/deny":
        response["status"] = {"code": 403, "message": "no owner is named"}
    else:
        patch = json.dumps(_PATCHES[path](request["object"])).encode()
        response.update(patchType="JSONPatch", patch=base64.b64encode(patch).decode())
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}
