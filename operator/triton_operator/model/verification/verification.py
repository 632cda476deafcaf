"""Whether a converted model may take the place of the one that it was made from.

The overall agreement, which `minAgreement` is compared with, is the share of rows that agree, of
the output where that share is the least. `statistics.compared` says when a row agrees; for classes
that is top-1 agreement. It is agreement with FP32, and says nothing about either model's accuracy.

A value that is NaN or infinite where FP32 is finite rejects the model whatever the share is: it is
an overflow, and there may be requests that consist of nothing else. In an FP16 model that goes for
values between nodes too.

A copy that may be batched, and that finds ranges over a whole batch (see `shared_batches`), is
compared in batches as well. What agrees least decides, alone or in batches.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from pydantic import Field

from triton_operator.api.conversion_method import LEAST_ROWS
from triton_operator.api.fields import ApiModel, Digest
from triton_operator.api.tensors import Tensor
from triton_operator.model.onnx_session import OnnxSession
from triton_operator.model.sample_rows import Array, Samples
from triton_operator.model.verification.half_values import (
    HalfValues,
    half_values,
    overflow_runs,
)
from triton_operator.model.verification.shared_batches import (
    MOST_TOGETHER,
    batches,
    rows_may_meet,
    taken_apart,
    together,
)
from triton_operator.model.verification.statistics import (
    Agreement,
    RowDifference,
    agreement,
    is_classes,
    row_difference,
)

REPEATED_RUNS = 4
"""Runs that are done again to see whether the model gives the same bits."""


class OutputComparison(ApiModel):
    """One output of both models; null is "not defined"."""

    name: str
    kind: str = Field(description="Classes, Values (other floats) or Exact (anything else).")
    agreement: float = Field(description="Share of rows that agree, 0 to 1.")
    new_non_finite: int
    nan_reference: int
    nan_converted: int
    infinite_reference: int
    infinite_converted: int
    max_abs: float | None
    relative_l2: float | None
    cosine: float | None
    top1: float | None
    top5: float | None


class Verification(ApiModel):
    """The verdict, and what it rests on."""

    accepted: bool
    reason: str = Field(description="Why, with the number.")
    agreement: float
    min_agreement: float
    rows: int
    smoke_test: bool = Field(description="Made-up inputs, or fewer rows than 32.")
    overflows: Mapping[str, int] = Field(
        description="FP16 values between nodes that are NaN or infinite where FP32 is finite, and "
        "in how many runs."
    )
    deterministic: bool = Field(description="The converted model gave the same bits twice.")
    samples_digest: Digest | None = Field(description="Null: inputs were made up.")
    outputs: list[OutputComparison]
    in_batches: list[OutputComparison] | None = Field(
        description="The outputs once more, of rows that shared batches in the converted model; "
        "null: no row of it has a say in another's answer that FP32 does not give it."
    )
    batch_size: int | None = Field(
        description="Rows in a batch, if that is where it agrees least; null: rows were alone."
    )


def verify(
    reference: Path,
    converted: Path,
    outputs: Sequence[Tensor],
    samples: Samples,
    min_agreement: float,
    *,
    batchable: bool,
) -> Verification:
    """Run both models on `samples`, row by row, and compare; the converted one in batches too, if
    it is `batchable` and rows may meet there.

    `outputs` are those of both models, as `pair.read_pair` has them.

    Raises:
        ModelRefused: `ModelDoesNotRun`.
    """
    halves = half_values(converted)
    comparisons = _compared(reference, converted, outputs, samples, halves)
    return _judged(
        comparisons,
        samples,
        min_agreement,
        in_batches=_compared_in_batches(reference, converted, outputs, samples)
        if batchable and rows_may_meet(converted)
        else None,
        overflows=overflow_runs(reference, halves),
        deterministic=is_deterministic(converted, samples),
    )


def _compared(
    reference: Path,
    converted: Path,
    outputs: Sequence[Tensor],
    samples: Samples,
    halves: HalfValues,
) -> list[OutputComparison]:
    """Each output on all rows. The sessions, which keep what a run took, go with the return."""
    ours = OnnxSession(reference, name="the FP32 model")
    theirs = OnnxSession(converted, name="the converted model", exposed=halves.names)
    rows: dict[str, list[RowDifference]] = {tensor.name: [] for tensor in outputs}
    for feeds in samples.runs():
        expected, found = ours.run(feeds), theirs.run(feeds)
        halves.look(feeds, found[len(theirs.outputs) :])
        by_name = dict(zip(theirs.outputs, found, strict=False))
        # All values inside are in it, and must not be there a second time in the next run.
        del found
        for name, left in zip(ours.outputs, expected, strict=True):
            pairs = _single_rows(left, by_name[name], samples.rows_per_run)
            rows[name].extend(row_difference(*pair) for pair in pairs)
    return [_comparison(name, differences) for name, differences in rows.items()]


def _compared_in_batches(
    reference: Path, converted: Path, outputs: Sequence[Tensor], samples: Samples
) -> list[OutputComparison]:
    """Each output on all rows: alone in the FP32 model, in batches in the converted one."""
    ours = OnnxSession(reference, name="the FP32 model")
    theirs = OnnxSession(converted, name="the converted model")
    rows: dict[str, list[RowDifference]] = {tensor.name: [] for tensor in outputs}
    for requests in batches(samples):
        answers = dict(zip(theirs.outputs, theirs.run(together(requests)), strict=True))
        parts = {name: taken_apart(array, len(requests)) for name, array in answers.items()}
        for number, feeds in enumerate(requests):
            for name, expected in zip(ours.outputs, ours.run(feeds), strict=True):
                rows[name].append(row_difference(expected, parts[name][number]))
    return [_comparison(name, differences) for name, differences in rows.items()]


def is_deterministic(path: Path, samples: Samples) -> bool:
    """Whether the model gives the same bits for the first inputs again, and when loaded again."""
    feeds = list(islice(samples.runs(), REPEATED_RUNS))
    first, second = (OnnxSession(path, name="the model") for _ in range(2))
    once = list(map(first.run, feeds))
    return all(
        _same_bits(a, b)
        for again in (map(first.run, feeds), map(second.run, feeds))
        for left, right in zip(once, again, strict=True)
        for a, b in zip(left, right, strict=True)
    )


def _same_bits(a: Array, b: Array) -> bool:
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    return bool((a == b).all()) if a.dtype.kind == "O" else a.tobytes() == b.tobytes()


def _single_rows(left: Array, right: Array, step: int) -> Iterator[tuple[Array, Array]]:
    """The rows of one run, `[1, …]` each; the whole result where the model takes single rows."""
    if step == 1 or not left.ndim or left.shape[0] != step or right.shape[:1] != (step,):
        yield left, right
        return
    for row in range(step):
        yield left[row : row + 1], right[row : row + 1]


def _comparison(name: str, rows: Sequence[RowDifference]) -> OutputComparison:
    found: Agreement = agreement(rows)
    floats = all(row.is_float for row in rows)
    return OutputComparison(
        name=name,
        kind="Classes" if is_classes(rows) else "Values" if floats else "Exact",
        agreement=sum(found.rows_agree) / len(found.rows_agree),
        **{
            field: getattr(found, field)
            for field in Agreement.__dataclass_fields__
            if field != "rows_agree"
        },
    )


def _judged(
    outputs: list[OutputComparison],
    samples: Samples,
    min_agreement: float,
    *,
    in_batches: list[OutputComparison] | None,
    overflows: Mapping[str, int],
    deterministic: bool,
) -> Verification:
    worst = min([*outputs, *(in_batches or [])], key=lambda row: row.agreement)
    overflown = next((row for row in [*outputs, *(in_batches or [])] if row.new_non_finite), None)
    # Of equals the first is taken, so that batches are told only if they are worse.
    batch_size = None if any(worst is row for row in outputs) else MOST_TOGETHER
    smoke_test = samples.generated or samples.rows < LEAST_ROWS
    if overflown is not None:
        accepted = False
        reason = (
            f"output '{overflown.name}' has {overflown.new_non_finite} values that are NaN or "
            "infinite where FP32 is finite"
        )
    elif overflows:
        accepted = False
        name, runs = next(iter(overflows.items()))
        reason = (
            f"the value '{name}' inside is NaN or infinite in FP16 in {runs} of "
            f"{samples.rows // samples.rows_per_run} runs, and finite in FP32"
        )
    else:
        accepted = worst.agreement >= min_agreement
        sign = "≥" if accepted else "<"
        reason = (
            f"agreement {_shown(worst.agreement)} {sign} {min_agreement:g}, least of output "
            f"'{worst.name}'"
        )
        if batch_size is not None:
            reason += f" in batches of {batch_size} rows"
    if smoke_test:
        what = "made-up inputs" if samples.generated else f"only {samples.rows} rows"
        reason += f"; a smoke test on {what}: {LEAST_ROWS} rows of real inputs are needed"
    return Verification(
        accepted=accepted,
        reason=reason,
        agreement=worst.agreement,
        min_agreement=min_agreement,
        rows=samples.rows,
        smoke_test=smoke_test,
        overflows=overflows,
        deterministic=deterministic,
        samples_digest=None if samples.generated else samples.digest,
        outputs=outputs,
        in_batches=in_batches,
        batch_size=batch_size,
    )


def _shown(agreement: float) -> str:
    """Four digits, never rounded up to a bound that it misses."""
    return f"{int(agreement * 10_000) / 10_000:g}"
