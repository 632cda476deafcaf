"""Datatypes: the names of the v2 protocol, those of config.pbtxt, and the sizes of a value."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeVar

Value = TypeVar("Value")

STRING = "BYTES"
"""Strings have no fixed size: the v2 protocol calls them BYTES, config.pbtxt TYPE_STRING."""

_SIZES = {
    "BOOL": 1,
    "UINT8": 1,
    "UINT16": 2,
    "UINT32": 4,
    "UINT64": 8,
    "INT8": 1,
    "INT16": 2,
    "INT32": 4,
    "INT64": 8,
    "FP16": 2,
    "FP32": 4,
    "FP64": 8,
    "BF16": 2,
}

CONFIG_TYPES: Mapping[str, str] = MappingProxyType(
    {**{name: f"TYPE_{name}" for name in _SIZES}, STRING: "TYPE_STRING"}
)
"""Name in the v2 protocol → name in config.pbtxt."""

_V2_NAMES = {config: v2 for v2, config in CONFIG_TYPES.items()}


class UnknownDatatype(ValueError):
    """A type that Triton does not serve; the text lists those it does."""


def config_type(datatype: str) -> str:
    """`TYPE_…` of config.pbtxt for a name of the v2 protocol.

    Raises:
        UnknownDatatype: Triton has no such type.
    """
    return _found(CONFIG_TYPES, datatype)


def v2_name(config_type: str) -> str:
    """Name in the v2 protocol for a `TYPE_…` of config.pbtxt.

    Raises:
        UnknownDatatype: Triton has no such type.
    """
    return _found(_V2_NAMES, config_type)


def size_of(datatype: str) -> int:
    """Bytes of one value.

    Raises:
        UnknownDatatype: Triton has no such type, or its values have no fixed size (BYTES).
    """
    return _found(_SIZES, datatype)


def _found(table: Mapping[str, Value], name: str) -> Value:
    if name not in table:
        raise UnknownDatatype(f'"{name}" is not one of {", ".join(table)}')
    return table[name]
