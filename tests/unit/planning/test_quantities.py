"""Quantities: read as Kubernetes means them, written as Kubernetes writes them."""

import time
from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triton_operator.planning.quantities import (
    MEBIBYTE,
    cpu_quantity,
    memory_quantity,
    millicores,
    parse_quantity,
    size_bytes,
)

SUFFIXES = ("", "m", "k", "M", "G", "T", "P", "Ki", "Mi", "Gi", "Ti", "Pi")


class Meaning(NamedTuple):
    text: str
    number: str
    why: str


@pytest.mark.parametrize(
    "row",
    [
        Meaning("2", "2", "a plain number"),
        Meaning("500m", "0.5", "thousandths"),
        Meaning("1.5", "1.5", "a decimal fraction"),
        Meaning("3k", "3000", "decimal prefixes count in thousands"),
        Meaning("3Ki", "3072", "binary ones in 1024"),
        Meaning("4Gi", "4294967296", "memory as people write it"),
        Meaning("16393244Ki", "16786681856", "memory as kubelets report it"),
        Meaning("1P", "1000000000000000", "the largest decimal prefix of this API"),
    ],
    ids=lambda row: row.text,
)
def test_meaning(row: Meaning) -> None:
    assert parse_quantity(row.text) == Decimal(row.number), row.why


@pytest.mark.parametrize("text", ["", "Gi", "4gb", "4 Gi", "4GiMi", "half", "1,5", "m500"])
def test_anything_else_is_no_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity such as 500m, 2 or 4Gi"):
        parse_quantity(text)


@pytest.mark.parametrize("read", [parse_quantity, millicores, size_bytes])
def test_a_quantity_is_short(read: Callable[[str], object]) -> None:
    """Whoever may make a pod could have whoever counts it reckon for minutes."""
    read("9" * 32)
    began = time.monotonic()
    with pytest.raises(
        ValueError, match="has 400000 characters; a quantity has 32 at most"
    ) as told:
        read("9" * 400_000)
    assert time.monotonic() - began < 1
    assert len(str(told.value)) < 200


def test_fractions_round_up() -> None:
    assert millicores("0.0001") == 1
    assert size_bytes("100m") == 1
    assert memory_quantity(1) == "1Mi"


def test_written_as_kubernetes_writes_them() -> None:
    assert [cpu_quantity(milli) for milli in (0, 250, 1000, 1500, 4000)] == [
        "0",
        "250m",
        "1",
        "1500m",
        "4",
    ]
    assert memory_quantity(512 * MEBIBYTE) == "512Mi"
    assert memory_quantity(4096 * MEBIBYTE) == "4Gi"
    assert memory_quantity(4097 * MEBIBYTE) == "4097Mi"


@given(st.integers(0, 10**9))
def test_cpu_survives_writing_and_reading(milli: int) -> None:
    assert millicores(cpu_quantity(milli)) == milli


@given(st.integers(0, 2**50))
def test_memory_is_never_written_smaller_and_by_less_than_a_mebibyte_larger(count: int) -> None:
    written = size_bytes(memory_quantity(count))

    assert count <= written < count + MEBIBYTE
    assert memory_quantity(written) == memory_quantity(count)


@given(st.integers(0, 10**6), st.integers(1, 10**6), st.sampled_from(SUFFIXES))
def test_more_is_never_less(number: int, more: int, suffix: str) -> None:
    smaller, larger = f"{number}{suffix}", f"{number + more}{suffix}"

    assert parse_quantity(smaller) < parse_quantity(larger)
    assert millicores(smaller) <= millicores(larger)
    assert size_bytes(smaller) <= size_bytes(larger)


@given(st.decimals(0, 10**6, places=4), st.sampled_from(SUFFIXES))
def test_rounding_up_is_less_than_one_unit(number: Decimal, suffix: str) -> None:
    text = f"{number:f}{suffix}"
    exact = parse_quantity(text)

    assert exact <= size_bytes(text) < exact + 1
    assert exact * 1000 <= millicores(text) < exact * 1000 + 1
