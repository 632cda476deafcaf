"""The hash that decides whether an image is built again."""

from pathlib import Path

import pytest

from e2e.harness.errors import HarnessError
from e2e.harness.fingerprint import files_below, fingerprint


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "pkg" / "__pycache__").mkdir(parents=True)
    (tmp_path / "pkg" / "a.py").write_text("a")
    (tmp_path / "pkg" / "__pycache__" / "a.pyc").write_text("compiled")
    (tmp_path / "other").write_text("o")
    return tmp_path


def tag(tree: Path) -> str:
    return fingerprint(tree, files_below(tree, ["pkg"]), ["base"])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda t: (t / "pkg" / "a.py").write_text("b"), "content"),
        (lambda t: (t / "pkg" / "a.py").rename(t / "pkg" / "b.py"), "name"),
        (lambda t: (t / "pkg" / "a.py").chmod(0o755), "execute bit"),
        (lambda t: (t / "pkg" / "new").touch(), "a new empty file"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_changes_with(tree, change, why):
    before = tag(tree)
    change(tree)

    assert tag(tree) != before


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda t: (t / "pkg" / "a.py").touch(), "modification time"),
        (lambda t: (t / "other").write_text("x"), "a file that is no input"),
        (lambda t: (t / "pkg" / "__pycache__" / "a.pyc").write_text("x"), "compiled files"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_does_not_change_with(tree, change, why):
    before = tag(tree)
    change(tree)

    assert tag(tree) == before


def test_salt_counts(tree):
    files = files_below(tree, ["pkg"])

    assert fingerprint(tree, files, ["base-1"]) != fingerprint(tree, files, ["base-2"])


def test_a_missing_input_is_an_error(tree):
    with pytest.raises(HarnessError, match="pgk"):
        files_below(tree, ["pgk"])
