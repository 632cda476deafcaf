"""Which names of files and folders a repository may have.

They come from an untrusted archive or volume and become paths in Triton's volume, so only plain
relative ones are taken, and no two that some file system would take for the same.
"""

import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath

from triton_operator.model import reasons
from triton_operator.model.errors import ModelRefused
from triton_operator.model.limits import RepositoryLimits


def entry_path(name: str, limits: RepositoryLimits) -> str:
    """`name` as a normal relative path: `./a//b/` is `a/b`; empty for the root itself.

    Raises:
        ModelRefused: `RepositoryRefused`.
    """
    path = PurePosixPath(name)
    wrong = None
    if path.is_absolute():
        wrong = "it is absolute"
    elif ".." in path.parts:
        wrong = "it has '..' in it"
    elif not name.isprintable() or any(character in name for character in "\\*:"):
        wrong = "it has a control character, '\\', '*' or ':' in it"
    elif len(str(path)) > limits.path:
        wrong = f"it is longer than {limits.path} characters"
    elif len(path.parts) > limits.depth:
        wrong = f"it is nested more than {limits.depth} deep"
    if wrong:
        raise ModelRefused(
            reasons.REPOSITORY_REFUSED,
            f"the name '{name[:200]}' in the repository is refused: {wrong}; rename the file",
        )
    return "" if path == PurePosixPath(".") else str(path)


def refuse_clashes(files: Iterable[str]) -> None:
    """No two files with one name, whatever the case; no file that is the folder of another.

    Raises:
        ModelRefused: `RepositoryRefused`.
    """
    folders: dict[str, str] = {}
    known: dict[str, str] = {}
    for path in files:
        folded = _folded(path)
        if folded in known:
            raise _clash(path, known[folded], "two files")
        known[folded] = path
        for parent in PurePosixPath(path).parents:
            if parent.name:
                spelled = folders.setdefault(_folded(str(parent)), str(parent))
                if spelled != str(parent):
                    raise _clash(str(parent), spelled, "two folders")
    for folded, path in known.items():
        if folded in folders:
            raise _clash(path, folders[folded], "a file and a folder")


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold()


def _clash(path: str, other: str, what: str) -> ModelRefused:
    return ModelRefused(
        reasons.REPOSITORY_REFUSED,
        f"'{path}' and '{other}' are {what} with one name where upper and lower case do not "
        "differ, or the same twice; rename one",
    )
