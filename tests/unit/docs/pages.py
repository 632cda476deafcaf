"""The documentation as data: pages, fenced blocks, tables, links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
DOCS = REPOSITORY / "docs"
GENERATED = frozenset({DOCS / "reference.md"})
"""Has tests of its own, beside its generator."""

_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_CELL = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True)
class Block:
    """A fenced block: its page, its language, its text without the margin."""

    page: Path
    language: str
    text: str

    def __str__(self) -> str:
        first = self.text.splitlines()[0] if self.text else ""
        return f"{self.page.relative_to(REPOSITORY)}: {first}"


def pages() -> list[Path]:
    """Every page that people wrote."""
    at_root = [REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    chart = REPOSITORY / "charts" / "triton-operator" / "README.md"
    return [*at_root, chart, *sorted(set(DOCS.rglob("*.md")) - GENERATED)]


def blocks(*languages: str) -> list[Block]:
    """All fenced blocks in these languages."""
    found = []
    for page in pages():
        for margin, language, text in _BLOCK.findall(page.read_text()):
            if language in languages:
                lines = [line.removeprefix(margin) for line in text.splitlines()]
                found.append(Block(page, language, "\n".join(lines) + "\n"))
    return found


def commands() -> Iterator[tuple[Path, str]]:
    """Every command in a block of shell, with its continuation lines, without its comment."""
    for block in blocks("sh"):
        for line in block.text.replace("\\\n", " ").splitlines():
            command = re.sub(r"\s+#.*$", "", line).strip()
            if command:
                yield block.page, command


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return _BLOCK.sub("", page.read_text())


def links(page: Path) -> list[str]:
    """Targets of all links outside of fenced blocks."""
    return _LINK.findall(prose(page))


def anchors(page: Path) -> set[str]:
    """What headings are called in links, by GitHub's rule."""
    headings = (heading.replace("`", "").lower() for heading in _HEADING.findall(prose(page)))
    return {re.sub(r"[^\w\- ]", "", heading).strip().replace(" ", "-") for heading in headings}


def table_rows(page: Path, *columns: str) -> list[list[str]]:
    """The cells of all rows of all tables with exactly these columns."""
    rows: list[list[str]] = []
    taking = False
    for line in prose(page).splitlines():
        if not line.startswith("|"):
            taking = False
            continue
        cells = [cell.strip() for cell in _CELL.split(line)[1:-1]]
        if cells == list(columns):
            taking = True
        elif taking and not set("".join(cells)) <= set("-: "):
            rows.append(cells)
    return rows
