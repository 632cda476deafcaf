"""How two sets of results differ, one output at a time. Pure functions over NumPy arrays.

Results come one row at a time, since rows may differ in shape (boxes that were found, lengths of
texts), and since those of all rows together may not fit into memory. The reference is what the FP32
model gives.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from triton_operator.model.sample_rows import Array

FEWEST_CLASSES = 5
"""With fewer columns a top-5 means nothing, and the output may be a box or a point."""

TOP = 5


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Of each row: does it agree; and the distances, None where they are not defined."""

    rows_agree: Sequence[bool]
    new_non_finite: int
    """Values that are NaN or infinite where the reference is finite."""
    nan_reference: int
    nan_converted: int
    infinite_reference: int
    infinite_converted: int
    max_abs: float | None
    """Largest absolute difference, over values that are finite in both."""
    relative_l2: float | None
    """‖converted - reference‖ / ‖reference‖ over all rows; None if the reference is all zero and
    the other one is not, or shapes differ."""
    cosine: float | None
    """Cosine of the angle between both, over all rows; None if one of them is all zero."""
    top1: float | None
    """Share of rows with the same largest class; None if the output does not look like classes."""
    top5: float | None
    """Share of rows whose largest class of the reference is among the five of the converted."""


ROW_BOUND = 0.05
"""Most relative L2 of a row of values. Sound INT8 measured 0.015 to 0.03, FP16 0.0004."""

CLASSES_BOUND = 0.5
"""Most relative L2 of a row of classes. Far above sound conversions, whose differences in a row of
probabilities can be large; it catches a row that keeps its largest class by chance."""


@dataclass(frozen=True, kw_only=True)
class RowDifference:
    """One row of one output, reduced to numbers; distances are over values finite in both."""

    shape: tuple[int, ...]
    """Of the reference."""
    is_float: bool
    same_shape: bool
    same: bool
    """Floats: NaN and infinities are the same and in the same places. Others: all is equal."""
    new_non_finite: int = 0
    nan: tuple[int, int] = (0, 0)
    """In the reference, in the converted."""
    infinite: tuple[int, int] = (0, 0)
    distance: float = 0.0
    norm: float = 0.0
    converted_norm: float = 0.0
    product: float = 0.0
    max_abs: float = 0.0
    first: bool = False
    """Whether the largest value is in the same place."""
    in_five: bool = False


def row_difference(reference: Array, converted: Array) -> RowDifference:
    """Compare one row. Differing shapes never agree."""
    is_float = reference.dtype.kind == "f" == converted.dtype.kind
    shape, same_shape = reference.shape, reference.shape == converted.shape
    if not is_float:
        same = np.array_equal(reference, converted)
        return RowDifference(shape=shape, is_float=False, same_shape=same_shape, same=same)
    nan = (int(np.isnan(reference).sum()), int(np.isnan(converted).sum()))
    infinite = (int(np.isinf(reference).sum()), int(np.isinf(converted).sum()))
    if not same_shape:
        return RowDifference(
            shape=shape, is_float=True, same_shape=False, same=False, nan=nan, infinite=infinite
        )
    a, b = reference.astype(np.float64).ravel(), converted.astype(np.float64).ravel()
    usable = np.isfinite(a) & np.isfinite(b)
    x, y = a[usable], b[usable]
    first, in_five = _same_class(a, b) if a.size else (True, True)
    return RowDifference(
        shape=shape,
        is_float=True,
        same_shape=True,
        same=np.array_equal(a[~usable], b[~usable], equal_nan=True),
        new_non_finite=int((np.isfinite(a) & ~np.isfinite(b)).sum()),
        nan=nan,
        infinite=infinite,
        distance=float(np.linalg.norm(y - x)),
        norm=float(np.linalg.norm(x)),
        converted_norm=float(np.linalg.norm(y)),
        product=float(x @ y),
        max_abs=float(np.abs(y - x).max(initial=0.0)),
        first=first,
        in_five=in_five,
    )


def is_classes(rows: Iterable[RowDifference]) -> bool:
    """Whether the output looks like scores of classes: floats, `[1, classes]` per row, five or more
    classes, the same number in every row.
    """
    found = {(row.shape, row.is_float) for row in rows}
    if len(found) != 1:
        return False
    shape, is_float = next(iter(found))
    return is_float and len(shape) == 2 and shape[0] == 1 and shape[1] >= FEWEST_CLASSES


def agreement(rows: Sequence[RowDifference]) -> Agreement:
    """The rows of one output together.

    A row agrees
    - of classes: if the largest class is the same, and its relative L2 at most `CLASSES_BOUND`;
    - of other floats: if its relative L2 is at most `ROW_BOUND`;
    - of anything else (integers, booleans, text): if it is equal.

    NaN and infinities have to be in the same places; distances are those of the other values.
    """
    classes = is_classes(rows)
    bound = CLASSES_BOUND if classes else ROW_BOUND
    measured = all(row.is_float and row.same_shape for row in rows)
    norm, converted_norm = (
        float(np.linalg.norm(norms))
        for norms in ([row.norm for row in rows], [row.converted_norm for row in rows])
    )
    distance = float(np.linalg.norm([row.distance for row in rows]))
    product = sum(row.product for row in rows)
    return Agreement(
        rows_agree=[
            row.same
            and row.same_shape
            and row.distance <= bound * row.norm
            and (row.first or not classes)
            for row in rows
        ],
        new_non_finite=sum(row.new_non_finite for row in rows),
        nan_reference=sum(row.nan[0] for row in rows),
        nan_converted=sum(row.nan[1] for row in rows),
        infinite_reference=sum(row.infinite[0] for row in rows),
        infinite_converted=sum(row.infinite[1] for row in rows),
        max_abs=max(row.max_abs for row in rows) if measured else None,
        relative_l2=_ratio(distance, norm) if measured else None,
        cosine=_cosine(product, norm, converted_norm) if measured else None,
        top1=float(np.mean([row.first for row in rows])) if classes else None,
        top5=float(np.mean([row.in_five for row in rows])) if classes else None,
    )


def _same_class(reference: Array, converted: Array) -> tuple[bool, bool]:
    """Of ties the first class counts. NaN is never the largest."""
    a, b = (np.where(np.isnan(values), -np.inf, values) for values in (reference, converted))
    first = int(np.argmax(a))
    five = np.argsort(-b, kind="stable")[:TOP]
    return first == int(np.argmax(b)), first in five


def _ratio(distance: float, norm: float) -> float | None:
    if norm > 0:
        return distance / norm
    return 0.0 if distance == 0 else None


def _cosine(product: float, norm: float, other: float) -> float | None:
    if norm <= 0 or other <= 0:
        return None
    return min(1.0, max(-1.0, product / norm / other))
