"""A plot as SVG: for each case, what the planner and Triton's defaults do of the best found."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from bench.planner.findings import Case, Report

WIDTH, LEFT, FULL, ROW, TOP = 960, 250, 560, 34, 44
PLANNER, DEFAULT = "#1b6ca8", "#d1495b"
FONT = 'font-family="sans-serif" font-size="12"'


def drawing(reports: Sequence[Report]) -> str:
    """Two bars for each model and objective; the line is the best that was found."""
    cases = [(report, case) for report in reports for case in report.cases]
    height = TOP + ROW * len(cases) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        _text(8, 18, "Rate within the objective, of the best found", "#222", weight="bold"),
        _text(LEFT, 34, "planner", PLANNER),
        _text(LEFT + 70, 34, "Triton's defaults", DEFAULT),
        f'<path d="M{LEFT + FULL} {TOP - 4}V{height - 10}" stroke="#222" stroke-dasharray="4 3"/>',
    ]
    for number, (report, case) in enumerate(cases):
        parts += _bars(TOP + number * ROW, report, case)
    return "\n".join([*parts, "</svg>", ""])


def _bars(top: int, report: Report, case: Case) -> list[str]:
    parts = [_text(8, top + 18, f"{report.name}, {case.milliseconds} ms", "#222")]
    rows = (
        (case.planner.way, case.planner.rate, case.ratio, PLANNER),
        (case.default.way, case.default.rate, case.default_ratio, DEFAULT),
    )
    for place, (way, rate, ratio, colour) in enumerate(rows):
        length = FULL * (ratio or 0.0)
        parts.append(
            f'<rect x="{LEFT}" y="{top + 14 * place}" width="{length:.1f}" height="12" '
            f'fill="{colour}"/>'
        )
        parts.append(_text(LEFT + length + 6, top + 14 * place + 10, f"{rate:.4g}/s {way}", colour))
    return parts


def _text(x: float, y: float, text: str, colour: str, *, weight: str = "normal") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" {FONT} font-weight="{weight}" '
        f'fill="{colour}">{escape(text)}</text>'
    )
