"""How two sets of results differ, one output at a time. Pure functions over NumPy arrays.

Results come as one array per row, since rows may differ in shape (boxes that were found, lengths of
texts). The reference is what the FP32 model gives.
"""

from collections.abc import Sequence
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


def is_classes(reference: Sequence[Array]) -> bool:
    """Whether the output looks like scores of classes: floats, `[1, classes]` per row, five or more
    classes, the same number in every row.
    """
    shapes = {array.shape for array in reference}
    if len(shapes) != 1 or any(array.dtype.kind != "f" for array in reference):
        return False
    shape = next(iter(shapes))
    return len(shape) == 2 and shape[0] == 1 and shape[1] >= FEWEST_CLASSES


def compared(reference: Sequence[Array], converted: Sequence[Array]) -> Agreement:
    """Compare the rows of one output.

    A row agrees
    - of classes: if the largest class is the same, and its relative L2 at most `CLASSES_BOUND`;
    - of other floats: if its relative L2 is at most `ROW_BOUND`;
    - of anything else (integers, booleans, text): if it is equal.

    NaN and infinities have to be in the same places; distances are those of the other values.
    Differing shapes never agree.
    """
    if any(array.dtype.kind != "f" for array in [*reference, *converted]):
        same = [np.array_equal(a, b) for a, b in zip(reference, converted, strict=True)]
        return _exact(same)
    classes = is_classes(reference)
    pairs = list(zip(reference, converted, strict=True))
    agree, firsts, fives = [], [], []
    difference = reference_norm = converted_norm = product = largest = 0.0
    shapes_differ = False
    new_non_finite = 0
    for left, right in pairs:
        if left.shape != right.shape:
            agree.append(False)
            firsts.append(False)
            fives.append(False)
            shapes_differ = True
            continue
        a, b = left.astype(np.float64).ravel(), right.astype(np.float64).ravel()
        usable = np.isfinite(a) & np.isfinite(b)
        # Equal infinities and NaN against NaN are the same answer.
        same_rest = np.array_equal(a[~usable], b[~usable], equal_nan=True)
        new_non_finite += int((np.isfinite(a) & ~np.isfinite(b)).sum())
        x, y = a[usable], b[usable]
        distance, norm = float(np.linalg.norm(y - x)), float(np.linalg.norm(x))
        bound = CLASSES_BOUND if classes else ROW_BOUND
        near = same_rest and distance <= bound * norm
        if classes:
            first, five = _same_class(a, b)
            firsts.append(first)
            fives.append(five)
            near = near and first
        agree.append(near)
        difference += distance**2
        reference_norm += norm**2
        converted_norm += float(y @ y)
        product += float(x @ y)
        largest = max(largest, float(np.abs(y - x).max(initial=0.0)))
    return Agreement(
        rows_agree=agree,
        new_non_finite=new_non_finite,
        nan_reference=_count(reference, np.isnan),
        nan_converted=_count(converted, np.isnan),
        infinite_reference=_count(reference, np.isinf),
        infinite_converted=_count(converted, np.isinf),
        max_abs=None if shapes_differ else largest,
        relative_l2=None if shapes_differ else _ratio(difference**0.5, reference_norm**0.5),
        cosine=_cosine(product, reference_norm, converted_norm) if not shapes_differ else None,
        top1=float(np.mean(firsts)) if classes else None,
        top5=float(np.mean(fives)) if classes else None,
    )


def _same_class(reference: Array, converted: Array) -> tuple[bool, bool]:
    """Of ties the first class counts. NaN is never the largest."""
    a, b = (np.where(np.isnan(values), -np.inf, values) for values in (reference, converted))
    first = int(np.argmax(a))
    five = np.argsort(-b, kind="stable")[:TOP]
    return first == int(np.argmax(b)), first in five


def _exact(same: Sequence[bool]) -> Agreement:
    return Agreement(
        rows_agree=list(same),
        new_non_finite=0,
        nan_reference=0,
        nan_converted=0,
        infinite_reference=0,
        infinite_converted=0,
        max_abs=None,
        relative_l2=None,
        cosine=None,
        top1=None,
        top5=None,
    )


def _count(arrays: Sequence[Array], what: np.ufunc) -> int:
    return sum(int(what(array).sum()) for array in arrays)


def _ratio(distance: float, norm: float) -> float | None:
    if norm > 0:
        return distance / norm
    return 0.0 if distance == 0 else None


def _cosine(product: float, left_square: float, right_square: float) -> float | None:
    if left_square <= 0 or right_square <= 0:
        return None
    cosine: float = product / (left_square**0.5 * right_square**0.5)
    return min(1.0, max(-1.0, cosine))
