# SPDX-License-Identifier: GPL-3.0-or-later
"""Seconds count from T on, and a chain of somebody else that is gone in between is seen."""

from __future__ import annotations

from benchmarks.support.reverts import Trial, chains, lost, summary, tables

BEFORE = """\
table inet homelab {
	chain input {
		type filter hook input priority filter; policy accept;
	}
}
table ip filter {
	chain INPUT {
		counter jump KUBE-FIREWALL
	}
	chain KUBE-FIREWALL {
	}
}
"""


def test_tables_in_any_order() -> None:
    one, other = BEFORE.partition("}\n}\n")[::2]
    assert tables(f"{other}# Warning\n{one}}}\n}}\n") == tables(BEFORE)
    assert tables(BEFORE.replace("counter jump", "jump")) != tables(BEFORE)


def test_chains() -> None:
    assert chains(BEFORE) == ["inet homelab input", "ip filter INPUT", "ip filter KUBE-FIREWALL"]


def test_what_is_lost_is_that_of_others() -> None:
    assert lost(BEFORE, BEFORE.replace("chain input", "chain bad"), "inet homelab") == ()
    assert lost(BEFORE, BEFORE.replace("chain KUBE-FIREWALL", "set x"), "inet homelab") == ("ip filter KUBE-FIREWALL",)


def test_summary() -> None:
    ours = [Trial(5.5, 8.0, True, ()), Trial(6.0, 9.0, True, ())]
    peer = [Trial(11.0, 20.0, True, ("ip filter X",)), Trial(None, 22.0, False, ("ip filter X",))]
    assert summary({"ours": ours, "peer": peer}, 5) == (
        "within=5 ours_reverted=2/2 ours_identical=2/2 ours_kept_meanwhile=2/2 ours_run=8.5 "
        "ours_over=0.75 min=0.50 max=1.00 "
        "peer_reverted=1/2 peer_identical=1/2 peer_kept_meanwhile=0/2 peer_run=21.0 "
        "peer_over=6.00 min=6.00 max=6.00 ratio_peer=0.50 min=0.50 max=0.50"
    )
