# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's command line of a Raspberry Pi: one line in a file, in which all that is not ours stays as it is."""

from __future__ import annotations

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError

from tests.unit.host.fake import Host, summary

PATH = "/boot/firmware/cmdline.txt"
LINE = "console=serial0,115200  root=PARTUUID=4f2d-02 rootwait"
MEMORY, LEGACY = {"kernel_parameter": "cgroup_enable=memory"}, {"kernel_parameter": "cgroup_memory=1"}


@pytest.mark.parametrize("end", ["\n", "", "\n\n# a note\n"], ids=["newline", "bare", "more"])
def test_predicted_done_stable_and_undone(host: Host, end: str) -> None:
    file = host.write(PATH, LINE + end)
    file.chmod(0o755)
    predicted = host.run(MEMORY, LEGACY, check=True)
    assert host.read(PATH) == LINE + end
    real = host.run(MEMORY, LEGACY)
    assert summary(real) == ["add kernel_parameter:cgroup_enable=memory", "add kernel_parameter:cgroup_memory=1"]
    assert [change.diff() for change in real.changes] == [change.diff() for change in predicted.changes]
    assert host.read(PATH) == f"{LINE} cgroup_enable=memory cgroup_memory=1{end}"
    assert file.stat().st_mode & 0o777 == 0o755
    assert summary(host.run(MEMORY, LEGACY)) == []
    assert len(host.run(check=True).changes) == 2
    host.run(forget=True)
    assert host.read(PATH) == LINE + end


def test_what_others_write_meanwhile_stays(host: Host) -> None:
    """The word is taken out, not the file put back: the distribution changes the line as well."""
    host.write(PATH, LINE + "\n")
    host.run(MEMORY)
    host.write(PATH, f"quiet {LINE} cgroup_enable=memory fsck.repair=yes\n")
    host.run()
    assert host.read(PATH) == f"quiet {LINE} fsck.repair=yes\n"


def test_word_that_was_there_is_adopted(host: Host) -> None:
    before = f"cgroup_enable=memory {LINE}\n"
    host.write(PATH, before)
    assert summary(host.run(MEMORY)) == []
    assert summary(host.run()) == []
    assert host.read(PATH) == before


def test_longer_words_are_others(host: Host) -> None:
    host.write(PATH, f"cgroup_memory=10 x.cgroup_memory=1 {LINE}\n")
    host.run(LEGACY)
    host.run()
    assert host.read(PATH) == f"cgroup_memory=10 x.cgroup_memory=1 {LINE}\n"


def test_drift_is_mended(host: Host) -> None:
    host.write(PATH, LINE + "\n")
    host.run(MEMORY)
    host.write(PATH, LINE + "\n")
    assert summary(host.run(MEMORY)) == ["add kernel_parameter:cgroup_enable=memory"]


@pytest.mark.parametrize(
    ("text", "words"),
    [(None, "has no command line"), ("\n", "has no command line"), (f"{LINE} é\n", "other characters than ASCII")],
    ids=["missing", "empty", "not ASCII"],
)
def test_refused(host: Host, text: str | None, words: str) -> None:
    """A command line made of our words alone would not boot."""
    if text is not None:
        host.write(PATH, text)
    before = host.snapshot()
    with pytest.raises(HostError, match=f"Cannot apply kernel_parameter:cgroup_enable=memory: {PATH} .*{words}"):
        host.run(MEMORY)
    assert host.snapshot() == before


@pytest.mark.parametrize("word", ["a b", 'a="b c"', "", "=1"])
def test_only_one_word(host: Host, word: str) -> None:
    host.write(PATH, LINE + "\n")
    with pytest.raises(HostError, match="kernel_parameter"):
        host.run({"kernel_parameter": word})
