"""Take a copy from a store to where it is served, or say why it has to be made again."""

from collections.abc import Sequence
from pathlib import Path

from triton_operator.api.model_profile import ModelFile
from triton_operator.model import reasons
from triton_operator.model.errors import ModelFailure
from triton_operator.model.fetch import Transfer, fetch_files
from triton_operator.model.progress import Say

LEAST_SECONDS = 60.0
SLOWEST_BYTES_PER_SECOND = 10e6
"""A store that is slower holds a pod for longer than converting takes: about a minute for 1 GB."""
_NOT_USED = "the copy is made again from the model"


def seconds_for(files: Sequence[ModelFile]) -> float:
    """For how long a store is worth waiting for."""
    size = sum(file.size_bytes for file in files)
    return LEAST_SECONDS + size / SLOWEST_BYTES_PER_SECOND


def take_copy(
    transfer: Transfer, files: Sequence[ModelFile], digest: str, into: Path, uri: str, say: Say
) -> bool:
    """Bring the files of the copy at `uri` into `into`, all of them or none; False: none.

    Whatever is wrong, the copy can be made again: it is said, and is no failure. Another copy than
    the one with `digest` is not used.

    Raises:
        WorkFailed: `Interrupted`.
    """
    try:
        fetch_files(transfer, files, digest, into)
    except ModelFailure as error:
        failure = error.failure
        if failure.reason == reasons.INTERRUPTED:
            raise
        told = {
            reasons.SOURCE_NOT_FOUND: f"{uri} is not there",
            reasons.DIGEST_MISMATCH: (
                f"{uri} is not the copy that was compared, {digest}: delete it from the store"
            ),
        }.get(failure.reason, f"{uri}: {failure.reason}: {failure.message}")
        say(f"{told}; {_NOT_USED}")
        return False
    say(f"the copy is {digest}")
    return True
