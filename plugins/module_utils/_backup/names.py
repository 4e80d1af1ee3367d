# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of files are bytes. In JSON they are text in which each byte that is no UTF-8 is a lone surrogate (PEP 383)."""

from __future__ import annotations

import os


def to_text(name: str | bytes) -> str:
    """Return a name as the manifest has it, whatever this process's own encoding is."""
    return os.fsencode(name).decode("utf-8", "surrogateescape")


def to_bytes(text: str) -> bytes:
    """Return the name itself."""
    return text.encode("utf-8", "surrogateescape")


def shown(text: str) -> str:
    """Return a name for messages: on one line, and nothing in it that a terminal obeys."""
    return text if text.isprintable() else ascii(text)[1:-1]
