"""A wide terminal and a way to call the command line."""

from collections.abc import Callable

import pytest
from click.testing import Result
from typer.testing import CliRunner

from triton_operator.cli.main import app


@pytest.fixture(autouse=True)
def _wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "dumb")


@pytest.fixture
def call() -> Callable[..., Result]:
    """`call("plan", "-f", path)`: exit code, standard output and standard error."""
    runner = CliRunner()
    return lambda *arguments: runner.invoke(app, [str(argument) for argument in arguments])
