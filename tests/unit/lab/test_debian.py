# SPDX-License-Identifier: GPL-3.0-or-later
"""Where packages come from, and what a layer of some of them holds."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from lab import debian, packages, rootfs

DEB822 = """Types: deb
URIs: http://mirror.example/debian
Suites: trixie trixie-updates
Components: main

Types: deb deb-src
URIs: http://mirror.example/debian-security
Suites: trixie-security

Types: deb
Enabled: no
URIs: http://other.example/debian
Suites: sid
"""
STATUS = """Package: dash
Depends: debianutils (>= 2), libc6 (>= 2.36)

Package: debianutils
Pre-Depends: libc6

Package: libc6
Depends: libgcc-s1

Package: libgcc-s1
Provides: libgcc1 (= 1:14)

Package: nft
Depends: libx | libgcc1, debconf
"""


def test_reads_deb822_sources() -> None:
    assert debian.entries(DEB822, one_line=False) == [
        ("http://mirror.example/debian", ["trixie", "trixie-updates"]),
        ("http://mirror.example/debian-security", ["trixie-security"]),
    ]


def test_reads_one_line_sources() -> None:
    text = "# deb http://x bookworm main\ndeb [signed-by=/k arch=amd64] http://m/debian bookworm main\n"
    assert debian.entries(text, one_line=True) == [("http://m/debian", ["bookworm"])]


def test_chooses_the_releases_own_mirror() -> None:
    found = debian.entries(DEB822, one_line=False)
    assert debian.choose(found, "trixie") == ("http://mirror.example/debian", "http://mirror.example/debian-security")
    assert debian.choose(found, "bookworm") == (None, None)


def test_nodes_get_the_machines_apt_settings_and_authorities() -> None:
    source = debian.Source("http://m/debian", None, ('Acquire::http::Proxy "http://p";',), {"ours.crt": "PEM"})
    files = source.files()
    assert "URIs: http://m/debian\nSuites: trixie trixie-updates" in files["etc/apt/sources.list.d/debian.sources"]
    assert files["etc/apt/apt.conf.d/90machine"] == 'Acquire::http::Proxy "http://p";\n'
    assert files["usr/local/share/ca-certificates/ours.crt"] == "PEM"


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        pytest.param(["libgcc-s1"], ["libgcc-s1"], id="alone"),
        pytest.param(["dash"], ["dash", "debianutils", "libc6", "libgcc-s1"], id="through-pre-depends"),
        pytest.param(["nft"], ["libgcc-s1", "nft"], id="alternative-and-provider"),
    ],
)
def test_closure(wanted: list[str], found: list[str]) -> None:
    assert rootfs.closure(wanted, STATUS) == found


def test_absent_package_is_named() -> None:
    with pytest.raises(rootfs.LabError, match="package 'curl' is not in it"):
        rootfs.closure(["curl"], STATUS)


@pytest.mark.parametrize(
    ("status", "absent"),
    [
        pytest.param("curl\tii \npodman\tii \n", [], id="all-there"),
        pytest.param("curl\tii \n", ["podman"], id="unknown"),
        pytest.param("curl\tii \npodman\trc \n", ["podman"], id="removed"),
    ],
)
def test_missing_packages(status: str, absent: list[str]) -> None:
    assert packages.missing(["curl", "podman"], status) == absent


# Knows a package once it was asked to look what there is, and writes down what it was asked.
APT = """#!/bin/sh
echo "$*" >> {0}/asked
case "$1" in
update) touch {0}/updated ;;
download) test -e {0}/updated && cp {0}/tool.deb . ;;
esac
"""
CONTROL = "Package: tool\nVersion: 1\nArchitecture: all\nMaintainer: us <us@example.org>\nDescription: a tool\n"


def test_programs_of_packages_are_unpacked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path, text in (("made/DEBIAN/control", CONTROL), ("made/usr/bin/tool", "the tool"), ("bin/apt-get", "")):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(text or APT.format(tmp_path))
    (tmp_path / "bin" / "apt-get").chmod(0o755)
    built = ["dpkg-deb", "--build", str(tmp_path / "made"), str(tmp_path / "tool.deb")]
    subprocess.run(built, check=True, capture_output=True)
    monkeypatch.setattr(debian, "source", lambda: debian.Source("http://m/debian", None, (), {}))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    for _twice in range(2):
        tree = packages.unpacked(["tool"], tmp_path / "cache", tmp_path / "log")
        assert (tree / "usr/bin/tool").read_text() == "the tool"
        assert (tmp_path / "asked").read_text() == "download -q tool\nupdate -q\ndownload -q tool\n"
        assert list((tmp_path / "cache").iterdir()) == [tree]


def test_crun_is_wanted_for_cgroup_v2_only() -> None:
    assert "crun" in packages.wanted(2)
    assert "crun" not in packages.wanted(1)
