# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A translation for people, for programs, and as variables of an inventory; password hashes only in the last. Pure."""

from __future__ import annotations

import typing as t
from collections import Counter

from .._kube import documents
from .._kube.diff import HIDDEN
from .._lab.problems import UNSET
from .._routes.model import KEY
from .model import DROPPED, FAILED, FOREIGN, LOST, TRANSLATED, Json
from .plan import Translation
from .values import HASH

HEAD = "# Routes translated from Ingress objects of ingress-nginx. It may hold password hashes.\n"
_ORDER = (FAILED, LOST, TRANSLATED, DROPPED, FOREIGN)
_WIDTH = max(map(len, _ORDER))


def as_variables(translation: Translation) -> str:
    """Return homelab_routes as YAML."""
    return HEAD + documents.dump({KEY: translation.routes}, sort=False)


def hide(text: str) -> str:
    """Return *text* without password hashes."""
    return HASH.sub(HIDDEN, text)


def hidden(value: t.Any) -> t.Any:
    """Return routes without password hashes."""
    if isinstance(value, dict):
        return {key: hidden(item) for key, item in value.items()}
    if isinstance(value, list):
        return [hidden(item) for item in value]
    return hide(value) if isinstance(value, str) else value


def as_data(translation: Translation) -> Json:
    """Return the report for programs."""
    lines = [
        {
            "object": line.object,
            "key": line.key,
            "value": None if line.value is UNSET else line.value,
            "verdict": line.verdict,
            "protects": line.protects,
            "outcome": line.outcome,
            "text": line.text,
            "fix": line.fix,
        }
        for line in translation.lines
    ]
    hosts = [
        {"host": route["host"], "route": name, "objects": translation.sources[name]}
        for name, route in translation.routes.items()
    ]
    return {"lines": lines, "hosts": hosts, "notes": translation.notes}


def as_text(translation: Translation, title: str) -> str:
    """Return the report for people: by object what became of each annotation, then hosts and notes."""
    count = len(translation.routes)
    counts = Counter(line.outcome for line in translation.lines)
    told = ", ".join(f"{counts[outcome]} {outcome}" for outcome in _ORDER if counts[outcome])
    text = [f"{title}: {count} route{'s' if count != 1 else ''}{f'; {told}' if told else ''}"]
    for name in dict.fromkeys(line.object for line in translation.lines):
        text.append(f"Ingress {name}")
        lines = [line for line in translation.lines if line.object == name]
        for line in sorted(lines, key=lambda line: _ORDER.index(line.outcome)):
            text.append(f"  {line.outcome:<{_WIDTH}}  {line}")
    for name, route in translation.routes.items():
        objects = translation.sources[name]
        merged = f", merged from {' and '.join(objects)}, oldest first" if len(objects) > 1 else f", from {objects[0]}"
        text.append(f"host {route['host']}: route {name}{merged}")
    return "\n".join(text + [f"note: {note}" for note in translation.notes])


def as_failure(translation: Translation, title: str) -> str:
    """Return all that stops the translation."""
    count = len(translation.failures)
    head = f"{title}: {count} problem{'s' if count != 1 else ''}, nothing was written."
    lines = [f"  {number}. Ingress {line.object} {line}" for number, line in enumerate(translation.failures, 1)]
    return "\n".join([head, *lines])
