# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML of manifests, read as Kubernetes reads it and written so that a diff is easy to follow.

PyYAML is imported where it is used: it is on every controller, but module_utils has to be importable without.
"""

from __future__ import annotations

import functools
import typing as t

from .errors import KubeError


@functools.cache
def _loader() -> t.Any:
    """Return a loader that takes dates and a lone equals sign for the strings they are in Kubernetes."""
    import yaml

    base: t.Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    resolvers = {
        first: [(tag, pattern) for tag, pattern in known if not tag.endswith((":timestamp", ":value"))]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    return type("Loader", (base,), {"yaml_implicit_resolvers": resolvers})


@functools.cache
def _dumper() -> t.Any:
    """Return a dumper that repeats equal parts, and writes texts of several lines as blocks."""
    import yaml

    base: t.Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    dumper: t.Any = type("Dumper", (base,), {"ignore_aliases": lambda _self, _data: True})
    dumper.add_representer(str, _represent_text)
    return dumper


def _represent_text(dumper: t.Any, value: str) -> t.Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


def split(text: str, name: str) -> list[tuple[str, t.Any]]:
    """Return (origin, document) for each YAML document of *text*; *name* is the template it came from.

    Raises KubeError with the line of a mistake; the text itself is never quoted, it may hold secrets.
    """
    import yaml

    try:
        documents = list(yaml.load_all(text, Loader=_loader()))
    except yaml.MarkedYAMLError as exc:
        line = exc.problem_mark.line + 1 if exc.problem_mark else "?"
        raise KubeError(
            f"Reading template {name}: line {line} of what it renders to is no YAML ({exc.problem}). "
            "Correct the template."
        ) from None
    except yaml.YAMLError:
        raise KubeError(f"Reading template {name}: what it renders to is no YAML. Correct the template.") from None
    return [(f"{name} document {index}", document) for index, document in enumerate(documents, 1)]


def load(text: str) -> t.Any:
    """Return the one document of *text*. Raises ValueError, without quoting it, when it is no YAML."""
    import yaml

    try:
        return yaml.load(text, Loader=_loader())
    except yaml.YAMLError:
        raise ValueError("no YAML") from None


def dump(body: t.Any, sort: bool = True) -> str:
    """Return *body* as YAML with unbroken lines, and with sorted keys if *sort*."""
    import yaml

    return str(yaml.dump(body, Dumper=_dumper(), sort_keys=sort, width=10**6))
