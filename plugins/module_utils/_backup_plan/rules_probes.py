# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The probes of homelab_backup: of volumes that are backed up, by an image that is always the same."""

from __future__ import annotations

import posixpath
import re
import typing as t

from .._backup.model import is_volume
from .._lab.problems import UNSET, Findings
from .._lab.rules_names import is_label
from .._lab.specs import Values
from .._storage.model import Storage
from .model import KEY, Probe

# A tag or a digest behind the name; the port of a registry is followed by a slash.
_IMAGE = re.compile(r"[a-z0-9][^\s@]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*|@sha256:[0-9a-f]{64})")
_LONGEST_S, _LARGEST_UID = 24 * 3600, 2**31 - 1


def check_probes(
    given: t.Sequence[Values], leave_out: t.Sequence[str], storage: Storage, findings: Findings
) -> tuple[Probe, ...]:
    """Return the sound probes, and report what is wrong with the others."""
    libraries = {f"{library.namespace}/{library.name}" for library in storage.libraries}
    found: list[Probe] = []
    first: dict[str, int] = {}
    for index, entry in enumerate(given):
        key, claim, before = f"{KEY}.probes[{index}]", entry.get("claim"), len(findings.problems)
        if claim in first:
            reason = f"{KEY}.probes[{first[claim]}] is for the same claim"
            findings.add(f"{key}.claim", claim, reason, "Have one command do both")
        elif claim is not None:
            first[claim] = index
            _check_claim(f"{key}.claim", claim, leave_out, libraries, findings)
        _check_container(key, entry, findings)
        # What is missing is told already.
        if len(findings.problems) == before and {"claim", "image", "command"} <= set(entry):
            found.append(Probe.of({name: value for name, value in entry.items() if value is not None}))
    return tuple(found)


def _check_claim(
    key: str, claim: str, leave_out: t.Sequence[str], libraries: t.Collection[str], findings: Findings
) -> None:
    if not is_volume(claim) or not is_label(claim.partition("/")[0]):
        findings.add(key, claim, "it is not NAMESPACE/CLAIM", "Write, for example, shop/database")
    elif claim in leave_out:
        reason = "it is left out, so that there is nothing to probe"
        findings.add(key, claim, reason, f"Remove the probe, or the claim from {KEY}.leave_out")
    elif claim in libraries:
        reason = "it is a library, and what is probed is restored to a tier"
        findings.add(key, claim, reason, "Remove the probe")


def _check_container(key: str, entry: Values, findings: Findings) -> None:
    image, command, path = entry.get("image"), entry.get("command"), entry.get("path")
    if image is not None and not _IMAGE.fullmatch(image):
        fix = "Write, for example, docker.io/library/postgres:17.5"
        findings.add(f"{key}.image", image, "it is no image with a tag or a digest", fix)
    if command is not None and not any(command):
        fix = 'Write, for example, ["sh", "-c", "test -s /data/app.db"]'
        findings.add(f"{key}.command", UNSET, "there is nothing to run", fix)
    if path is not None and (not path.startswith("/") or posixpath.normpath(path) != path or path == "/"):
        reason = 'it is not the plain path of a folder below "/"'
        findings.add(f"{key}.path", path, reason, "Write, for example, /data")
    for name, least, most in (("user", 0, _LARGEST_UID), ("timeout", 1, _LONGEST_S)):
        value = entry.get(name)
        if value is not None and not least <= value <= most:
            findings.add(f"{key}.{name}", value, f"it is not {least} to {most}", "Correct it")
