# SPDX-License-Identifier: GPL-3.0-or-later
"""NGINX Ingress Controller, which cannot be built here: as somebody gives it, or stand-ins that say that they are."""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass
from pathlib import Path

from lab import files
from lab.errors import LabError
from lab.lockfile import Lock

IMAGE, DEFINITIONS = "nginx", "nginx_crds"
"""The image and the manifest in the lock."""

_KINDS = {
    "policies": "Policy",
    "transportservers": "TransportServer",
    "virtualserverroutes": "VirtualServerRoute",
    "virtualservers": "VirtualServer",
}


@dataclass(frozen=True)
class Given:
    """``image`` is a file that docker saved, or a reference, or empty; ``definitions`` are served for upstream's."""

    image: str
    definitions: bytes
    genuine: bool

    @property
    def about(self) -> str:
        """What is genuine and what is not, for people."""
        image = self.image or "a stand-in"
        return f"NGINX Ingress Controller: {image}, definitions {'given' if self.genuine else 'of a stand-in'}"

    @property
    def key(self) -> str:
        """Change when the image does; empty for the stand-in."""
        return files.sha256_of(Path(self.image)) if Path(self.image).is_file() else self.image


def find(environ: t.Mapping[str, str], lock: Lock) -> Given:
    """Return what NGINX_IMAGE and HOMELAB_CRDS name.

    HOMELAB_CRDS is a folder; the file that the lock means is known by its sha256. Raises LabError when the image is
    no file although it reads like one, or comes without its definitions.
    """
    image, folder = environ.get("NGINX_IMAGE", ""), environ.get("HOMELAB_CRDS", "")
    attempted = f"Using NGINX_IMAGE={image}"
    if image.startswith((".", "/")) and not Path(image).is_file():
        raise LabError(attempted, "there is no such file", "Give what `docker save` wrote, or a reference.")
    wanted = lock.manifests[DEFINITIONS]["sha256"]
    for path in sorted(Path(folder).glob("*.y*ml")) if folder else ():
        content = path.read_bytes()
        if files.sha256_of_bytes(content) == wanted:
            return Given(image, content, genuine=True)
    if image:
        cause = f"no file of HOMELAB_CRDS={folder} has the sha256 {wanted} of its definitions"
        raise LabError(attempted, cause, f"Put {lock.manifests[DEFINITIONS]['url']} into a folder, and name that.")
    return Given("", stand_in_definitions(), genuine=False)


def stand_in_definitions() -> bytes:
    """Return definitions of the kinds that routes become, which take any fields."""
    return "---\n".join(json.dumps(_definition(plural, kind)) + "\n" for plural, kind in _KINDS.items()).encode()


def _definition(plural: str, kind: str) -> dict[str, t.Any]:
    group = "k8s.nginx.org"
    free = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {
        "description": "A stand-in of the lab: it takes any fields.",
        "type": "object",
        "properties": {"spec": free, "status": free},
    }
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
    }
    names = {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "names": names, "scope": "Namespaced", "versions": [version]},
    }
