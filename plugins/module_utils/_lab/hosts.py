# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict on a host: whether it can carry its role, and if not, why and what to do."""

from __future__ import annotations

import re
import typing as t

from .lock import ARCHITECTURES
from .probe import Probe

# os-release ID -> VERSION_ID -> name people use
SUPPORTED_SYSTEMS: t.Mapping[str, t.Mapping[str, str]] = {
    "debian": {"12": "Debian 12 (bookworm)", "13": "Debian 13 (trixie)"},
    "ubuntu": {"24.04": "Ubuntu 24.04 (noble)"},
}
MINIMUM_PYTHON = (3, 9)
_INIT = "systemd"
_NO_PYTHON = re.compile(r"not found|No such file or directory", re.IGNORECASE)
_OLD_PYTHON = re.compile(r"SyntaxError|Python [\d.]+ or newer on the target")
_INSTALL_PYTHON = "apt-get install python3-minimal"


def verdict(host: str, probe: Probe, minimum_memory: int) -> list[str]:
    """Return why *host* is refused, one complete sentence pair a cause; empty when it is fit.

    *minimum_memory* is in MiB.
    """
    attempt = f"Accepting host {host}"
    return [f"{attempt}: {cause}" for cause in _causes(host, probe, minimum_memory)]


def _causes(host: str, probe: Probe, minimum_memory: int) -> t.Iterator[str]:
    if probe.os["version"] not in SUPPORTED_SYSTEMS.get(probe.os["id"], {}):
        found = f"{probe.os['id'] or 'unknown'} {probe.os['version']}".strip()
        names = [name for versions in SUPPORTED_SYSTEMS.values() for name in versions.values()]
        yield f'its operating system "{found}" is not supported. Install one of {", ".join(names)}.'
    if probe.arch not in ARCHITECTURES:
        yield (
            f'its architecture "{probe.arch}" is not supported: no artifact is locked for it. '
            f"Use a machine of {' or '.join(ARCHITECTURES)}, and take {host} out of homelab_nodes."
        )
    if _python(probe.python) < MINIMUM_PYTHON:
        yield old_python(probe.python)
    if probe.memory_mib < minimum_memory:
        yield (
            f"it has {probe.memory_mib} MiB of memory, its role needs {minimum_memory} MiB. "
            "Add memory, give the host another role, or lower homelab_minimum_memory if you know better."
        )
    if probe.init != _INIT:
        yield f'its process 1 is "{probe.init or "unknown"}", not {_INIT}. Boot it with {_INIT}.'
    if probe.user_id != 0:
        yield "the tasks do not run as root there. Connect as root, or set ansible_become: true for the host."


def old_python(found: str) -> str:
    """Return cause and fix for a Python that modules cannot run on; *found* may be empty."""
    wanted = ".".join(map(str, MINIMUM_PYTHON))
    return (
        f"its Python{found and f' {found}'} is older than {wanted}. "
        "Upgrade the operating system, or name a newer one in ansible_python_interpreter."
    )


def failure(host: str, interpreter: str, code: int, output: str, message: str) -> str:
    """Return what the user reads when the probe itself did not run on *host*.

    *code* is the exit code of the remote command and *output* what it printed; *message* is what Ansible makes of it.
    """
    attempt = f"Looking at host {host}"
    if _OLD_PYTHON.search(output) or _OLD_PYTHON.search(message):
        return f"{attempt}: {old_python(_version_in(output + message))}"
    if code == 127 or _NO_PYTHON.search(output):
        return (
            f'{attempt}: it has no Python at "{interpreter}". '
            f"Run on it `{_INSTALL_PYTHON}`, or set ansible_python_interpreter to the Python it has."
        )
    detail = output.strip().splitlines()[-1:] or [message]
    return (
        f"{attempt}: nothing could be run with its Python ({detail[0]}). "
        f"Try `{interpreter} --version` on it, then `ansible {host} -m ansible.builtin.ping -vvv`."
    )


def _version_in(text: str) -> str:
    found = re.search(r"Current version: (\d+(?:\.\d+)+)", text)
    return found.group(1) if found else ""


def _python(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])
