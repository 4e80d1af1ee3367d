# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: a template for many items as one template, as compiling is most of what one costs."""

from __future__ import annotations

import re
import secrets
import typing as t
from dataclasses import dataclass

_UNFIT = re.compile(r"#jinja2:|\{%[-+]?\s*(extends|block)\b|\bloop\b")


@dataclass(frozen=True)
class Repeated:
    """The text of a template that renders the original once for each item, and the variables it needs.

    Inside it ``item`` is a name of the template: what it includes sees it, a variable that is defined by it does not.
    """

    source: str
    variables: dict[str, t.Any]
    _separator: str
    _items: int
    _newlines: int

    @classmethod
    def of(cls, source: str, items: list[str]) -> Repeated | None:
        """Repeat *source* for *items*; None where that would change its meaning (inheritance, settings, ``loop``)."""
        if _UNFIT.search(source):
            return None
        mark = secrets.token_hex(16)
        # Jinja drops one newline at the end of a template; with the separator first no block trims it; `with` keeps a
        # stray end of a block from being taken for the end of the loop.
        body = source[:-1] if source.endswith("\n") else source
        text = f"{{% for item in homelab_{mark} %}}{{% with %}}{mark}{body}{{% endwith %}}{{% endfor %}}"
        return cls(text, {f"homelab_{mark}": items}, mark, len(items), _newlines(source))

    def split(self, text: str) -> list[str]:
        """Return the text of each item; raises ValueError where it cannot be told apart."""
        parts = text.split(self._separator)
        # Of an item that gives no text it cannot be told here whether Ansible adds newlines.
        if len(parts) != self._items + 1 or parts[0] or (self._newlines and "" in parts[1:]):
            raise ValueError("the template does not render as one for all its items")
        # As Ansible does: at least as many newlines at the end as the template has.
        return [part + "\n" * max(0, self._newlines - _newlines(part)) for part in parts[1:]]


def _newlines(text: str) -> int:
    return len(text) - len(text.rstrip("\n"))
