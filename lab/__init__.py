# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded lab: nodes in containers and everything they need, made on this machine.

Run as ``python3 -m lab VERB`` from the checkout. Only the standard library of the
system's Python (3.11 or newer) is used: the lab makes the environment Ansible runs in.
"""

from __future__ import annotations
