"""A replayed log as one HTML page: the plot, what came out, and every change with its reasons."""

from triton_operator.cli.axes import clean
from triton_operator.cli.log_summary import COLUMNS, change_row
from triton_operator.cli.replay import Outcome, summary_lines

_STYLE = """
body { font: 14px sans-serif; color: #222; margin: 24px; max-width: 1120px; }
table { border-collapse: collapse; margin-top: 16px; }
th, td { text-align: left; vertical-align: top; padding: 4px 12px 4px 0;
  border-bottom: 1px solid #e4e4e4; }
td { font-variant-numeric: tabular-nums; }
td:not(:last-child), th { white-space: nowrap; }
svg { max-width: 100%; height: auto; }
"""


def page(drawing: str, outcome: Outcome) -> str:
    """The page; it loads nothing and runs nothing."""
    head = "".join(f"<th>{column.capitalize()}</th>" for column in COLUMNS)
    rows = [
        "<tr>" + "".join(f"<td>{clean(cell)}</td>" for cell in change_row(one)) + "</tr>"
        for one in outcome.changes
    ]
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f"<title>{clean(outcome.name)}</title><style>{_STYLE}</style></head><body>",
            *(f"<p>{clean(line)}</p>" for line in summary_lines(outcome)),
            drawing,
            f"<table><thead><tr>{head}</tr></thead><tbody>",
            *rows,
            "</tbody></table></body></html>",
            "",
        ]
    )
