"""Tables: nothing that people copy is ever broken, and pipes get a line per row."""

import io
from contextlib import redirect_stdout

import pytest

from triton_operator.cli.output import print_error, print_lines, print_table

DIGEST = "sha256:" + "0123456789abcdef" * 4
NAME = "filetype-cpu-" + "7d9c5b8f6d-" * 4 + "x2x4z"
TIME = "2026-03-01T10:00:00Z"
MESSAGE = "the store wants other credentials " * 6
COLUMNS, ROW = ("NAME", "MESSAGE", "TIME"), (NAME, f"{MESSAGE}{DIGEST}", TIME)


class Terminal(io.StringIO):
    """Standard output that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """80 columns wide, once standard output is redirected to it."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    return Terminal()


def test_a_pipe_gets_a_line_per_row(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    print_table("title", COLUMNS, [ROW, ROW])

    title, head, *rows = capsys.readouterr().out.splitlines()
    assert (title, head.split()) == ("title", list(COLUMNS))
    assert [row.split() for row in rows] == [" ".join(ROW).split()] * 2


def test_a_narrow_terminal_folds_prose_between_words_only(terminal: Terminal) -> None:
    with redirect_stdout(terminal):
        print_table("title", COLUMNS, [ROW])

    lines = terminal.getvalue().splitlines()
    assert len(lines) > 3, "the message is folded"
    for whole in (NAME, DIGEST, TIME):
        assert [line for line in lines if whole in line], whole


def test_a_terminal_that_is_wide_enough_is_not_exceeded(terminal: Terminal) -> None:
    with redirect_stdout(terminal):
        print_table("title", ("NAME", "MESSAGE"), [("filetype", MESSAGE)])

    _, _, *rows = terminal.getvalue().splitlines()
    assert len(rows) > 1
    assert max(map(len, rows)) <= 80


def test_nothing_that_a_terminal_obeys_is_printed(
    capsys: pytest.CaptureFixture[str], terminal: Terminal
) -> None:
    """Objects may be older than the rule for conditions, or written by others."""
    said, shown = "\x1b[2Ja\x9b8m\u202eb\u2066", "\ufffd[2Ja\ufffd8m\ufffdb\ufffd"

    print_table(said, ("NAME", "MESSAGE"), [("a", said)])
    print_lines([said])
    print_error(said)
    with redirect_stdout(terminal):
        print_table("title", ("NAME", "MESSAGE"), [("a", said)])

    pipe = capsys.readouterr()
    title, _, row, line = pipe.out.splitlines()
    assert (title, row.split()[1], line, pipe.err.strip()) == (shown, shown, shown, shown)
    assert said not in terminal.getvalue()
    assert shown in terminal.getvalue()
