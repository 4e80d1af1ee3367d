# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The matrix of a compiled network as a picture: SVG without scripts, fonts or anything from elsewhere. Pure."""

from __future__ import annotations

import typing as t
from xml.sax.saxutils import escape

from .evaluate import Json
from .matrix import ALLOWED, DENIED, PARTLY, Matrix

# Colour and line, for those who do not see the colour.
_LOOKS = {ALLOWED: ("#1a7f37", "none"), PARTLY: ("#9a6700", "underline"), DENIED: ("#8c959f", "line-through")}
_LINE, _CHARACTER, _MARGIN = 18, 7.3, 12


def as_svg(network: Json, title: str) -> str:
    """Return the matrix as SVG: a cell tells which services of its column its row reaches, and on hovering why.

    What is denied is struck out, what is allowed in part underlined.
    """
    rows: Matrix = network["matrix"]
    columns = list(next(iter(rows.values())))
    services = {column: list(next(iter(rows.values()))[column]) for column in columns}
    widths = [_width(["from \\ to", *rows])]
    widths += [_width([_heading(network, column), *services[column]]) for column in columns]
    height = max(1, *(len(names) for names in services.values())) * _LINE + _MARGIN
    shapes = [_text(_MARGIN, _LINE, title, "bold"), _text(_MARGIN, 3 * _LINE, "from \\ to")]
    for index, column in enumerate(columns):
        shapes.append(_text(_left(widths, index + 1), 3 * _LINE, _heading(network, column), "bold"))
    for number, (name, row) in enumerate(rows.items()):
        top = 4 * _LINE + number * height
        shapes.append(f'<path d="M{_MARGIN} {top - _LINE + 4}H{sum(widths):.0f}" stroke="#d0d7de"/>')
        shapes.append(_text(_MARGIN, top, name, "bold"))
        for index, column in enumerate(columns):
            for line, (service, entry) in enumerate(row[column].items()):
                place = _left(widths, index + 1), top + line * _LINE
                why = f"{name} to {service}: {entry['verdict']}. {entry['why']}"
                shapes.append(_entry(*place, service, entry["verdict"], why))
    size = f'{sum(widths) + _MARGIN:.0f}" height="{4 * _LINE + len(rows) * height:.0f}'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{size}" font-family="monospace" font-size="12">'
    return "\n".join([head, '<rect width="100%" height="100%" fill="#ffffff"/>', *shapes, "</svg>", ""])


def _heading(network: Json, column: str) -> str:
    segment: t.Mapping[str, t.Any] | None = network["segments"].get(column)
    return f"{column} (VLAN {segment['vlan']})" if segment else column


def _width(texts: t.Iterable[str]) -> float:
    return max(map(len, texts)) * _CHARACTER + 2 * _MARGIN


def _left(widths: t.Sequence[float], column: int) -> float:
    return sum(widths[:column]) + _MARGIN


def _text(x: float, y: float, text: str, weight: str = "normal") -> str:
    return f'<text x="{x:.0f}" y="{y}" font-weight="{weight}" fill="#1f2328">{escape(text)}</text>'


def _entry(x: float, y: float, service: str, verdict: str, why: str) -> str:
    colour, decoration = _LOOKS[verdict]
    look = f'fill="{colour}" text-decoration="{decoration}"'
    return f'<text x="{x:.0f}" y="{y}" {look}><title>{escape(why)}</title>{escape(service)}</text>'
