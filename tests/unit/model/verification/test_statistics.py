"""The numbers of a comparison, on arrays small enough to do in one's head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from triton_operator.model.sample_rows import Array
from triton_operator.model.verification.statistics import (
    CLASSES_BOUND,
    ROW_BOUND,
    Agreement,
    agreement,
    is_classes,
    row_difference,
)

NAN, INF = float("nan"), float("inf")


def rows(*values: Any, dtype: str = "f4") -> list[Array]:
    return [np.array([value], dtype) for value in values]


def compared(reference: Sequence[Array], converted: Sequence[Array]) -> Agreement:
    return agreement([row_difference(a, b) for a, b in zip(reference, converted, strict=True)])


def test_equal_rows_agree() -> None:
    same = rows([1, 2, 3], [4, 5, 6])

    found = compared(same, same)

    assert list(found.rows_agree) == [True, True]
    assert (found.max_abs, found.relative_l2, found.new_non_finite) == (0.0, 0.0, 0)
    assert found.cosine == pytest.approx(1)
    assert found.top1 is None


def test_distances_are_over_all_rows() -> None:
    found = compared(rows([3, 0], [0, 4]), rows([3, 1], [0, 4]))

    assert found.max_abs == 1
    assert found.relative_l2 == pytest.approx(1 / 5)
    assert found.cosine == pytest.approx(25 / (5 * 26**0.5))


@pytest.mark.parametrize(("change", "agrees"), [(0.99, True), (1.01, False)])
def test_a_row_of_values_agrees_within_the_bound(change: float, agrees: bool) -> None:
    found = compared(rows([3, 4]), rows([3 + change * ROW_BOUND * 5, 4], dtype="f8"))

    assert list(found.rows_agree) == [agrees]


def test_one_bad_row_does_not_hide_among_good_ones() -> None:
    good = [[100.0, 100.0]] * 9

    found = compared(rows(*good, [1, 0]), rows(*good, [0, 1]))

    assert list(found.rows_agree) == [True] * 9 + [False]


def test_classes_agree_by_the_largest() -> None:
    reference = rows([0, 1, 2, 3, 9], [9, 1, 2, 3, 4])
    converted = rows([0, 1, 2, 3, 8], [8, 1, 2, 3, 8.5])

    found = compared(reference, converted)

    assert found.top1 == 0.5
    assert found.top5 == 1.0
    assert list(found.rows_agree) == [True, False]


def test_top_five_has_the_largest_of_the_reference_among_five() -> None:
    reference = rows([9, 1, 2, 3, 4, 5, 6])
    sixth = rows([1.5, 1, 2, 3, 4, 5, 6])
    fifth = rows([2.5, 1, 2, 3, 4, 5, 6])

    assert compared(reference, sixth).top5 == 0.0
    assert compared(reference, fifth).top5 == 1.0
    assert compared(reference, fifth).top1 == 0.0


def test_a_row_of_classes_that_is_far_off_does_not_agree_by_chance() -> None:
    reference = rows([0, 0, 0, 0, 1])

    assert compared(reference, rows([0, 0, 0, 0, 1 + 0.9 * CLASSES_BOUND])).rows_agree == [True]
    found = compared(reference, rows([0, 0, 0, 0, 1 + 1.1 * CLASSES_BOUND]))
    assert found.top1 == 1.0
    assert found.rows_agree == [False]


CLASSES: list[tuple[str, Sequence[Array], bool]] = [
    ("five columns", rows([1, 2, 3, 4, 5]), True),
    ("four columns", rows([1, 2, 3, 4]), False),
    ("integers", rows([1, 2, 3, 4, 5], dtype="i8"), False),
    ("rank 3", [np.zeros((1, 6, 6), "f4")], False),
    ("no batch axis", [np.zeros(6, "f4")], False),
    ("rows that differ in length", [np.zeros((1, 6), "f4"), np.zeros((1, 7), "f4")], False),
    ("several rows at once", [np.zeros((3, 6), "f4")], False),
]


@pytest.mark.parametrize(
    ("reference", "expected"), [row[1:] for row in CLASSES], ids=[row[0] for row in CLASSES]
)
def test_what_looks_like_classes(reference: Sequence[Array], expected: bool) -> None:
    assert is_classes([row_difference(row, row) for row in reference]) is expected


def test_new_infinities_and_nans_are_counted() -> None:
    found = compared(rows([1, NAN, INF, 4]), rows([INF, NAN, NAN, 4]))

    assert found.new_non_finite == 1, "only where the reference is finite"
    assert (found.nan_reference, found.nan_converted) == (1, 2)
    assert (found.infinite_reference, found.infinite_converted) == (1, 1)
    assert found.rows_agree == [False]


def test_the_same_infinities_and_nans_agree() -> None:
    same = rows([1, NAN, INF, -INF])

    found = compared(same, same)

    assert found.rows_agree == [True]
    assert found.max_abs == 0.0


def test_infinities_of_the_other_sign_do_not_agree() -> None:
    assert compared(rows([1, INF]), rows([1, -INF])).rows_agree == [False]


def test_shapes_that_differ_never_agree() -> None:
    found = compared([np.ones((1, 3), "f4")], [np.ones((1, 2), "f4")])

    assert found.rows_agree == [False]
    assert (found.max_abs, found.relative_l2, found.cosine) == (None, None, None)


def test_integers_and_text_have_to_be_equal() -> None:
    assert compared(
        rows([1, 2], [3, 4], dtype="i8"), rows([1, 2], [3, 5], dtype="i8")
    ).rows_agree == [
        True,
        False,
    ]
    text = compared(rows(["a"], ["b"], dtype="O"), rows(["a"], ["c"], dtype="O"))
    assert text.rows_agree == [True, False]


def test_all_zero_has_no_relative_distance() -> None:
    assert compared(rows([0, 0]), rows([0, 0])).relative_l2 == 0.0
    assert compared(rows([0, 0]), rows([0, 0])).rows_agree == [True]
    found = compared(rows([0, 0]), rows([1, 0]))
    assert (found.relative_l2, found.cosine, found.rows_agree) == (None, None, [False])


ANY_ROWS = st.integers(1, 4).flatmap(
    lambda count: st.tuples(
        *(
            st.lists(
                arrays(np.float32, (1, 6), elements=st.floats(width=32)),
                min_size=count,
                max_size=count,
            )
            for _ in range(2)
        )
    )
)


@given(ANY_ROWS)
def test_any_numbers_at_all(pair: tuple[list[Array], list[Array]]) -> None:
    reference, converted = pair

    found: Agreement = compared(reference, converted)

    assert len(found.rows_agree) == len(reference)
    assert all(compared(reference, reference).rows_agree)
    for number in (found.max_abs, found.relative_l2):
        assert number is None or (number >= 0 and np.isfinite(number))
    for share in (found.top1, found.top5):
        assert share is not None
        assert 0 <= share <= 1
    assert found.top1 is not None
    assert found.top5 is not None
    assert found.top1 <= found.top5
    assert found.cosine is None or -1 <= found.cosine <= 1
