"""How commands that ask a cluster end where it does not say what they need."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from triton_operator.cli.exit_codes import INVALID, NO_CLUSTER
from triton_operator.cli.output import print_error


@contextmanager
def asking(*nothing_there: type[Exception]) -> Iterator[None]:
    """Turn what cannot be asked into one line and an exit code.

    INVALID for one of `nothing_there`, which name something that the cluster does not have,
    NO_CLUSTER for `CannotAsk`.
    """
    from triton_operator.cli.live import CannotAsk

    # The client warns of a file that is not there in lines of its own.
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        yield
    except nothing_there as error:
        print_error(str(error))
        raise typer.Exit(INVALID) from error
    except CannotAsk as error:
        print_error(str(error))
        raise typer.Exit(NO_CLUSTER) from error
