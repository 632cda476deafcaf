"""Samples that a service names: what is wrong with them is wrong with `spec.model.samples`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from triton_operator.api.conditions import MESSAGE_LIMIT, shortened
from triton_operator.model import reasons
from triton_operator.model.errors import ModelFailure, WorkFailed
from triton_operator.model.fetch import FOLDER_MODE, Transfer

FIELD = "spec.model.samples"


@contextmanager
def named() -> Iterator[None]:
    """Failures inside name the field, but for a signal's, which says nothing of it."""
    try:
        yield
    except ModelFailure as error:
        if error.failure.reason == reasons.INTERRUPTED:
            raise
        message = shortened(f"{FIELD}: {error.failure.message}", MESSAGE_LIMIT)
        error.failure = error.failure.model_copy(update={"message": message})
        raise


def fetch_samples(transfer: Transfer, into: Path) -> None:
    """Bring the file to `into`. Nobody says its digest beforehand: that of its rows is reported.

    Raises:
        ModelFailure: as `Transfer.receive`.
    """
    try:
        into.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        into.unlink(missing_ok=True)
    except OSError as error:
        raise WorkFailed(
            reasons.WRITE_FAILED, f"{into} cannot be written: {error.strerror}", retryable=True
        ) from error
    transfer.receive(None, into, name=into.name)
