"""docs/command-line.md says of every command which forms it prints, and they share one option."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from typer import Typer
from typer.models import OptionInfo

from tests.unit.docs.pages import DOCS, table_rows
from triton_operator.cli import exit_codes
from triton_operator.cli.main import app

PAGE = DOCS / "command-line.md"
SILENT = {"run", "hub", "agent", "check-installation"}
"""They have no result."""


def commands(application: Typer, prefix: str = "") -> Iterator[tuple[str, Callable[..., None]]]:
    """Every command with its whole name."""
    for one in application.registered_commands:
        assert one.callback is not None
        yield f"{prefix}{one.name or one.callback.__name__.replace('_', '-')}", one.callback
    for group in application.registered_groups:
        assert group.typer_instance is not None
        yield from commands(group.typer_instance, f"{prefix}{group.name} ")


ALL = dict(commands(app))


def options(command: Callable[..., None]) -> Iterator[tuple[OptionInfo, Any]]:
    """The options with the types of their values."""
    for one in inspect.signature(command).parameters.values():
        if isinstance(one.default, OptionInfo):
            yield one.default, one.annotation


def forms(command: Callable[..., None]) -> str:
    """The forms of `-o`, the default first; nothing where there is no such option."""
    for option, kind in options(command):
        if "-o" in (option.param_decls or ()):
            assert option.param_decls == ("--output", "-o"), command.__name__
            return ", ".join([option.default, *(one for one in kind if one != option.default)])
    return ""


def test_every_command_prints_json_and_says_so_in_the_same_way() -> None:
    assert {name for name, one in ALL.items() if not forms(one)} == SILENT
    for name in ALL.keys() - SILENT:
        assert "json" in forms(ALL[name]).split(", "), name


def test_the_page_has_the_forms_of_every_command() -> None:
    rows = table_rows(PAGE, "Command", "Prints", "`-o`, the default first")

    assert {name.strip("`"): told for name, _, told in rows} == {
        name: forms(one) for name, one in ALL.items() if name not in SILENT
    }


def test_no_other_option_is_a_form_or_a_file_of_that_name() -> None:
    for name, command in ALL.items():
        named = [word for option, _ in options(command) for word in option.param_decls or ()]
        assert "--format" not in named, name
        assert named.count("-o") == named.count("--output") == (name not in SILENT), name


def test_the_page_has_every_exit_code() -> None:
    codes = {value for value in vars(exit_codes).values() if isinstance(value, int)}

    assert [int(code) for code, _ in table_rows(PAGE, "Code", "Meaning")] == sorted(codes)
