"""Files of models under their digests, in a volume that outlives pods.

A file that is there is copied instead of fetched, so a site restarts without its network. Nobody is
trusted: every copy is checked against the digest, and one that does not fit is thrown away. Nothing
depends on the cache either: when it is full, read-only or gone, the model comes from its source.
"""

import os
import stat
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from triton_operator.api.model_profile import ModelFile
from triton_operator.model.digest import CHUNK_BYTES
from triton_operator.model.errors import ModelRefused
from triton_operator.model.progress import Say
from triton_operator.model.receiving import Deadline, Receiver

_ARRIVING = ".arriving-"
_ABANDONED_SECONDS = 24 * 3600
"""No pod takes that long over one file; what is older was left by one that was killed."""


class DigestCache:
    """The cache in `folder`; any number of pods may use it at once."""

    def __init__(self, folder: Path, say: Say, wall_clock: Callable[[], float] = time.time) -> None:
        self._folder = folder / "sha256"
        self._say = say
        self._wall_clock = wall_clock

    def copy(self, row: ModelFile, into: Receiver) -> bool:
        """Give the file of `row` to `into`; False if it is not there, or is another one.

        Raises:
            ModelFailure: what `into` raises, except that the bytes are others than listed.
        """
        file = self._file(row)
        try:
            descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        except OSError as error:
            self._note(f"'{row.path}' cannot be read: {error.strerror}")
            return False
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            self._note(f"'{file.name}' is no regular file")
            return False
        with os.fdopen(descriptor, "rb", buffering=0) as stream:
            try:
                while chunk := stream.read(CHUNK_BYTES):
                    into.write(chunk)
                into.row(row.path)
                self._say(f"cache: '{row.path}' is there, nothing is fetched")
                return True
            except OSError as error:
                self._note(f"'{row.path}' cannot be read: {error.strerror}")
            except ModelRefused:
                self._note(f"'{file.name}' does not have its digest and is thrown away")
                with suppress(OSError):
                    file.unlink()
        into.restart()
        return False

    def keep(self, row: ModelFile, arrived: Path, deadline: Deadline) -> None:
        """Put a copy of the file `arrived` under the digest of `row`; it appears at once, whole.

        A failure is only a note: the model itself is there.
        """
        target = self._file(row)
        part: Path | None = None
        try:
            if target.exists():
                return
            self._folder.mkdir(exist_ok=True)
            self._remove_abandoned()
            descriptor, name = tempfile.mkstemp(prefix=_ARRIVING, dir=self._folder)
            part = Path(name)
            with os.fdopen(descriptor, "wb") as stream, arrived.open("rb") as source:
                while chunk := source.read(CHUNK_BYTES):
                    if deadline.left() <= 0:
                        self._note(f"no time is left to keep '{row.path}'")
                        return
                    stream.write(chunk)
                stream.flush()
                # A name must not appear before its bytes, also when the machine loses its power.
                os.fsync(descriptor)
            part.replace(target)
            self._say(f"cache: '{row.path}' is kept as {target.name}")
        except OSError as error:
            self._note(f"'{row.path}' is not kept: {error.strerror}")
        finally:
            if part is not None:
                with suppress(OSError):
                    part.unlink(missing_ok=True)

    def _file(self, row: ModelFile) -> Path:
        return self._folder / row.digest.removeprefix("sha256:")

    def _remove_abandoned(self) -> None:
        for file in self._folder.glob(f"{_ARRIVING}*"):
            with suppress(OSError):
                if file.lstat().st_mtime < self._wall_clock() - _ABANDONED_SECONDS:
                    file.unlink()

    def _note(self, what: str) -> None:
        self._say(f"cache: {what}; that does no harm to the model")
