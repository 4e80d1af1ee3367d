# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module of this collection says of itself; a module overrides what differs."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation shared by all modules."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return what the real run would do, without writing anything.
    support: full
  diff_mode:
    description: Returns what changed (or would change) in diff format.
    support: full
  idempotent:
    description: Run again with the same input, it changes nothing.
    support: full
  platform:
    description: Target operating systems that can be operated against.
    platforms: debian
    support: full
"""
