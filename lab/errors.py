# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error the lab shows to people."""

from __future__ import annotations


class LabError(Exception):
    """Something the lab attempted did not work.

    The text reads ``<attempted>: <cause>. <what to do>``.
    """

    def __init__(self, attempted: str, cause: str, remedy: str) -> None:
        self.attempted = attempted
        self.cause = cause.strip().rstrip(".")
        self.remedy = remedy.strip()
        super().__init__(f"{attempted}: {self.cause}. {self.remedy}")
