"""Ranges as a text: rounded up, by little, and by the names' order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triton_operator.model.conversion.activation_ranges import decoded, encoded
from triton_operator.model.errors import WorkFailed

MAGNITUDES = st.floats(min_value=2.0**-120, max_value=2.0**120, width=32)


@given(st.dictionaries(st.text(max_size=8), MAGNITUDES, max_size=20))
def test_a_range_is_never_less_and_hardly_more(magnitudes: dict[str, float]) -> None:
    """Nothing that was seen is cut off."""
    found = decoded(encoded(magnitudes), magnitudes)

    assert set(found) == set(magnitudes)
    for name, size in magnitudes.items():
        assert size <= found[name] <= size * (1 + 2**-7)


@pytest.mark.parametrize("size", [0.0, 1.0, 2.5, float("inf")])
def test_numbers_with_few_bits_stay(size: float) -> None:
    assert decoded(encoded({"a": size}), ["a"]) == {"a": size}


def test_the_last_bit_makes_no_difference() -> None:
    """That is what another processor changes; but for numbers at the edge."""
    size = np.float32(1.2345678)
    above, below = np.nextafter(size, np.float32(2)), np.nextafter(size, np.float32(0))

    assert len({encoded({"a": float(one)}) for one in (below, size, above)}) == 1


@pytest.mark.parametrize("text", ["QAA", "ü", "QAA=QAA=", "QA==", "QABAAA=="])
def test_what_is_no_text_of_this_model(text: str) -> None:
    with pytest.raises(WorkFailed, match="InvalidArguments"):
        decoded(text, ["a"])
