# SPDX-License-Identifier: GPL-3.0-or-later
"""Downloads: in order of the URLs, in parallel, resumed, verified, and never half there."""

from __future__ import annotations

import gzip
import hashlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._host.download import Fetch, fetch_all
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError

from tests.unit.host.server import Mirror

DATA = bytes(range(256)) * 4096
SHA = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    server = Mirror()
    server.files = {"/good": DATA, "/other": b"something else"}
    yield server
    server.close()


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _fetch(tmp_path: Path, *urls: str, sha256: str = SHA) -> Path:
    return Path(fetch_all([Fetch("archive:tool", urls, sha256)], str(tmp_path), timeout=5)[sha256])


def _only_result(tmp_path: Path) -> None:
    assert [path.name for path in tmp_path.iterdir()] == [SHA]
    assert (tmp_path / SHA).read_bytes() == DATA


def test_first_mirror_down_second_without_it_third_serves(tmp_path: Path, mirror: Mirror) -> None:
    down = f"http://127.0.0.1:{_closed_port()}/good"
    _fetch(tmp_path, down, mirror.url("/missing"), mirror.url("/good"), mirror.url("/never-asked"))
    _only_result(tmp_path)
    assert [path for path, _range in mirror.requests] == ["/missing", "/good"]


def test_part_of_a_killed_run_is_resumed(tmp_path: Path, mirror: Mirror) -> None:
    (tmp_path / f"{SHA}.part").write_bytes(DATA[:1000])
    _fetch(tmp_path, mirror.url("/good"))
    _only_result(tmp_path)
    assert mirror.requests == [("/good", "bytes=1000-")]


def test_whole_part_is_only_verified(tmp_path: Path, mirror: Mirror) -> None:
    (tmp_path / f"{SHA}.part").write_bytes(DATA)
    _fetch(tmp_path, mirror.url("/good"))
    _only_result(tmp_path)


def test_part_of_something_else_is_thrown_away(tmp_path: Path, mirror: Mirror) -> None:
    (tmp_path / f"{SHA}.part").write_bytes(b"x" * 1000)
    _fetch(tmp_path, mirror.url("/good"))
    _only_result(tmp_path)
    assert mirror.requests == [("/good", "bytes=1000-"), ("/good", None)]


def test_server_without_ranges_is_asked_again_from_the_start(tmp_path: Path, mirror: Mirror) -> None:
    mirror.ranges = False
    (tmp_path / f"{SHA}.part").write_bytes(DATA[:1000])
    _fetch(tmp_path, mirror.url("/good"))
    _only_result(tmp_path)


def test_answer_that_ends_early_is_continued(tmp_path: Path, mirror: Mirror) -> None:
    mirror.cut = {"/good": [300_000, 300_000]}
    _fetch(tmp_path, mirror.url("/good"))
    _only_result(tmp_path)
    assert [wanted for _path, wanted in mirror.requests] == [None, "bytes=300000-", "bytes=600000-"]


def test_next_mirror_continues_what_the_first_began(tmp_path: Path, mirror: Mirror) -> None:
    mirror.files["/flaky"] = DATA
    mirror.cut = {"/flaky": [100_000, 0, 0]}
    _fetch(tmp_path, mirror.url("/flaky"), mirror.url("/good"))
    _only_result(tmp_path)
    assert mirror.requests[-1] == ("/good", "bytes=100000-")


def test_wrong_bytes_are_refused_and_the_next_mirror_asked(tmp_path: Path, mirror: Mirror) -> None:
    _fetch(tmp_path, mirror.url("/other"), mirror.url("/good"))
    _only_result(tmp_path)


def test_error_names_every_url_cause_and_checksum(tmp_path: Path, mirror: Mirror) -> None:
    secret = mirror.url("/missing").replace("http://", "http://me:hunter2@")
    with pytest.raises(HostError) as caught:
        _fetch(tmp_path, secret, mirror.url("/other"))
    found = hashlib.sha256(b"something else").hexdigest()
    for word in (
        "Cannot download archive:tool",
        f"{mirror.url('/missing')}: HTTP 404",
        found,
        SHA,
        "Correct the sha256",
    ):
        assert word in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_unreachable_everywhere_keeps_what_arrived(tmp_path: Path, mirror: Mirror) -> None:
    mirror.cut = {"/good": [5000, 0, 0]}
    with pytest.raises(HostError, match=r"ended after 0 of .* bytes\. Check the addresses .* what has arrived is kept"):
        _fetch(tmp_path, mirror.url("/good"))
    assert (tmp_path / f"{SHA}.part").stat().st_size == 5000


def test_archive_that_a_server_calls_encoded_is_taken_as_it_is(tmp_path: Path, mirror: Mirror) -> None:
    data = gzip.compress(DATA)
    mirror.files["/x.gz"], mirror.encoding = data, "gzip"
    sha256 = hashlib.sha256(data).hexdigest()
    assert _fetch(tmp_path, mirror.url("/x.gz"), sha256=sha256).read_bytes() == data


def test_files_are_fetched_at_the_same_time(tmp_path: Path, mirror: Mirror) -> None:
    mirror.barrier = threading.Barrier(3)
    contents = {f"/{number}": str(number).encode() for number in range(3)}
    mirror.files = contents
    fetches = [Fetch(path, (mirror.url(path),), hashlib.sha256(data).hexdigest()) for path, data in contents.items()]
    paths = fetch_all(fetches, str(tmp_path), timeout=5)
    assert sorted(Path(path).read_bytes() for path in paths.values()) == [b"0", b"1", b"2"]


def test_finished_file_is_verified_before_it_is_used_again(tmp_path: Path, mirror: Mirror) -> None:
    (tmp_path / SHA).write_bytes(b"rotten")
    _fetch(tmp_path, mirror.url("/good"))
    _only_result(tmp_path)
    mirror.requests.clear()
    _fetch(tmp_path, mirror.url("/good"))
    assert mirror.requests == []
