# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML of manifests, read as Kubernetes reads it."""

from __future__ import annotations

import typing as t

import yaml

from .errors import KubeError


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads dates and a lone equals sign as the strings they are in Kubernetes."""

    yaml_implicit_resolvers: t.ClassVar[dict[str, t.Any]] = {
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":timestamp", ":value"))]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def split(text: str, name: str) -> list[tuple[str, t.Any]]:
    """Return (origin, document) for each YAML document of *text*; *name* is the template it came from.

    Raises KubeError with the line of a mistake; the text itself is never quoted, it may hold secrets.
    """
    try:
        documents = list(yaml.load_all(text, Loader=_Loader))
    except yaml.MarkedYAMLError as exc:
        line = exc.problem_mark.line + 1 if exc.problem_mark else "?"
        raise KubeError(
            f"Reading template {name}: line {line} of what it renders to is no YAML ({exc.problem}). "
            "Correct the template."
        ) from None
    except yaml.YAMLError:
        raise KubeError(f"Reading template {name}: what it renders to is no YAML. Correct the template.") from None
    return [(f"{name} document {index}", document) for index, document in enumerate(documents, 1)]
