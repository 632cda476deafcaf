"""Copies of a model: which are wanted, and which of those known may be used. They are in another
precision, or in FP32 where the batch is fixed at 1 and the copy takes any (see `rebatching`).

A row of a ModelProfile's `conversions` counts only if it was made with the tools that this operator
has: the pods make the copy again with them, and check its digest. A copy is used only if it agrees
with FP32 on at least `spec.precision.minAgreement` of the rows that were compared. Where the user
asked for its precision, a comparison on made-up inputs or another service's samples will do, and is
told as a smoke test; where nobody did (Auto), it takes 32 rows of the service's own real ones.

Whether a copy is faster is not asked here: see `adoption`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

from triton_operator.api.conversion_method import CONVERTED, LEAST_ROWS, Method, copy_name
from triton_operator.api.enums import ModelFormat, Precision, PrecisionMode
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.model_profile import Conversion, ModelFacts
from triton_operator.api.model_source import Samples
from triton_operator.planning.arithmetic import cannot_run
from triton_operator.planning.pools import Pool
from triton_operator.planning.rebatching import as_served, may_be_rebatched, seeks_copies
from triton_operator.planning.samples_source import of_other_samples

NO_TOOLS: Mapping[str, str] = MappingProxyType({})


class Standing(StrEnum):
    """What comes of a copy on a pool, as far as is known."""

    USABLE = "may be used"
    UNKNOWN = "not known: a Job converts and verifies"
    UNCHECKED = "not checked well enough"
    REJECTED = "rejected"
    IMPOSSIBLE = "the hardware gains nothing"


@dataclass(frozen=True)
class Prospect:
    """One other precision on a pool: how it stands, and why, in one line that names it. FP32 is
    that of the copy which takes any batch.

    `copy` is the row that counts, if there is one. `wanted`: a Job should convert and verify now.
    With `spec.model.samples` a row settles that only if it was compared on them, a refusal too:
    what was refused for want of samples, or compared on made-up inputs or on the samples of another
    service (`others`), is tried again.
    """

    precision: Precision
    standing: Standing
    why: str
    copy: Conversion | None = None
    wanted: bool = False
    others: bool = False

    @property
    def name(self) -> str:
        """What people call the copy."""
        return copy_name(self.precision)

    @property
    def usable(self) -> Conversion | None:
        """The copy, if it may be used."""
        return self.copy if self.standing is Standing.USABLE else None

    @property
    def smoke_test(self) -> bool:
        """Whether so little was compared that it shows only that the copy runs."""
        return self.copy is not None and (self.others or not _on_real_rows(self.copy))

    @property
    def agreement(self) -> str:
        """How far the copy agrees with FP32, and on what; empty: there is none."""
        return "" if self.copy is None else agreement_words(self.copy, others=self.others)


def prospects(
    spec: InferenceServiceSpec,
    facts: ModelFacts,
    pool: Pool,
    known: Sequence[Conversion],
    tool_versions: Mapping[str, str],
) -> tuple[Prospect, ...]:
    """Each copy that is in question on a pool; none where nobody asks for any.

    Where the spec names a precision, that one is, even if nothing can be done about it.
    """
    told = any(row.precision is Precision.FP32 for row in known)
    rebatched = may_be_rebatched(spec, facts) and (told or seeks_copies(spec))
    others = _in_other_precisions(spec, facts, pool, known, tool_versions)
    if not rebatched:
        return others
    return (_prospect(spec, pool, Precision.FP32, known, tool_versions), *others)


def _in_other_precisions(
    spec: InferenceServiceSpec,
    facts: ModelFacts,
    pool: Pool,
    known: Sequence[Conversion],
    tool_versions: Mapping[str, str],
) -> tuple[Prospect, ...]:
    mode = spec.precision.mode
    if mode is PrecisionMode.FP32:
        return ()
    if never := _never(mode, facts):
        if mode is PrecisionMode.AUTO:
            return ()
        return (Prospect(Precision(mode.value), Standing.IMPOSSIBLE, f"{mode}: {never}"),)
    return tuple(
        _prospect(spec, pool, precision, known, tool_versions)
        for precision in _in_question(spec, known)
    )


def facts_of_copy(facts: ModelFacts, pool: Pool, copy: Conversion | None) -> ModelFacts:
    """The model's facts with the copy's size and batch axis, for the memory that it takes; None:
    the model's own.

    Except of FP16 on CPUs: where ONNX Runtime has no kernel for it, it makes FP32 of the weights.
    """
    facts = as_served(facts, copy)
    if copy is None or not copy.files or (copy.precision is Precision.FP16 and not pool.is_gpu):
        return facts
    # A profile may say anything; no copy takes more than the model that it was made from.
    return facts.model_copy(update={"size_bytes": min(copy.size_bytes, facts.size_bytes)})


def _never(mode: PrecisionMode, facts: ModelFacts) -> str | None:
    """Why nothing makes a copy in this precision, on whatever pool."""
    if mode is PrecisionMode.BF16:
        return (
            "no such copies are made, as ONNX Runtime does not load them on CPUs and nothing could "
            "verify them"
        )
    if facts.format is not ModelFormat.ONNX:
        return f"only single ONNX models are converted, and this is a {facts.format} model"
    return None


def _in_question(spec: InferenceServiceSpec, known: Sequence[Conversion]) -> list[Precision]:
    if spec.precision.mode is PrecisionMode.AUTO:
        told = {row.precision for row in known}
        return [one for one in CONVERTED if seeks_copies(spec) or one in told]
    return [one for one in CONVERTED if one.value == spec.precision.mode.value]


def _prospect(
    spec: InferenceServiceSpec,
    pool: Pool,
    precision: Precision,
    known: Sequence[Conversion],
    tool_versions: Mapping[str, str],
) -> Prospect:
    named = spec.precision.mode.value == precision.value and precision is not Precision.FP32
    if precision is not Precision.FP32 and (impossible := cannot_run(pool, precision)):
        return Prospect(precision, Standing.IMPOSSIBLE, f"{precision}: {impossible}")
    rows = [row for row in known if row.precision is precision]
    current = [row for row in rows if dict(row.tool_versions) == dict(tool_versions)]
    least = Decimal(spec.precision.min_agreement)
    samples = spec.model.samples
    copy = _counting(current, least, samples)
    others = copy is not None and of_other_samples(copy, samples)
    settled = (
        copy is not None
        and (copy.refusal is not None or _lacks(copy) is None)
        and (samples is None or (copy.samples_digest is not None and not others))
    )
    wanted = (named or seeks_copies(spec)) and not settled
    if copy is None:
        standing, why = Standing.UNCHECKED, _no_copy(precision, rows, tool_versions)
    else:
        standing, why = _judged(copy, least, named=named, others=others)
    if wanted and standing is not Standing.USABLE:
        standing, why = Standing.UNKNOWN, f"{why}; its Job converts and verifies"
    return Prospect(precision, standing, why, copy, wanted, others)


def _judged(copy: Conversion, least: Decimal, *, named: bool, others: bool) -> tuple[Standing, str]:
    name = copy_name(copy.precision)
    if copy.refusal is not None:
        return Standing.REJECTED, f"{name} rejected: {copy.refusal}"
    if lacks := _lacks(copy):
        return Standing.UNCHECKED, f"{name} not used: its row has no {lacks}"
    if not _agrees(copy, least):
        low = f"agreement {copy.agreement} < {least}{_in_batches(copy)}"
        return Standing.REJECTED, f"{name} rejected: {low}"
    told = agreement_words(copy, others=others)
    if not named and (others or not _on_real_rows(copy)):
        return Standing.UNCHECKED, f"{name} not used: {told}"
    return Standing.USABLE, f"{name}: {told}"


def _lacks(copy: Conversion) -> str | None:
    """What a row does not have without which no pod can make the copy again; None: nothing."""
    if copy.digest is None or copy.agreement is None or not copy.files:
        return "digest, files or agreement"
    if copy.method not in [one for one in Method if one.precision is copy.precision]:
        return f"method that makes {copy_name(copy.precision)}"
    if copy.method == Method.INT8_STATIC and (copy.ranges is None or copy.samples_digest is None):
        return "ranges of activations, or samples that gave them"
    return None


def agreement_words(copy: Conversion, *, others: bool = False) -> str:
    """How far a copy agrees with FP32, and on what; `others`: not on this service's samples."""
    rows = copy.rows or 0
    told = f"agreement {copy.agreement} on {rows} row{'' if rows == 1 else 's'}"
    told += _in_batches(copy)
    if copy.samples_digest is None:
        return f"{told}, smoke test only: made-up inputs"
    if others:
        return f"{told}, smoke test only: compared on other samples than this service's"
    if rows < LEAST_ROWS:
        return f"{told}, smoke test only: fewer than {LEAST_ROWS}"
    return f"{told} of samples"


def _in_batches(copy: Conversion) -> str:
    return "" if copy.batch_size is None else f" in batches of {copy.batch_size}"


def _no_copy(
    precision: Precision, rows: Sequence[Conversion], tool_versions: Mapping[str, str]
) -> str:
    name = copy_name(precision)
    if not rows:
        return f"{name}: not known yet"
    theirs = max(rows, key=lambda row: row.time).tool_versions
    changed = [
        f"{tool} {theirs.get(tool, 'unknown')}, here {tool_versions.get(tool, 'unknown')}"
        for tool in sorted({*theirs, *tool_versions})
        if theirs.get(tool) != tool_versions.get(tool)
    ]
    return f"{name} not used: its copy was made with other tools ({'; '.join(changed)})"


def _counting(
    rows: Sequence[Conversion], least: Decimal, samples: Samples | None
) -> Conversion | None:
    """The row that counts: of each method the newest, on this service's samples if there is one,
    else on other real ones. Of those, too, what real samples say before all else, and then one that
    is accepted."""

    def realness(row: Conversion) -> tuple[bool, bool]:
        real = row.samples_digest is not None
        return real and not of_other_samples(row, samples), real

    newest: dict[str | None, Conversion] = {}
    for row in sorted(rows, key=lambda row: (realness(row), _age(row))):
        newest[row.method] = row
    return max(
        newest.values(),
        key=lambda row: (realness(row), _accepted(row, least), _age(row)),
        default=None,
    )


def _age(row: Conversion) -> tuple[str, str]:
    return row.time, row.digest or ""


def _accepted(row: Conversion, least: Decimal) -> bool:
    return row.refusal is None and _lacks(row) is None and _agrees(row, least)


def _agrees(row: Conversion, least: Decimal) -> bool:
    return row.agreement is not None and Decimal(row.agreement) >= least


def _on_real_rows(row: Conversion) -> bool:
    return row.samples_digest is not None and (row.rows or 0) >= LEAST_ROWS
