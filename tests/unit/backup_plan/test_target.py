# SPDX-License-Identifier: GPL-3.0-or-later
"""The host in restic's notations of a repository."""

from __future__ import annotations

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._backup_plan.target import lies_in, split


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("/mnt/backup/lab", ("", "")),
        ("rest:https://Backup.example.org:8000/lab/", ("rest", "backup.example.org")),
        ("rest:http://192.168.20.5/", ("rest", "192.168.20.5")),
        ("s3:https://s3.example.org/bucket", ("s3", "s3.example.org")),
        ("s3:s3.amazonaws.com/bucket/lab", ("s3", "s3.amazonaws.com")),
        ("sftp:me@nas.example.org:/srv/lab", ("sftp", "nas.example.org")),
        ("sftp:nas:lab", ("sftp", "nas")),
        ("sftp://me@nas.example.org:2222//srv/lab", ("sftp", "nas.example.org")),
        ("b2:bucket:lab", ("b2", "")),
        ("gs:bucket:/lab", ("gs", "")),
    ],
)
def test_read(url: str, found: tuple[str, str]) -> None:
    assert split(url) == found


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "neither an absolute path nor begins with rest:"),
        ("backup/lab", "neither an absolute path"),
        ("https://backup.example.org/", "neither an absolute path"),
        ("rclone:drive:lab", "neither an absolute path"),
        ("ftp:host:/lab", "neither an absolute path"),
        ("rest:", "names no place behind rest:"),
        ("rest:backup.example.org/lab", "names no place behind rest:"),
        ("sftp:nas", "names no place behind sftp:"),
        ("s3:", "names no place behind s3:"),
        ("b2:", "names no place behind b2:"),
    ],
)
def test_refused(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        split(url)


@pytest.mark.parametrize(
    ("url", "other", "expected"),
    [
        ("/mnt/a", "/mnt/a", True),
        ("/mnt/a/b", "/mnt/a", True),
        ("/mnt/ab", "/mnt/a", False),
        ("rest:https://h:8000/lab/", "rest:https://H:8000/lab", True),
        ("rest:https://h:8000/lab", "rest:https://h:9000/lab", False),
        ("rest:https://h/lab", "s3:https://h/lab", False),
        ("s3:s3.amazonaws.com/bucket/lab", "s3:https://s3.amazonaws.com/bucket", True),
        ("sftp:me@nas:/srv/lab", "sftp://you@nas//srv", True),
        ("sftp:nas:lab", "sftp:other:lab", False),
        ("b2:bucket:lab/copy", "b2:bucket:lab", True),
        ("gs:bucket:/lab", "gs:other:/lab", False),
    ],
)
def test_what_lies_in_another(url: str, other: str, expected: bool) -> None:
    assert lies_in(url, other) is expected
