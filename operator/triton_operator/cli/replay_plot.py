"""The plot of a replayed log: demand and capacity, replicas and why, and how requests fared."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby

from triton_operator.api.enums import MetricsFreshness
from triton_operator.autoscaling.reasons import Why
from triton_operator.autoscaling.replay import Step, TargetChange
from triton_operator.cli.axes import (
    INK,
    LEFT,
    RIGHT,
    WIDTH,
    Axes,
    Line,
    clean,
    drawn,
    frame,
    legend,
    text,
    ticks,
)
from triton_operator.cli.log_summary import count, stretches
from triton_operator.cli.replay_series import (
    answered,
    arrivals,
    capacity,
    demand_judged,
    known_values,
    means,
    ordered,
    pending,
    ready,
    seconds,
    target,
    target_then,
    unbroken,
    window_seconds,
    within_percent,
)
from triton_operator.planning.figures import figure

BLUE, PALE, GREEN, ORANGE, PURPLE = "#1b6ca8", "#9dbdd6", "#3a7d44", "#e08e1b", "#8d5a97"
MARKS = ("#1b6ca8", "#d1495b", "#3a7d44", "#8d5a97", "#e08e1b", "#17a398", "#a0522d", "#5b5f66")
SHADES = {
    MetricsFreshness.PARTIAL: "#fff3c4",
    MetricsFreshness.STALE: "#ffe0c2",
    MetricsFreshness.LOST: "#f9c9cc",
}
MOST_NUMBERED = 40
"""Changes that are listed under the plot; with more of them the numbers would hide each other."""
MOST_TIMES_DEMAND = 3.0
"""Capacity beyond so many times the highest demand is cut, or demand would lie on the floor."""
LONGEST_REASON = 165
HEADER, GAP, ROW = 62, 58, 17


def plot_of(
    steps: Sequence[Step], changes: Sequence[TargetChange], name: str, settings: Sequence[str] = ()
) -> str:
    """The whole plot as SVG. `settings` are those that were not the log's own."""
    pieces = unbroken(steps)
    since = min(step.record.time for step in steps)
    until = max(step.record.time for step in steps)
    until = until if until > since else since + 1.0
    parts: list[str] = []
    top = HEADER + 28.0
    for title, unit, height, lines, low, ceiling in _panels(steps, pieces, bool(settings)):
        high = ceiling or max(1.0, 1.06 * _highest(lines))
        axes = Axes(since, until, low, high, top, height)
        parts += _shades(axes, steps)
        parts += frame(axes, title, unit)
        for line in lines:
            parts += drawn(axes, line)
        parts += legend(axes, lines)
        if title.startswith("Replicas"):
            parts += _marks(axes, changes, len(lines))
        top += height + GAP
    parts.append(text(WIDTH - RIGHT, top - 22, "time of day, UTC", anchor="end"))
    rows = changes if len(changes) <= MOST_NUMBERED else ()
    for number, change in enumerate(rows):
        parts.append(_row(number, change, top + 8 + ROW * number))
    height = top + ROW * len(rows) + 8
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0f}" '
            f'viewBox="0 0 {WIDTH} {height:.0f}">',
            f'<rect width="{WIDTH}" height="{height:.0f}" fill="white"/>',
            *_header(steps, changes, name, settings),
            *parts,
            "</svg>",
            "",
        ]
    )


_Panel = tuple[str, str, float, list[Line], float, float | None]


def _panels(
    steps: Sequence[Step], pieces: Sequence[Sequence[Step]], other: bool
) -> Iterator[_Panel]:
    """(title, unit, height, lines, lowest value, highest value or None: as the lines have it)."""
    window = window_seconds(steps)
    safe = Line("safe rate × ready", GREEN, known_values(pieces, capacity), steps=True, filled=True)
    demand = [
        Line("arrivals", PALE, means(pieces, window, arrivals, seconds), wide=3.2),
        Line(
            "demand, as judged",
            BLUE,
            known_values(pieces, demand_judged),
            wide=1.1,
        ),
    ]
    title, ceiling = "Requests per second", None
    most, needed = _highest([safe]), _highest(demand)
    if needed > 0 and most > MOST_TIMES_DEMAND * needed:
        ceiling = MOST_TIMES_DEMAND * needed
        title += f" (the safe rate goes on up to {figure(most)})"
    yield title, "", 210, [safe, *demand], 0.0, ceiling
    fleet = [
        Line("ready", GREEN, known_values(pieces, ready), steps=True, filled=True),
        Line("ordered", ORANGE, known_values(pieces, ordered), steps=True),
        Line("target", INK, known_values(pieces, target), steps=True, dashes="5 3"),
    ]
    if other:
        fleet.append(
            Line("target then", PURPLE, known_values(pieces, target_then), steps=True, dashes="2 3")
        )
    yield "Replicas, and what changed their number", "", 210, fleet, 0.0, None
    within = means(pieces, window, within_percent, answered)
    if any(within):
        goal = 100 * steps[-1].settings.attainment
        line = Line("within the objective", BLUE, within)
        times = [(piece[0].record.time, piece[-1].record.time) for piece in pieces]
        aim = Line(
            f"wanted: {goal:g} %",
            "#d1495b",
            [((first, goal), (last, goal)) for first, last in times],
            dashes="4 3",
        )
        lowest = min(goal, *(y for piece in within for _, y in piece))
        low = max(0.0, min(ticks(0.0, 100.0, 11), key=lambda tick: _above(tick, lowest)))
        objective = 1000 * steps[-1].record.settings.objective_seconds
        title = f"Requests within {objective:g} ms, of those answered in {window:g} s"
        yield title, " %", 120, [line, aim], low, 100.0
    waiting = [Line("waiting", PURPLE, known_values(pieces, pending), steps=True, filled=True)]
    yield "Requests that wait in all replicas", "", 90, waiting, 0.0, None


def _highest(lines: Sequence[Line]) -> float:
    return max((y for line in lines for piece in line.pieces for _, y in piece), default=0.0)


def _above(tick: float, lowest: float) -> float:
    """How far a tick is below the lowest value; those that are not below it come last."""
    return lowest - tick if tick < lowest else 1e3 + tick


def _header(
    steps: Sequence[Step],
    changes: Sequence[TargetChange],
    name: str,
    settings: Sequence[str],
) -> Iterator[str]:
    first = steps[0]
    day = datetime.fromtimestamp(first.record.time, UTC).strftime("%Y-%m-%d")
    yield text(LEFT, 22, f"{name}, {day}", weight="bold", size=15)
    *before, used = stretches(steps)
    counted = f"{count(len(steps), 'decision')}, {count(len(changes), 'change')}"
    since = f" since {_clock(used.first)}, others before" if before else ""
    yield text(LEFT, 41, f"{used.words}{since}; {counted}")
    if settings:
        yield text(
            LEFT,
            58,
            f"decided with {', '.join(settings)} on what was seen then: an open loop",
            colour=PURPLE,
        )
    across = WIDTH - RIGHT + 12
    worse = {step.decision.freshness for step in steps}
    shown = [(word, shade) for word, shade in SHADES.items() if word in worse]
    for number, (word, shade) in enumerate(shown):
        yield f'<rect x="{across}" y="{14 + 16 * number}" width="22" height="11" fill="{shade}"/>'
        yield text(across + 28, 24 + 16 * number, f"metrics: {word}")


def _shades(axes: Axes, steps: Sequence[Step]) -> Iterator[str]:
    """Where metrics were worse than fresh."""
    place = 0
    for word, group in groupby(steps, key=lambda step: step.decision.freshness):
        length = len(list(group))
        first, place = steps[place], place + length
        last = steps[min(place, len(steps) - 1)]
        left, right = axes.across(first.record.time), axes.across(last.record.time)
        if word in SHADES and right >= left:
            yield (
                f'<rect x="{left:.1f}" y="{axes.top:.1f}" width="{max(1.0, right - left):.1f}" '
                f'height="{axes.height:.1f}" fill="{SHADES[word]}"/>'
            )


def _marks(axes: Axes, changes: Sequence[TargetChange], below: int) -> Iterator[str]:
    """A triangle at each change, up or down, in the colour of what decided in the end."""
    colours: dict[Why, str] = {}
    numbered, right = len(changes) <= MOST_NUMBERED, 0.0
    for number, change in enumerate(changes):
        why = change.step.decision.decisive or Why.DEMAND
        colour = colours.setdefault(why, MARKS[len(colours) % len(MARKS)])
        x, y = axes.across(change.step.record.time), axes.down(change.after)
        tip = (-6 if change.after > change.before else 6) * (1.0 if numbered else 0.7)
        half = 0.75 * abs(tip)
        yield (
            f'<path d="M{x - half:.1f} {y - tip / 2:.1f}h{2 * half:.1f}l-{half:.1f} '
            f'{tip * 1.3:.1f}z" fill="{colour}"><title>{clean(_words(change))}</title></path>'
        )
        if numbered and x > right:
            label = y + 18 if tip > 0 and y + 20 < axes.top + axes.height else y - 10
            yield text(x, label, str(number + 1), anchor="middle", colour=colour, size=10)
            right = x + 11
    for number, (why, colour) in enumerate(colours.items()):
        across, down = WIDTH - RIGHT + 23, axes.top + 16 + 18 * (below + number)
        yield f'<path d="M{across - 4.5} {down + 3:.1f}h9l-4.5 -7.8z" fill="{colour}"/>'
        yield text(across + 17, down + 4, why)


def _row(number: int, change: TargetChange, down: float) -> str:
    words = f"{number + 1}.  {_words(change)}"
    if len(words) > LONGEST_REASON:
        words = f"{words[:LONGEST_REASON].rsplit(' ', 1)[0]} …"
    return f"<g>{text(LEFT, down, words)}<title>{clean(_words(change))}</title></g>"


def _words(change: TargetChange) -> str:
    return f"{_clock(change.step)}  {change.before} → {change.after}: {change.step.decision.why}"


def _clock(step: Step) -> str:
    """The time of day of a step, in UTC."""
    return datetime.fromtimestamp(step.record.time, UTC).strftime("%H:%M:%S")
