# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The copy of the repository, as plan["backup"]["elsewhere"]: a dict of Jinja has a "copy" of its own. Pure."""

from __future__ import annotations

import typing as t

from .model import COPY_CA_FILE, COPY_ENVIRONMENT_FILE, COPY_METRICS_FILE, COPY_PASSWORD_FILE, Copy

Json = dict[str, t.Any]


def compile_elsewhere(copy: Copy, node: str, forget: str) -> Json:
    """Return it: where to, and the *node* that copies; *forget* is the command for who may, where nodes may not.

    The node that forgets in the repository copies as well: another would be reading what it prunes.
    """
    return {
        "node": node,
        "repository": {
            "url": copy.url,
            "password_file": COPY_PASSWORD_FILE,
            "environment_file": COPY_ENVIRONMENT_FILE if copy.has_environment else "",
            "ca_file": COPY_CA_FILE if copy.ca else "",
            "is_copy": True,
        },
        "metrics_file": COPY_METRICS_FILE,
        "ca": copy.ca,
        "append_only": copy.append_only,
        "schedule": copy.schedule,
        "keep": {} if copy.append_only else dict(copy.keep),
        "forget": forget if copy.append_only else "",
        "doubts": list(copy.doubts),
    }
