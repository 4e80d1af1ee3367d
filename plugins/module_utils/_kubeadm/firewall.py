# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take the cluster's rules out of the host's firewall, by name; everybody else's stay as they are."""

from __future__ import annotations

import re
import shlex
import typing as t

Run = t.Callable[[list[str]], "tuple[int, str, str]"]

# Tables that kube-proxy, Flannel and kube-network-policies (which has several) have to themselves. One of the latter
# that stays would hand every new connection to a program that is gone.
_TABLES = re.compile(r"(ip|ip6) kube-proxy|ip flannel-ipv4|ip6 flannel-ipv6|inet kube-network-policies(-.+)?")
# Chains that the kubelet and the CNI plugins put into the tables everybody shares.
_CHAINS = ("KUBE-", "CNI-", "FLANNEL-")


def remove_rules(run: Run, foreign: t.Collection[str]) -> None:
    """Remove what belongs to the cluster; *foreign* names the tables ("ip nat") that were there before it.

    A shared table that is empty afterwards goes too, unless it is foreign.
    """
    for table in own_tables(_tables(run)):
        run(["nft", "delete", "table", *table.split()])
    for program, family in (("iptables", "ip"), ("ip6tables", "ip6")):
        for name in ("filter", "mangle", "nat"):
            if f"{family} {name}" in _tables(run):
                _clear(run, program, name)
                if f"{family} {name}" not in foreign and is_empty(_rules(run, program, name)):
                    run(["nft", "delete", "table", family, name])


def _tables(run: Run) -> set[str]:
    return {line[len("table ") :] for line in run(["nft", "list", "tables"])[1].splitlines()}


def _rules(run: Run, program: str, table: str) -> list[list[str]]:
    return [shlex.split(line) for line in run([program, "-t", table, "-S"])[1].splitlines()]


def _clear(run: Run, program: str, table: str) -> None:
    rules = _rules(run, program, table)
    for rule in calls(rules):
        run([program, "-t", table, "-D", *rule[1:]])
    chains = own_chains(rules)
    for option in ("-F", "-X"):
        for chain in chains:
            run([program, "-t", table, option, chain])


def own_tables(tables: t.Iterable[str]) -> list[str]:
    """Return those of *tables* ("inet name") that are the cluster's alone."""
    return sorted(table for table in tables if _TABLES.fullmatch(table))


def own_chains(rules: list[list[str]]) -> list[str]:
    """Return the names of the cluster's chains in the output of `iptables -S`, split into words."""
    return [rule[1] for rule in rules if rule[0] == "-N" and rule[1].startswith(_CHAINS)]


def calls(rules: list[list[str]]) -> list[list[str]]:
    """Return the rules of other chains that jump into one of the cluster's."""
    return [
        rule
        for rule in rules
        if rule[0] == "-A"
        and not rule[1].startswith(_CHAINS)
        and any(word in ("-j", "-g") and target.startswith(_CHAINS) for word, target in zip(rule, rule[1:]))
    ]


def is_empty(rules: list[list[str]]) -> bool:
    """Return whether a table holds nothing but built-in chains that accept."""
    return all(rule[0] == "-P" and rule[-1] == "ACCEPT" for rule in rules)
