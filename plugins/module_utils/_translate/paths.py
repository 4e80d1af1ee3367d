# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which object has which path of a host, and which port of which Service is behind it. Pure."""

from __future__ import annotations

import typing as t

from .._lab.problems import UNSET
from .model import DROPPED, Backend, Ingress, Line, Named, Path, Refused

Served = tuple[Ingress, Path]


def served(host: str, ingresses: t.Sequence[Ingress]) -> tuple[list[Served], list[Line]]:
    """Return the paths of *host*, each with the first object that has it, and a line for each that has no effect."""
    found: dict[tuple[str, bool], Served] = {}
    lines: list[Line] = []
    members = [ingress for ingress in ingresses if host in ingress.hosts]
    for ingress, path in [(member, path) for member in members for path in member.paths if path.host == host]:
        key, where = (path.path, path.exact), f"spec.rules of {host}{path.path}"
        if path.backend is None:
            text = "it names no Service, and ingress-nginx passed over it"
            lines.append(Line(str(ingress), where, UNSET, DROPPED, text))
        elif key in found:
            older = found[key][0]
            text = f"{older} of {older.created or 'unknown age'} has this path, and the oldest was served"
            lines.append(Line(str(ingress), where, path.backend.service, DROPPED, text))
        else:
            found[key] = (ingress, path)
    default = members[0].default if members else None
    if default and ("/", False) not in found:
        found["/", False] = (members[0], Path(host, "/", False, default))
    return list(found.values()), lines


def answering(host: str, wanted: str, ingresses: t.Sequence[Ingress]) -> Served | None:
    """Return who answers a request for the path *wanted*: an exact path comes first, then the longest prefix."""
    fitting = [item for item in served(host, ingresses)[0] if _fits(item[1], wanted)]
    return max(fitting, key=lambda item: (item[1].exact, len(item[1].path)), default=None)


def _fits(path: Path, wanted: str) -> bool:
    return wanted == path.path or (not path.exact and wanted.startswith(f"{path.path.rstrip('/')}/"))


def port(namespace: str, backend: Backend, named: Named) -> int:
    """Return the number of a backend's port. Raises Refused when it has a name that its Service does not have."""
    if isinstance(backend.port, int):
        return backend.port
    service = named.get(("Service", namespace, backend.service), {})
    ports = service.get("spec", {}).get("ports", [])
    number = next((port["port"] for port in ports if port.get("name") == backend.port), 0)
    if not number:
        reason = f"Service {namespace}/{backend.service} has no such port, or is not there"
        raise Refused(reason, "Write the number, or give the Service too")
    return int(number)
