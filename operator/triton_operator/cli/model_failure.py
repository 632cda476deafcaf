"""What goes wrong with a model on this machine, as a message and an exit code."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from triton_operator.cli.exit_codes import FAILED, INVALID, REFUSED
from triton_operator.cli.output import print_error
from triton_operator.model import reasons
from triton_operator.model.errors import ModelFailure

_OPTIONAL = ("onnx", "onnxruntime")
"""Packages that only commands on models need."""

_EXIT_CODES = {
    reasons.CONVERSION_REFUSED: REFUSED,
    reasons.MODEL_DOES_NOT_RUN: REFUSED,
    reasons.WRITE_FAILED: FAILED,
    reasons.SOURCE_UNAVAILABLE: FAILED,
    reasons.SOURCE_TIMEOUT: FAILED,
}


@contextmanager
def told() -> Iterator[None]:
    """Ends the command with the failure's text, or with what to install."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (package := (error.name or "").split(".")[0]) not in _OPTIONAL:
            raise
        print_error(f"{package} is not installed: pip install 'triton-operator[convert]'")
        raise typer.Exit(INVALID) from error
    except ModelFailure as error:
        print_error(str(error))
        raise typer.Exit(_EXIT_CODES.get(error.failure.reason, INVALID)) from error
