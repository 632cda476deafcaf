"""Plots as SVG: polylines over axes, nothing to install."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

Points = Sequence[tuple[float, float]]
COLOURS = ("#1b6ca8", "#d1495b", "#3a7d44", "#8d5a97", "#e08e1b", "#5b5f66", "#17a398", "#a0522d")
WIDTH, LEFT, RIGHT, TOP, BOTTOM = 960, 64, 130, 28, 34
FONT = 'font-family="sans-serif" font-size="12"'


@dataclass(frozen=True)
class Panel:
    """One pair of axes. Lines, or marks where `marks` says so."""

    title: str
    horizontal: str
    vertical: str
    lines: Mapping[str, Points]
    height: int = 220
    steps: bool = False
    marks: bool = False
    from_zero: bool = True


def drawing(panels: Sequence[Panel]) -> str:
    """The panels below each other."""
    height = sum(panel.height for panel in panels)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
    ]
    top = 0
    for panel in panels:
        parts.append(f'<g transform="translate(0 {top})">{_panel(panel)}</g>')
        top += panel.height
    return "\n".join([*parts, "</svg>", ""])


def _panel(panel: Panel) -> str:
    every = [point for line in panel.lines.values() for point in line] or [(0.0, 0.0)]
    low_x, high_x = _range([x for x, _ in every], from_zero=panel.from_zero)
    low_y, high_y = _range([y for _, y in every], from_zero=panel.from_zero)
    floor = panel.height - BOTTOM

    def place(x: float, y: float) -> tuple[float, float]:
        across = LEFT + (x - low_x) / (high_x - low_x) * (WIDTH - LEFT - RIGHT)
        return across, floor - (y - low_y) / (high_y - low_y) * (floor - TOP)

    parts = [
        _text(LEFT, 16, panel.title, weight="bold"),
        _text(WIDTH - RIGHT, panel.height - 4, panel.horizontal, anchor="end"),
        _text(4, 16, panel.vertical),
    ]
    for number in range(5):
        x = low_x + number * (high_x - low_x) / 4
        y = low_y + number * (high_y - low_y) / 4
        across, down = place(x, y)
        parts.append(
            f'<path d="M{LEFT} {down:.1f}H{WIDTH - RIGHT}M{across:.1f} {TOP}V{floor}" '
            'stroke="#ddd" fill="none"/>'
        )
        parts.append(_text(LEFT - 6, down + 4, f"{y:.4g}", anchor="end"))
        parts.append(_text(across, floor + 15, f"{x:.4g}", anchor="middle"))
    for number, (name, line) in enumerate(panel.lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        points = [place(x, y) for x, y in (_stairs(line) if panel.steps else line)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.3"/>'
        )
        if panel.marks:
            parts += [
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>' for x, y in points
            ]
        parts.append(_text(WIDTH - RIGHT + 10, TOP + 10 + 16 * number, name, colour=colour))
    return "\n".join(parts)


def _range(values: Sequence[float], *, from_zero: bool) -> tuple[float, float]:
    low, high = min(values), max(values)
    if from_zero:
        low = min(0.0, low)
    return (low, high) if high > low else (low, low + 1.0)


def _stairs(line: Points) -> list[tuple[float, float]]:
    drawn = list(line[:1])
    for (_, before), (x, y) in pairwise(line):
        drawn += [(x, before), (x, y)]
    return drawn


def _text(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    weight: str = "normal",
    colour: str = "#222",
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" {FONT} text-anchor="{anchor}" font-weight="{weight}" '
        f'fill="{colour}">{escape(text)}</text>'
    )
