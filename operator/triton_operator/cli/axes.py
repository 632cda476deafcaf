"""Axes, lines and marks over time as SVG, with nothing to install."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

WIDTH, LEFT, RIGHT = 1120, 64, 196
INK, GRID = "#222", "#e4e4e4"
_TIME_STEPS = (
    *(1, 2, 5, 10, 15, 30),
    *(60 * minutes for minutes in (1, 2, 5, 10, 15, 30)),
    *(3600 * hours for hours in (1, 2, 3, 6, 12, 24, 48, 168)),
)
_MOST_TIMES = 9
_NOT_IN_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Line:
    """A named series in pieces that are not connected; `steps`: a value holds until the next."""

    name: str
    colour: str
    pieces: Sequence[Points]
    steps: bool = False
    filled: bool = False
    dashes: str = ""
    wide: float = 1.4


@dataclass(frozen=True)
class Axes:
    """Where time and values go in one panel: `top` and `height` in pixels, without the labels."""

    since: float
    until: float
    low: float
    high: float
    top: float
    height: float

    def across(self, time: float) -> float:
        """The pixel of a time."""
        return LEFT + (time - self.since) / (self.until - self.since) * (WIDTH - LEFT - RIGHT)

    def down(self, value: float) -> float:
        """The pixel of a value."""
        value = min(max(value, self.low), self.high)
        return self.top + self.height * (self.high - value) / (self.high - self.low)


def frame(axes: Axes, title: str, unit: str = "") -> Iterator[str]:
    """Title, grid, and the numbers of both axes."""
    yield text(LEFT, axes.top - 10, title, weight="bold")
    floor = axes.top + axes.height
    for value in ticks(axes.low, axes.high, 2 + int(axes.height / 45)):
        down = axes.down(value)
        yield f'<path d="M{LEFT} {down:.1f}H{WIDTH - RIGHT}" stroke="{GRID}"/>'
        yield text(LEFT - 6, down + 4, f"{value:,g}{unit}", anchor="end")
    step = time_step(axes.until - axes.since)
    time = math.ceil(axes.since / step) * step
    while time <= axes.until:
        across = axes.across(time)
        yield f'<path d="M{across:.1f} {axes.top:.1f}V{floor:.1f}" stroke="{GRID}"/>'
        yield text(across, floor + 15, _time_word(time, step), anchor="middle")
        time += step
    corner = f"M{LEFT} {axes.top:.1f}V{floor:.1f}H{WIDTH - RIGHT}"
    yield f'<path d="{corner}" stroke="#888" fill="none"/>'


def drawn(axes: Axes, line: Line) -> Iterator[str]:
    """The line itself."""
    for piece in line.pieces:
        points = _stairs(piece) if line.steps else list(piece)
        if not points:
            continue
        path = " ".join(f"{axes.across(x):.1f},{axes.down(y):.1f}" for x, y in points)
        if line.filled:
            floor = axes.down(axes.low)
            first, last = axes.across(points[0][0]), axes.across(points[-1][0])
            yield (
                f'<polygon points="{first:.1f},{floor:.1f} {path} {last:.1f},{floor:.1f}" '
                f'fill="{line.colour}" fill-opacity="0.18"/>'
            )
        dashes = f' stroke-dasharray="{line.dashes}"' if line.dashes else ""
        yield (
            f'<polyline points="{path}" fill="none" stroke="{line.colour}" '
            f'stroke-width="{line.wide}"{dashes}/>'
        )


def legend(axes: Axes, lines: Sequence[Line]) -> Iterator[str]:
    """The lines' names beside them."""
    for number, line in enumerate(lines):
        down = axes.top + 8 + 18 * number
        across = WIDTH - RIGHT + 12
        dashes = f' stroke-dasharray="{line.dashes}"' if line.dashes else ""
        if line.filled:
            yield (
                f'<rect x="{across}" y="{down - 5:.1f}" width="22" height="10" '
                f'fill="{line.colour}" fill-opacity="0.18"/>'
            )
        yield (
            f'<path d="M{across} {down:.1f}h22" stroke="{line.colour}" '
            f'stroke-width="{line.wide + 0.4}"{dashes}/>'
        )
        yield text(across + 28, down + 4, line.name)


def text(
    x: float,
    y: float,
    words: str,
    *,
    anchor: str = "start",
    weight: str = "normal",
    colour: str = INK,
    size: int = 12,
) -> str:
    """Some words; whatever is in them is words."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-family="sans-serif" font-size="{size}" '
        f'text-anchor="{anchor}" font-weight="{weight}" fill="{colour}">{clean(words)}</text>'
    )


def clean(words: str) -> str:
    """Words as XML and HTML take them."""
    return escape(_NOT_IN_XML.sub("\ufffd", words))


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers from `low` to `high`, `most` of them at most."""
    rough = (high - low) / max(1, most - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def time_step(seconds: float) -> float:
    """Seconds between the times that are written."""
    fitting = (step for step in _TIME_STEPS if seconds / step <= _MOST_TIMES)
    return next(fitting, math.ceil(seconds / _MOST_TIMES / _TIME_STEPS[-1]) * _TIME_STEPS[-1])


def _time_word(time: float, step: float) -> str:
    form = "%m-%d" if step >= 86400 else "%H:%M" if step >= 60 else "%H:%M:%S"
    return datetime.fromtimestamp(time, UTC).strftime(form)


def _stairs(points: Points) -> list[tuple[float, float]]:
    """Corners only where the value changes, and the end."""
    drawn_points = list(points[:1])
    for x, y in points[1:]:
        before = drawn_points[-1][1]
        if y != before:
            drawn_points += [(x, before), (x, y)]
    if points and points[-1][0] != drawn_points[-1][0]:
        drawn_points.append((points[-1][0], drawn_points[-1][1]))
    return drawn_points
