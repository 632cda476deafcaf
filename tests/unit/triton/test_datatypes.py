"""Three vocabularies for one type."""

import pytest

from triton_operator.triton.datatypes import (
    CONFIG_TYPES,
    UnknownDatatype,
    config_type,
    size_of,
    v2_name,
)
from triton_operator.triton.model_config_schema import schema


def test_every_type_of_config_pbtxt_has_a_v2_name_and_back() -> None:
    of_triton = set(schema().DataType.keys()) - {"TYPE_INVALID"}

    assert set(CONFIG_TYPES.values()) == of_triton
    assert {config_type(v2_name(name)) for name in of_triton} == of_triton


def test_strings_change_their_name() -> None:
    assert config_type("BYTES") == "TYPE_STRING"
    assert v2_name("TYPE_STRING") == "BYTES"


@pytest.mark.parametrize(
    ("datatype", "size"),
    [("BOOL", 1), ("INT8", 1), ("UINT16", 2), ("FP16", 2), ("BF16", 2), ("FP32", 4), ("INT64", 8)],
)
def test_sizes(datatype: str, size: int) -> None:
    assert size_of(datatype) == size


def test_strings_have_no_size() -> None:
    with pytest.raises(UnknownDatatype, match="BYTES"):
        size_of("BYTES")


@pytest.mark.parametrize("name", ["COMPLEX64", "float32", "TYPE_FP32", ""])
def test_unknown_type_is_answered_with_the_known_ones(name: str) -> None:
    with pytest.raises(UnknownDatatype, match=r"is not one of .*FP32"):
        config_type(name)
