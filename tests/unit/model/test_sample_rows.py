"""Samples: which .npz fits which inputs, and what each run gets of it."""

from __future__ import annotations

import tracemalloc
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from triton_operator.api.tensors import Tensor
from triton_operator.model import reasons
from triton_operator.model.errors import WorkFailed
from triton_operator.model.generated_rows import generated_samples
from triton_operator.model.sample_rows import Array, Samples, checked_samples, read_samples

X = Tensor(name="x", datatype="FP32", shape=[-1, 4])
IDS = Tensor(name="ids", datatype="INT64", shape=[-1, 8])


def saved(folder: Path, **arrays: Array) -> Path:
    np.savez(folder / "s.npz", **arrays)
    return folder / "s.npz"


def refused(arrays: Mapping[str, Array], *inputs: Tensor) -> str:
    with pytest.raises(WorkFailed) as caught:
        checked_samples(arrays, inputs)
    assert caught.value.failure.reason == reasons.SAMPLES_REFUSED
    return caught.value.failure.message


def test_every_row_is_a_run(tmp_path: Path) -> None:
    x = np.arange(12, dtype="f4").reshape(3, 4)
    samples = read_samples(saved(tmp_path, x=x, ids=np.zeros((3, 8), "i8")), [X, IDS])

    runs = list(samples.runs())

    assert samples.rows == 3
    assert [run["x"].tolist() for run in runs] == [[row] for row in x.tolist()]
    assert {run["ids"].shape for run in runs} == {(1, 8)}


def test_inputs_without_a_batch_axis_get_whole_rows() -> None:
    state = Tensor(name="state", datatype="FP32", shape=[2, 64])
    x = np.zeros((5, 4), "f4")

    runs = list(checked_samples({"x": x, "state": np.ones((5, 2, 64), "f4")}, [X, state]).runs())

    assert len(runs) == 5
    assert {(run["x"].shape, run["state"].shape) for run in runs} == {((1, 4), (2, 64))}


def test_a_scalar_input_gets_one_number_per_row() -> None:
    rate = Tensor(name="rate", datatype="INT64", shape=[])

    runs = list(checked_samples({"rate": np.arange(3)}, [rate]).runs())

    assert [run["rate"].shape for run in runs] == [()] * 3


def test_a_fixed_batch_takes_as_many_rows_at_once() -> None:
    fixed = Tensor(name="x", datatype="FP32", shape=[2, 4])

    samples = checked_samples({"x": np.zeros((6, 4), "f4")}, [fixed])

    assert samples.rows_per_run == 2
    assert [run["x"].shape for run in samples.runs()] == [(2, 4)] * 3
    assert "multiple" in refused({"x": np.zeros((5, 4), "f4")}, fixed)


def test_numpys_own_types_are_cast() -> None:
    samples = checked_samples({"x": np.zeros((2, 4)), "ids": np.zeros((2, 8), "i4")}, [X, IDS])

    assert samples.arrays["x"].dtype == np.float32
    assert samples.arrays["ids"].dtype == np.int64


def test_text_is_text() -> None:
    text = Tensor(name="t", datatype="BYTES", shape=[-1, 1])

    runs = list(checked_samples({"t": np.array([["ä"], ["bc"]])}, [text]).runs())

    assert runs[0]["t"].dtype == np.object_
    assert [run["t"].item() for run in runs] == ["ä", "bc"]


BYTE = Tensor(name="x", datatype="UINT8", shape=[-1, 2])
REFUSALS = [
    ("another name", {"y": np.zeros((2, 4))}, [X], "'y'; the model takes 'x'"),
    ("an input missing", {"x": np.zeros((2, 4))}, [X, IDS], "takes 'ids', 'x'"),
    ("rows differ", {"x": np.zeros((2, 4)), "ids": np.zeros((3, 8), int)}, [X, IDS], "'ids' 3"),
    ("no rows", {"x": np.zeros((0, 4))}, [X], "0 rows"),
    ("a length", {"x": np.zeros((2, 5))}, [X], "[2, 5], which does not fit"),
    ("a rank", {"x": np.zeros(4)}, [X], "have 2 axes"),
    ("floats for integers", {"ids": np.zeros((2, 8))}, [IDS], "float64, the input int64"),
    ("text for numbers", {"x": np.array([["a"] * 4])}, [X], "<U1"),
    (
        "numbers for text",
        {"t": np.zeros(3)},
        [Tensor(name="t", datatype="BYTES", shape=[-1])],
        "text",
    ),
    ("BF16", {"x": np.zeros((1, 4))}, [Tensor(name="x", datatype="BF16", shape=[-1, 4])], "BF16"),
    ("beyond the type", {"x": np.full((1, 2), 300, "u2")}, [BYTE], "beyond uint8"),
]


@pytest.mark.parametrize(
    ("arrays", "inputs", "words"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS]
)
def test_what_does_not_fit(arrays: Mapping[str, Array], inputs: list[Tensor], words: str) -> None:
    assert words in refused(arrays, *inputs)


@pytest.mark.parametrize("content", [None, b"", b"no zip", b"PK\x03\x04 broken"])
def test_what_is_no_npz(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "s.npz"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(WorkFailed, match=r"numpy\.savez"):
        read_samples(path, [X])


class Program:
    """What a pickle can be: this one makes a file when it is loaded."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.trace,)


def test_pickled_objects_are_not_loaded(tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    path = saved(tmp_path, x=np.array([Program(trace)], dtype=object))

    with pytest.raises(WorkFailed) as caught:
        read_samples(path, [X])

    assert caught.value.failure.reason == reasons.SAMPLES_REFUSED
    assert not trace.exists()


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "s.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", b"\0" * 1_000_000)

    with pytest.raises(WorkFailed, match="unpacks to 1000000 bytes"):
        read_samples(tmp_path / "s.npz", [X], most_bytes=999_999)


def test_the_digest_is_that_of_the_values(tmp_path: Path) -> None:
    x = np.random.default_rng(0).standard_normal((3, 4)).astype("f4")
    np.savez_compressed(tmp_path / "other.npz", x=x)
    plain = read_samples(saved(tmp_path, x=x), [X])

    assert read_samples(tmp_path / "other.npz", [X]).digest == plain.digest
    assert checked_samples({"x": x + 1}, [X]).digest != plain.digest
    assert checked_samples({"x": x[:2]}, [X]).digest != plain.digest


def peak_bytes(work: Callable[[], object]) -> int:
    """NumPy tells tracemalloc what its arrays take."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_rows_of_the_right_type_are_in_memory_once(tmp_path: Path) -> None:
    wide = Tensor(name="x", datatype="FP32", shape=[-1, 2**20])
    ids = Tensor(name="ids", datatype="INT64", shape=[-1, 2**19])
    arrays = {"x": np.zeros((8, 2**20), "f4"), "ids": np.zeros((8, 2**19), "i8")}
    path = saved(tmp_path, **arrays)

    assert peak_bytes(lambda: read_samples(path, [wide, ids])) < 1.25 * 2 * 8 * 2**22


def test_made_up_rows_are_in_memory_once() -> None:
    wide = Tensor(name="x", datatype="FP32", shape=[-1, 2**18])

    assert peak_bytes(lambda: made_up(wide)) < 1.25 * 32 * 2**20


def test_chosen_rows_keep_the_digest_of_all() -> None:
    samples = checked_samples({"x": np.arange(20.0).reshape(5, 4)}, [X])

    odd = samples.chosen(slice(1, None, 2))

    assert (odd.rows, odd.digest) == (2, samples.digest)
    assert [run["x"][0, 0] for run in odd.runs()] == [4.0, 12.0]


def made_up(*inputs: Tensor, digest: str = "sha256:" + "1" * 64, rows: int = 32) -> Samples:
    return generated_samples(digest, inputs, rows)


def test_made_up_rows_are_the_same_for_the_same_digest() -> None:
    one, two = made_up(X, IDS), made_up(X, IDS)

    assert one.generated
    assert one.digest == two.digest
    assert one.digest != made_up(X, IDS, digest="sha256:" + "2" * 64).digest


def test_made_up_values_are_plausible() -> None:
    image = Tensor(name="image", datatype="UINT8", shape=[-1, 3, -1, -1])
    flag = Tensor(name="flag", datatype="BOOL", shape=[-1])
    state = Tensor(name="state", datatype="FP32", shape=[2, -1])

    samples = made_up(X, IDS, image, flag, state)

    arrays = samples.arrays
    assert set(np.unique(arrays["ids"])) == {0, 1}
    assert abs(float(arrays["x"].mean())) < 0.5
    assert 0.7 < float(arrays["x"].std()) < 1.3
    assert arrays["image"].shape == (32, 3, 64, 64)
    assert (arrays["image"].min(), arrays["image"].max()) == (0, 255)
    assert arrays["flag"].dtype == np.bool_
    assert arrays["state"].shape == (32, 2, 16)


def test_made_up_rows_fill_fixed_batches() -> None:
    samples = made_up(Tensor(name="x", datatype="FP32", shape=[5, 4]))

    assert samples.rows == 35
    assert samples.rows_per_run == 5


def test_text_cannot_be_made_up() -> None:
    with pytest.raises(WorkFailed) as caught:
        made_up(Tensor(name="t", datatype="BYTES", shape=[-1, 1]))

    assert caught.value.failure.reason == reasons.SAMPLES_REQUIRED
