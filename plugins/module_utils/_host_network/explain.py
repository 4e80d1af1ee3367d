# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guess what in a ruleset keeps SSH out; the proof that something does was made by trying. Pure."""

from __future__ import annotations

import re


def suspect(ruleset: str, session: str) -> str:
    """Return in one sentence what most likely forbids a new SSH connection.

    *session* is the SSH_CONNECTION that the change was made over: "client port server port", or empty.
    """
    words = session.split()
    client, port = (words[0], words[3]) if len(words) == 4 else ("the controller", "22")
    names = [port, "ssh"] if port == "22" else [port]
    lines = [line.strip() for line in ruleset.splitlines()]
    about = [line for line in lines if re.search(rf"\bdport\b.*\b({'|'.join(names)})\b", line)]
    # A limit closes the port only for those who try too often.
    closing = [line for line in about if re.search(r"\b(drop|reject)\b", line) and "limit" not in line]
    if closing:
        return f"Most likely its line `{closing[0]}` keeps {client} from tcp port {port}."
    opening = [line for line in about if "accept" in line]
    if opening:
        return (
            f"Its line `{opening[0]}` opens tcp port {port}: most likely {client} is dropped before it, or not meant."
        )
    if any(re.search(r"\bhook input\b.*\bpolicy drop\b", line) for line in lines):
        return (
            f"Most likely this: chain input drops by its policy, and no rule or set opens tcp port {port} to {client}."
        )
    return f"Look for the rule that drops a new connection from {client} to tcp port {port}."
