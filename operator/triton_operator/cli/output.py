"""How results are printed: tables for people, YAML and JSON for machines."""

import json
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table
from rich.text import Text


class Output(StrEnum):
    """The form of an answer."""

    TABLE = "table"
    YAML = "yaml"
    JSON = "json"


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table on standard output, as wide as the terminal."""
    print_lines([title])
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        # As text: names in a model file are a stranger's, and not markup.
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


def print_lines(lines: Iterable[str]) -> None:
    """Plain lines; nothing in them is taken for markup."""
    console = Console()
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def print_error(message: str) -> None:
    """A message on standard error."""
    Console(stderr=True).print(message, markup=False, highlight=False, soft_wrap=True)


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
