"""Queries whose values may be any text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triton_operator.autoscaling.promql import any_of, literal, selector


@pytest.mark.parametrize(
    ("patterns", "equal", "expected"),
    [
        ({}, {}, "{}"),
        ({"model": "a|b"}, {"cluster": "x"}, '{model=~"a|b",cluster="x"}'),
        ({"model": literal("v1.2")}, {}, r'{model=~"v1\\.2"}'),
        ({}, {"cluster": 'a"} or up{b="'}, r'{cluster="a\"} or up{b=\""}'),
        ({}, {"cluster": "a\nb\\"}, r'{cluster="a\nb\\"}'),
    ],
)
def test_values_stay_values(patterns: dict[str, str], equal: dict[str, str], expected: str) -> None:
    assert selector(patterns, equal) == expected


@pytest.mark.parametrize("name", ["", "a b", 'a="b",c', "1a", "é"])
def test_what_cannot_be_a_label_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="label"):
        selector({}, {name: "x"})


@given(st.lists(st.text(), min_size=1), st.text())
def test_a_regular_expression_of_texts_matches_these_and_no_others(
    texts: list[str], other: str
) -> None:
    pattern = re.compile(any_of(texts))

    assert all(pattern.fullmatch(text) for text in texts)
    assert bool(pattern.fullmatch(other)) == (other in texts)
