"""The near end of a transfer: bytes are counted, hashed and written while they arrive."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from triton_operator.api.model_profile import ModelFile
from triton_operator.model import reasons
from triton_operator.model.digest import spelled
from triton_operator.model.errors import ModelRefused, SourceUnavailable, WorkFailed
from triton_operator.model.progress import Clock, Progress, megabytes

Sleep = Callable[[float], None]


@dataclass(frozen=True)
class Deadline:
    """A moment by which everything has to be there."""

    clock: Clock
    at: float
    seconds: float

    @classmethod
    def after(cls, seconds: float, clock: Clock) -> "Deadline":
        """The deadline `seconds` from now."""
        return cls(clock, clock() + seconds, seconds)

    def left(self) -> float:
        """Seconds until the deadline; negative after it."""
        return self.at - self.clock()

    def check(self, name: str) -> None:
        """Raises `SourceTimeout` after the deadline."""
        if self.left() <= 0:
            raise SourceUnavailable(
                reasons.SOURCE_TIMEOUT,
                f"{name}: the model did not arrive within {self.seconds:g} s; "
                "allow more time, or use a nearer store",
            )


class Receiver:
    """Takes the bytes of one file, in order.

    `into` None: the bytes are only hashed. A store that sends more than `most_bytes`, or more than
    the file has that is `listed`, is cut off at once.
    """

    def __init__(
        self,
        name: str,
        into: BinaryIO | None,
        *,
        most_bytes: int,
        deadline: Deadline,
        progress: Progress,
        listed: ModelFile | None = None,
    ) -> None:
        self.name = name
        self.received = 0
        self.deadline = deadline
        self._into = into
        self._most_bytes = most_bytes
        self._listed = listed
        self._progress = progress
        self._sha256 = hashlib.sha256()
        self._total: int | None = None
        self._promised: tuple[ModelFile, str] | None = None

    def promise(self, file: ModelFile, name: str) -> None:
        """The store has said beforehand which bytes it has: those of `file`, called `name`.

        Raises:
            ModelRefused: `DigestMismatch`, they are not the listed ones; `ModelTooLarge`.
        """
        listed = self._listed
        if listed is not None and file.digest != listed.digest:
            raise self._other_bytes(f"it has {file.digest}")
        self._promised = (file, name)
        self._refuse_beyond(file.size_bytes)

    def expect(self, total: int) -> None:
        """The store says that the file has `total` bytes.

        Raises:
            ModelRefused: `ModelTooLarge`, `DigestMismatch`.
        """
        self._total = total
        if self._listed is not None and total != self._listed.size_bytes:
            raise self._other_bytes(f"it has {total} bytes")
        self._refuse_beyond(total)

    def write(self, data: bytes) -> None:
        """The next bytes.

        Raises:
            ModelRefused: `ModelTooLarge`, `DigestMismatch`.
            SourceUnavailable: `SourceTimeout`.
            WorkFailed: `WriteFailed`.
        """
        self.deadline.check(self.name)
        self._refuse_beyond(self.received + len(data))
        self._sha256.update(data)
        if self._into is not None:
            try:
                self._into.write(data)
            except OSError as error:
                raise self._not_written(error) from error
        self.received += len(data)
        self._progress.add(len(data), self.name, self._total)

    def restart(self) -> None:
        """Forget everything: the file at the store is another one now, or cannot be continued.

        Raises:
            WorkFailed: `WriteFailed`.
        """
        self.received = 0
        self._sha256 = hashlib.sha256()
        if self._into is not None:
            try:
                self._into.seek(0)
                self._into.truncate()
            except OSError as error:
                raise self._not_written(error) from error

    def row(self, path: str) -> ModelFile:
        """The file that arrived, listed as `path`.

        Raises:
            ModelRefused: `DigestMismatch`.
        """
        row = ModelFile(path=path, digest=spelled(self._sha256), size_bytes=self.received)
        if self._listed is not None and row != self._listed:
            raise self._other_bytes(f"it has {row.size_bytes} bytes and {row.digest}")
        if self._promised is not None and row.digest != self._promised[0].digest:
            raise ModelRefused(
                reasons.DIGEST_MISMATCH,
                f"{self._promised[1]} arrived with {row.digest}, which its manifest does not say; "
                "push it again",
            )
        return row

    def _refuse_beyond(self, size: int) -> None:
        if self._listed is not None and size > self._listed.size_bytes:
            raise self._other_bytes("it has more bytes")
        if self._promised is not None and size > self._promised[0].size_bytes:
            raise ModelRefused(
                reasons.DIGEST_MISMATCH,
                f"{self._promised[1]} has more bytes than its manifest says; push it again",
            )
        if size > self._most_bytes:
            raise ModelRefused(
                reasons.MODEL_TOO_LARGE,
                f"{self.name} has {size} bytes or more; {self._most_bytes} are allowed",
            )

    def _other_bytes(self, what: str) -> ModelRefused:
        assert self._listed is not None
        return ModelRefused(
            reasons.DIGEST_MISMATCH,
            f"{self.name} changed at its source since it was inspected: {what}, but "
            f"{self._listed.size_bytes} bytes and {self._listed.digest} are expected; put the "
            "right file back, or change spec.model so that the new one is inspected",
        )

    def _not_written(self, error: OSError) -> WorkFailed:
        return WorkFailed(
            reasons.WRITE_FAILED,
            f"{self.name} cannot be written after {megabytes(self.received)}: {error.strerror}; "
            "give the volume for the model more space",
            retryable=True,
        )
