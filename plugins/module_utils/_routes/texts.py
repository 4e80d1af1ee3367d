# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user's texts may be made of, so that no provider can read anything but text in them.

nginx's configuration is made of words, quotes, variables ($) and blocks; Traefik's rules put their arguments between
backticks, and its replacements have references ($). None of these passes.
"""

from __future__ import annotations

import re

from .._lab.problems import Findings
from .._lab.rules_names import is_label, is_name

# Segments of what RFC 3986 calls unreserved, and some more that need no quoting; "." and ".." are no segments.
_PATH = re.compile(r"/|(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~@:+,=-]+)+/?")
LONGEST_PATH = 499
PORTS = (1, 65535)
_SERVICE = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,100}")
# Visible ASCII and inner spaces, without " $ \ { and }. nginx gets it in quotes, where ";" ends nothing.
_VALUE = re.compile(r"(?:[!#%-\[\]-z|~](?:[ !#%-\[\]-z|~]*[!#%-\[\]-z|~])?)?")
# nginx reads words of at most 4096 bytes.
_LONGEST_VALUE = 2000


def check_label(key: str, text: str, findings: Findings) -> None:
    """Report a name of a namespace that is none."""
    if not is_label(text):
        reason = "it is not a DNS label (RFC 1123): lower-case letters, digits and inner hyphens, at most 63"
        findings.add(key, text, reason, "Write the name as kubectl shows it")


def check_service(key: str, text: str, findings: Findings) -> None:
    """Report a name of a Service that is none."""
    if not _SERVICE.fullmatch(text):
        reason = "it is not a DNS label (RFC 1035): lower-case letters, digits and inner hyphens, first a letter"
        findings.add(key, text, reason, "Write the name as kubectl shows it")


def check_name(key: str, text: str, findings: Findings) -> None:
    """Report a name of another object that is none."""
    if not is_name(text):
        findings.add(key, text, "it is not a name of lower-case labels", "Write the name as kubectl shows it")


def check_path(key: str, text: str, findings: Findings) -> None:
    """Report a path that could be read in two ways."""
    if not _PATH.fullmatch(text) or len(text) > LONGEST_PATH:
        reason = (
            f"it is not a path of letters, digits and ._~@:+,=- between single slashes, at most {LONGEST_PATH} long"
        )
        findings.add(key, text, reason, "Begin with a slash, and write it decoded, for example /api/v1")


def check_header(key: str, text: str, findings: Findings) -> None:
    """Report a header's name that not every provider takes; nginx ignores those with an underscore."""
    if not _HEADER.fullmatch(text):
        findings.add(key, text, "it is not the name of a header", "Use letters, digits and hyphens, such as X-Api-Key")


def check_value(key: str, text: str, findings: Findings) -> None:
    """Report a text for HTTP that is more than that."""
    if not _VALUE.fullmatch(text) or len(text) > _LONGEST_VALUE:
        reason = f'it is not a line of visible ASCII without ", $, \\ and braces, at most {_LONGEST_VALUE} long'
        findings.add(key, text, reason, "Leave these characters out; they would be configuration")


def check_range(key: str, number: int, ends: tuple[int, int], findings: Findings) -> None:
    """Report a number that is out of its range."""
    if not ends[0] <= number <= ends[1]:
        findings.add(key, number, f"it is not between {ends[0]} and {ends[1]}", "Choose a number in between")
