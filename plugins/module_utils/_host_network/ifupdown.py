# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Debian's installer leaves: interfaces(5), from which the interfaces that become ours are taken out. Pure."""

from __future__ import annotations

import typing as t

PATH = "/etc/network/interfaces"
FOLDER = "/etc/network/interfaces.d"
STATE = "/run/network/ifstate"
# Each begins a stanza; all other lines belong to the one before.
_BEGINNINGS = ("iface", "mapping", "auto", "source", "source-directory", "no-auto-down", "no-scripts", "template")


def named(text: str, names: t.Collection[str]) -> bool:
    """Tell whether a file configures one of these interfaces."""
    return without(text, names) != text


def without(text: str, names: t.Collection[str]) -> str:
    """Return a file without the stanzas of these interfaces; everything else keeps its bytes."""
    kept, dropping = "", False
    for line in _logical_lines(text):
        words = line.split()
        if words and (words[0] in _BEGINNINGS or words[0].startswith("allow-")):
            dropping = words[0] == "iface" and len(words) > 1 and words[1] in names
            if words[0] == "auto" or words[0].startswith("allow-"):
                line = _without_words(line, names)
        elif not words or words[0].startswith("#"):
            kept += line
            continue
        if not dropping:
            kept += line
    return kept


def _logical_lines(text: str) -> t.Iterator[str]:
    """Yield lines with those that a backslash continues."""
    pending = ""
    for line in text.splitlines(keepends=True):
        pending += line
        if not line.rstrip("\n").endswith("\\"):
            yield pending
            pending = ""
    if pending:
        yield pending


def _without_words(line: str, names: t.Collection[str]) -> str:
    words = line.split()
    left = [word for word in words[1:] if word not in names]
    if left == words[1:]:
        return line
    return f"{' '.join([words[0], *left])}\n" if left else ""


def managed(state: str) -> set[str]:
    """Return the interfaces that ifupdown has up, from the text of its state file (NAME=STANZA a line)."""
    return {line.partition("=")[0] for line in state.splitlines() if "=" in line}


def by_dhcp(texts: t.Iterable[str], name: str) -> bool:
    """Tell whether an interface gets its address from a DHCP client."""
    wanted = ["iface", name, "inet", "dhcp"]
    return any(line.split()[:4] == wanted for text in texts for line in _logical_lines(text))
