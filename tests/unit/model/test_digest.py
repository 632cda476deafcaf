"""The digest of a model is what `sha256sum` says."""

import hashlib
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triton_operator.api.model_profile import ModelFile
from triton_operator.model.digest import file_row, model_digest

DIGESTS = st.binary(min_size=32, max_size=32).map(lambda raw: f"sha256:{raw.hex()}")
PATHS = st.from_regex(r"[a-z0-9_.-]{1,12}(/[A-Z]{1,4})?", fullmatch=True)
ROWS = st.builds(ModelFile, path=PATHS, digest=DIGESTS, size_bytes=st.integers(0, 1 << 40))


def test_one_file_is_its_own_digest(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"x" * 3_000_000)
    row = file_row(file, "model.onnx")

    assert row.size_bytes == 3_000_000
    assert row.digest == f"sha256:{hashlib.sha256(b'x' * 3_000_000).hexdigest()}"
    assert model_digest([row]) == row.digest


def test_several_files_are_the_digest_of_sha256sums_listing(tmp_path: Path) -> None:
    names = ["model.onnx", "w.bin", "Weights/b.bin", "a-b", "a.b", "a/b", "é"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    shell = 'LC_ALL=C sha256sum -- "$@" | LC_ALL=C sort -k 2 | sha256sum'
    expected = subprocess.run(
        ["bash", "-c", shell, "sh", *names], cwd=tmp_path, check=True, capture_output=True
    ).stdout[:64]

    found = model_digest([file_row(tmp_path / name, name) for name in names])

    assert found == f"sha256:{expected.decode()}"


@settings(max_examples=40)
@given(rows=st.lists(ROWS, min_size=1, max_size=8, unique_by=lambda row: row.path), data=st.data())
def test_order_does_not_matter(rows: list[ModelFile], data: st.DataObject) -> None:
    assert model_digest(data.draw(st.permutations(rows))) == model_digest(rows)


@settings(max_examples=40)
@given(rows=st.lists(ROWS, min_size=2, max_size=8, unique_by=lambda row: row.path), digest=DIGESTS)
def test_every_byte_and_every_name_matters(rows: list[ModelFile], digest: str) -> None:
    before = model_digest(rows)
    other_bytes = [rows[0].model_copy(update={"digest": digest}), *rows[1:]]
    other_name = [rows[0].model_copy(update={"path": "another/NAME"}), *rows[1:]]

    if digest != rows[0].digest:
        assert model_digest(other_bytes) != before
    assert model_digest(other_name) != before


def test_nothing_and_one_path_twice_have_no_digest() -> None:
    row = ModelFile(path="a", digest=f"sha256:{'0' * 64}", size_bytes=0)

    with pytest.raises(ValueError, match="at least one"):
        model_digest([])
    with pytest.raises(ValueError, match="one path"):
        model_digest([row, row])
