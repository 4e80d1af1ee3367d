# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of objects that upstream publishes, fetched once to the controller and known by their SHA-256."""

from __future__ import annotations

import os
import typing as t

from .._host.download import Fetch, fetch_all
from .._host.errors import HostError
from .errors import KubeError

_FOLDER = "atarnet-homelab/manifests"


def read(wanted: t.Sequence[t.Mapping[str, t.Any]]) -> list[tuple[str, str]]:
    """Return name and text of each of *wanted* ({"name", "urls", "sha256"}); what is here already costs no request.

    Raises KubeError for one that no URL gave, or that is not what its SHA-256 says.
    """
    if not wanted:
        return []
    # XDG Base Directory Specification.
    folder = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), _FOLDER)
    fetches = [Fetch(one["name"], tuple(one["urls"]), one["sha256"]) for one in wanted]
    try:
        os.makedirs(folder, exist_ok=True)
        paths = fetch_all(fetches, folder)
        return [(fetch.name, _text(paths[fetch.sha256])) for fetch in fetches]
    except HostError as exc:
        raise KubeError(str(exc)) from None
    except (OSError, UnicodeDecodeError) as exc:
        raise KubeError(f"Reading the manifests below {folder}: {exc}. Free the folder, or remove the file.") from None


def _text(path: str) -> str:
    with open(path, encoding="utf-8") as stream:
        return stream.read()
