# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where Ingress objects come from, a cluster or a task, and the file their routes go to."""

from __future__ import annotations

import os
import typing as t

from .._kube.api import Api
from .._kube.errors import KubeError
from .._kube.model import Ref
from .model import API_VERSION, NAMED_KINDS, Ingress, Json, Name, Named, expand, read
from .plan import needed, of_class


def of_task(objects: t.Sequence[t.Any]) -> tuple[list[Ingress], Named]:
    """Return the Ingress objects among *objects*, and the others by name. Raises KubeError."""
    found: list[Ingress] = []
    named: dict[Name, Json] = {}
    pairs = [pair for index, item in enumerate(objects) for pair in expand(f"objects[{index}]", item)]
    for origin, body in pairs:
        kind = body.get("kind")
        if kind == "Ingress":
            found.append(read(origin, body))
        elif kind in NAMED_KINDS:
            named[kind, body["metadata"]["namespace"], body["metadata"]["name"]] = body
        else:
            raise KubeError(f"Reading {origin}: it is a {kind}. Give Ingress, {', '.join(NAMED_KINDS)} only.")
    return found, named


def of_cluster(api: Api, class_name: str) -> tuple[list[Ingress], Named]:
    """Return the Ingress objects of the cluster, and what those of a class name. Raises KubeError."""
    bodies = api.list_all(Ref(API_VERSION, "Ingress", "", ""))
    found = [read("Ingress {namespace}/{name}".format(**body["metadata"]), body) for body in bodies]
    live = {name: api.get(Ref("v1", *name)) for name in needed(of_class(found, class_name))}
    return found, {name: body for name, body in live.items() if body}


def written(path: str, head: str) -> str:
    """Return what an earlier run wrote, which begins with *head*; "" when there is no file yet. Raises KubeError."""
    try:
        with open(path, encoding="utf-8") as stream:
            text = stream.read()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise KubeError(f"Reading {path}: {error}. Name a file of text that you may read.") from None
    if not text.startswith(head):
        raise KubeError(f"Writing {path}: it is there, and nothing that was translated. Name another file.")
    return text


def write(path: str, text: str) -> None:
    """Write a file in one step, for its owner only: it may hold password hashes. Raises KubeError."""
    partial = f"{path}.partial"
    try:
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
            os.fchmod(stream.fileno(), 0o600)  # a killed run may have left the file
            stream.write(text)
        os.replace(partial, path)
    except OSError as error:
        raise KubeError(f"Writing {path}: {error.strerror}. Name a file in a folder that is there.") from None
