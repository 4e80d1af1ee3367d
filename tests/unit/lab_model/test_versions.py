# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Kubernetes versions may follow or accompany which."""

from __future__ import annotations

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._lab.versions import (
    SkewError,
    check_kubelet_skew,
    check_skew,
    parse_version,
)


@pytest.mark.parametrize(
    ("current", "desired"),
    [
        ("1.36.4", "1.36.4"),
        ("v1.36.4", "1.36.4"),
        ("1.36.1", "1.36.4"),
        ("1.35.9", "1.36.4"),
        ("1.36.4", "1.37.0"),
    ],
    ids=["same", "with v", "patch", "next minor", "next minor, lower patch"],
)
def test_allowed(current: str, desired: str) -> None:
    check_skew(current, desired)


@pytest.mark.parametrize(
    ("current", "desired", "message"),
    [
        ("1.36.4", "1.36.3", r'from 1\.36\.4 to .* = "1\.36\.3": .*cannot be downgraded\. Set .*: "1\.36\.4" or newer'),
        (
            "v1.37.0",
            "1.36.4",
            r'from 1\.37\.0 to .* = "1\.36\.4": .*cannot be downgraded\. Set .*: "1\.37\.0" or newer',
        ),
        ("1.34.2", "1.36.4", r"it skips 1\.35, and minors must be taken one by one\. Set .* to a 1\.35 release first"),
        ("1.9.0", "1.11.0", r"it skips 1\.10,"),
        ("1.36.4", "2.0.0", r"it skips 1\.37,"),
    ],
    ids=["older patch", "older minor", "two minors", "numbers, not text", "major"],
)
def test_refused(current: str, desired: str, message: str) -> None:
    with pytest.raises(SkewError, match=message):
        check_skew(current, desired)


@pytest.mark.parametrize(
    ("kubelet", "api"),
    [("1.36.4", "1.36.4"), ("1.36.4", "1.36.1"), ("1.33.0", "1.36.4")],
    ids=["same", "patch", "three behind"],
)
def test_kubelet_allowed(kubelet: str, api: str) -> None:
    check_kubelet_skew("node1", kubelet, api)


@pytest.mark.parametrize(
    ("kubelet", "message"),
    [
        ("1.37.0", r"kubelet 1\.37\.0 on node1 with API server 1\.36\.4: .* newer.* Upgrade the control planes first"),
        ("1.32.9", r"kubelet 1\.32\.9 on node1 .*more than 3 minors behind\. Upgrade the kubelet of node1"),
    ],
    ids=["newer", "too old"],
)
def test_kubelet_refused(kubelet: str, message: str) -> None:
    with pytest.raises(SkewError, match=message):
        check_kubelet_skew("node1", kubelet, "v1.36.4")


@pytest.mark.parametrize(
    "text", ["1.36", "latest", "", "1.36.x", "1.36.4 "], ids=["minor", "word", "empty", "x", "space"]
)
def test_unreadable(text: str) -> None:
    with pytest.raises(ValueError, match=r"it is not MAJOR\.MINOR\.PATCH\. Write it like"):
        parse_version(text)
