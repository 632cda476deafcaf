"""The chart calls the operator as the operator wants to be called."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chart.rendering import VALUE_FILES, only, rendered


@pytest.mark.parametrize("values", VALUE_FILES.values(), ids=VALUE_FILES.keys())
def test_the_operator_understands_the_command_line(values: tuple[Path, ...]) -> None:
    import typer.main

    from triton_operator.cli.main import app

    (container,) = only(rendered(values), "Deployment")["spec"]["template"]["spec"]["containers"]
    command, *arguments = container["args"]
    run = typer.main.get_command(app).commands[command]  # type: ignore[attr-defined]

    # Parses only; raises for an unknown option or a value of the wrong type.
    with run.make_context(command, list(arguments)) as context:
        given = {flag.split("=")[0] for flag in arguments}
        known = {
            option for one in context.command.params for option in (*one.opts, *one.secondary_opts)
        }
        assert given <= known
