# SPDX-License-Identifier: GPL-3.0-or-later
"""The matrix as data, table and picture."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

from ansible_collections.atarnet.homelab.plugins.module_utils._network import matrix, picture

from tests.unit.network.support import compiled

TWO_LEGS = {"hosts": {"nas": {"addresses": {"services": "192.168.30.5", "users": "192.168.50.5"}}}}


def test_table() -> None:
    assert matrix.as_text(compiled()).splitlines() == [
        "from \\ to   management  cluster                  services     iot  users  internet",
        "management  ssh         ssh kubernetes_api       ssh          ssh  ssh    -",
        "cluster     -           -                        -            -    -      -",
        "services    -           -                        ingress      -    -      -",
        "iot         dns         dns                      dns          dns  dns    -",
        "users       dns         dns                      dns ingress  dns  dns    internet",
        "pods        dns         ssh* kubernetes_api dns  dns nfs      dns  dns    -",
    ]


def test_every_pair_says_why() -> None:
    network = compiled()
    pairs = [(source, target) for source, row in network["matrix"].items() for target in row]
    segments = list(network["segments"])
    assert pairs == [(source, target) for source in [*segments, "pods"] for target in [*segments, "internet"]]
    cells = [entry for row in network["matrix"].values() for cell in row.values() for entry in cell.values()]
    assert all(entry["verdict"] in ("allow", "deny", "partly") and entry["why"] for entry in cells)


def test_partly() -> None:
    """The second leg of a host cannot be reached from everywhere, and the table says so."""
    network = compiled(TWO_LEGS)
    cell = network["matrix"]["management"]["users"]["ssh"]
    assert cell["verdict"] == "partly"
    assert "router gw: management -> ssh" in cell["why"] or "host gw: management -> ssh" in cell["why"]
    assert "ssh*" in matrix.as_text(network)


def test_picture_is_xml_with_every_verdict() -> None:
    network = compiled(TWO_LEGS)
    root = ElementTree.fromstring(picture.as_svg(network, "Plan of <home>"))
    names = {"svg": "http://www.w3.org/2000/svg"}
    texts = root.findall("svg:text", names)
    assert texts[0].text == "Plan of <home>"
    hints = [title.text or "" for title in root.iterfind("svg:text/svg:title", names)]
    assert len(hints) == sum(len(cell) for row in network["matrix"].values() for cell in row.values())
    assert any(hint.startswith("users to ingress: allow. router gw: users -> ingress") for hint in hints)
    struck = [text for text in texts if text.get("text-decoration") == "line-through"]
    assert len(struck) == sum(": deny. " in hint for hint in hints)
