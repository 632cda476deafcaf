"""Reads the files of a mounted Secret; their values never appear in a message."""

from pathlib import Path

from triton_operator.model import reasons
from triton_operator.model.errors import SourceRefused

_MOST_BYTES = 1 << 20
"""Kubernetes' own limit for a whole Secret."""


class SecretFiles:
    """The Secret mounted at `folder`; None is no Secret."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def keys(self) -> tuple[str, ...] | None:
        """Which keys the Secret has, sorted; None is no Secret, or none that can be listed."""
        if self._folder is None:
            return None
        try:
            # `..data` and the like are the kubelet's own.
            return tuple(sorted(p.name for p in self._folder.iterdir() if p.name[:2] != ".."))
        except OSError:
            return None

    def word(self, key: str) -> str | None:
        """The value on one line, without the line end that editors and `echo` leave.

        Raises:
            SourceRefused: `CredentialsInvalid`.
        """
        value = self.text(key)
        if value is None:
            return None
        value = value.rstrip("\r\n")
        if not value or not value.isprintable():
            raise invalid(key, "is empty or has a control character, such as a line end, in it")
        return value

    def text(self, key: str) -> str | None:
        """The whole value; None if the Secret has no such key.

        Raises:
            SourceRefused: `CredentialsInvalid`.
        """
        if self._folder is None:
            return None
        try:
            with (self._folder / key).open("rb") as stream:
                return stream.read(_MOST_BYTES).decode("utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise invalid(key, "cannot be read as UTF-8 text") from error

    def pair(self, first: str, second: str) -> tuple[str, str] | None:
        """Two values that only count together.

        Raises:
            SourceRefused: `CredentialsInvalid`, also for one without the other.
        """
        values = self.word(first), self.word(second)
        if values[0] is not None and values[1] is not None:
            return values[0], values[1]
        if values == (None, None):
            return None
        missing, there = (first, second) if values[0] is None else (second, first)
        raise invalid(missing, f"is missing beside '{there}'")


def invalid(key: str, what: str) -> SourceRefused:
    """The failure for a value that cannot be used."""
    return SourceRefused(
        reasons.CREDENTIALS_INVALID, f"the key '{key}' of the Secret with credentials {what}"
    )
