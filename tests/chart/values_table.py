"""The table of values in the chart's README, made from the comments in values.yaml.

python -m tests.chart.values_table     writes the table into README.md
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.chart.rendering import CHART

README = CHART / "README.md"
BEGIN = "<!-- values: generated from values.yaml by `python -m tests.chart.values_table` -->"
END = "<!-- end of values -->"


@dataclass(frozen=True)
class Value:
    """One value: its dotted path, its default as YAML, and the comment above it."""

    path: str
    default: str
    comment: str


def documented_values(text: str) -> list[Value]:
    """The values of a values.yaml whose mappings are blocks and whose leaves fill one line each."""
    values: list[Value] = []
    parents: list[str] = []
    comment: list[str] = []
    for line in text.splitlines():
        if not line.strip():
            comment = []
            continue
        if line.lstrip().startswith("#"):
            comment.append(line.lstrip().removeprefix("#").strip())
            continue
        indent, key, default = re.match(r"^( *)([\w.-]+):\s*(.*)$", line).groups()  # type: ignore[union-attr]
        del parents[len(indent) // 2 :]
        if default:
            values.append(Value(".".join([*parents, key]), default, " ".join(comment)))
        else:
            parents.append(key)
        comment = []
    return values


def table(values: list[Value]) -> str:
    """The values as a Markdown table."""
    rows = [f"| `{one.path}` | `{one.default}` | {one.comment} |" for one in values]
    return "\n".join(["| Value | Default | Meaning |", "|---|---|---|", *rows])


def with_table(readme: str, values: list[Value]) -> str:
    """`readme` with the table between its two marks. Raises ValueError where a mark is missing."""
    before, rest = readme.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{table(values)}\n{END}{after}"


def main(chart: Path = CHART) -> None:
    """Write the table into the README."""
    values = documented_values((chart / "values.yaml").read_text())
    README.write_text(with_table(README.read_text(), values))


if __name__ == "__main__":
    main()
