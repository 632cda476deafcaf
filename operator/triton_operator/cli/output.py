"""How results are printed: tables for people, YAML and JSON for machines.

What people get is made visible here too: objects may be older than that rule, or of others.
"""

import json
import sys
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

import typer
import yaml
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from triton_operator.api.visible_text import visible


class Output(StrEnum):
    """The form of an answer."""

    TABLE = "table"
    YAML = "yaml"
    JSON = "json"


OUTPUT = typer.Option(
    Output.TABLE, "--output", "-o", help="table for people, yaml or json for programs."
)
"""The same of every command that prints a result."""
PROSE = frozenset({"MESSAGE", "VALUE"})
"""Columns that may be folded, between words: all others are names and times, which people copy."""
BETWEEN = 2
"""Characters between two columns."""
UNFOLDED = 1_000_000
"""A width in characters that no row has."""


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table on standard output: a row is a line, unless a terminal is too narrow for its prose.

    No word is ever broken, so a terminal may get lines that are longer than it is wide.
    """
    print_lines([title])
    cells = [[visible(cell) for cell in row] for row in rows]
    table = Table(box=None, pad_edge=False, header_style="bold")
    least = 0
    for number, column in enumerate(columns):
        folds = column in PROSE
        whole = (
            word for row in cells for word in (row[number].split() if folds else [row[number]])
        )
        narrowest = max(map(cell_len, (column, *whole)))
        table.add_column(column, no_wrap=not folds)
        least += narrowest + BETWEEN
    for row in cells:
        # As text: names in a model file are a stranger's, and not markup.
        table.add_row(*(Text(cell) for cell in row))
    # In less room than that a column would vanish.
    console = Console(width=max(least, Console().width) if sys.stdout.isatty() else UNFOLDED)
    with console.capture() as printed:
        console.print(table, crop=False)
    # Without the blanks that fill the last column.
    print("\n".join(line.rstrip() for line in printed.get().rstrip("\n").split("\n")))


def print_lines(lines: Iterable[str]) -> None:
    """Plain lines; nothing in them is taken for markup."""
    console = Console()
    for line in lines:
        console.print(visible(line), markup=False, highlight=False, soft_wrap=True)


def print_error(message: str) -> None:
    """A message on standard error."""
    Console(stderr=True).print(visible(message), markup=False, highlight=False, soft_wrap=True)


class _Readable(yaml.SafeDumper):
    """Writes texts of several lines as they are, not as one line with escapes."""

    def represent_text(self, text: str) -> yaml.ScalarNode:
        """Lines as a literal block, where YAML can."""
        return self.represent_scalar(
            "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
        )

    def ignore_aliases(self, _: Any) -> bool:
        """An anchor would save a line and cost a reader."""
        return True


_Readable.add_representer(str, _Readable.represent_text)


def print_documents(documents: Sequence[Any], output: Output) -> None:
    """Documents as a YAML stream, or as JSON (one document alone, several as a list)."""
    if output is Output.JSON:
        print(json.dumps(documents[0] if len(documents) == 1 else documents, indent=2))
    else:
        text = yaml.dump_all(documents, Dumper=_Readable, sort_keys=False, width=100)
        print(text, end="")
