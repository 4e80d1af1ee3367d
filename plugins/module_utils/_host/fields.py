# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: reads one resource's keys and refuses what is wrong in words that help."""

from __future__ import annotations

import difflib
import re
import typing as t

from .errors import HostError

_MODE = re.compile(r"[0-7]{4}")


def suggestion(word: str, known: t.Iterable[str]) -> str:
    """``Did you mean "x"? `` or nothing."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f'Did you mean "{close[0]}"? ' if close else ""


class Fields:
    """The keys of one resource, each read once; what is never read is an unknown key."""

    def __init__(self, raw: t.Mapping[str, t.Any], where: str) -> None:
        self.raw = raw
        self._known: set[str] = {"at"}
        self.where = where

    def fail(self, key: str, reason: str, fix: str) -> t.NoReturn:
        """Refuse the value of a key."""
        value = self.raw.get(key)
        shown = f"{key} {value!r}" if key in self.raw else key
        raise HostError(f"Cannot use {self.where}", f"{shown} {reason}", fix)

    def has(self, key: str) -> bool:
        """Whether a key is given, null counting as not given."""
        self._known.add(key)
        return self.raw.get(key) is not None

    def text(self, key: str, default: str | None = None) -> str:
        """A non-empty text on one line; numbers are taken as text."""
        if not self.has(key):
            if default is None:
                self.fail(key, "is missing", f"Add {key} to this resource")
            return default
        value = self.raw[key]
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            self.fail(key, f"is a {type(value).__name__}, not a text", "Write it as a text in quotes")
        text = str(value)
        if not text.strip() or "\n" in text or "\0" in text:
            self.fail(key, "is empty or has more than one line", "Write one line of text")
        return text

    def optional_text(self, key: str) -> str | None:
        """A text or None."""
        return self.text(key) if self.has(key) else None

    def matching(self, key: str, pattern: str, reason: str, fix: str) -> str:
        """A text that matches a whole regular expression."""
        value = self.text(key)
        if not re.fullmatch(pattern, value):
            self.fail(key, reason, fix)
        return value

    def path(self, key: str) -> str:
        """An absolute path without detours, which is then its only spelling."""
        value = self.text(key)
        parts = value.split("/")
        if not value.startswith("/") or value == "/" or any(part in ("", ".", "..") for part in parts[1:]):
            self.fail(key, "is not a plain absolute path", 'Write it like "/etc/name", without "//", "." or ".." parts')
        return value

    def mode(self, key: str, default: str) -> str:
        """Four octal digits as text."""
        if not self.has(key):
            return default
        value = self.raw[key]
        if not isinstance(value, str) or not _MODE.fullmatch(value):
            self.fail(key, "is not an octal mode in quotes", 'Write four digits in quotes, for example "0644"')
        return value

    def flag(self, key: str, default: bool | None) -> bool | None:
        """True, false or the default."""
        if not self.has(key):
            return default
        value = self.raw[key]
        if not isinstance(value, bool):
            self.fail(key, "is not a boolean", "Write true or false, without quotes")
        return value

    def choice(self, key: str, choices: t.Sequence[str], default: str | None) -> str | None:
        """One of a few words, or the default."""
        if not self.has(key):
            return default
        value = self.raw[key]
        if value not in choices:
            hint = suggestion(str(value), choices)
            self.fail(key, "is not a known choice", f"{hint}Write one of: {', '.join(choices)}")
        return str(value)

    def number(self, key: str) -> int | None:
        """A number of at least 0, or None."""
        if not self.has(key):
            return None
        value = self.raw[key]
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            self.fail(key, "is not a number of at least 0", "Write a number without quotes")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts, empty when not given."""
        value = self.raw[key] if self.has(key) else []
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            self.fail(key, "is not a list of texts", "Write a YAML list of texts")
        return tuple(value)

    def mapping(self, key: str) -> dict[str, t.Any]:
        """A mapping; a list of texts stands for a mapping of each to itself."""
        value = self.raw[key] if self.has(key) else {}
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            value = {item: item for item in value}
        if not isinstance(value, dict):
            self.fail(key, "is not a mapping", "Write a YAML mapping")
        return value

    def finish(self) -> None:
        """Refuse keys that nothing asked for."""
        for key in self.raw:
            if key not in self._known:
                hint = suggestion(str(key), self._known - {"at"})
                fix = f"{hint}Known here: {', '.join(sorted(self._known - {'at'}))}"
                cause = f"key {key!r} (value {_shown(self.raw[key])}) is unknown"
                raise HostError(f"Cannot use {self.where}", cause, fix)


def _shown(value: t.Any) -> str:
    """A value for a message, short: a mistyped key may hold a whole file."""
    text = repr(value)
    return text if len(text) <= 40 else "not shown"
