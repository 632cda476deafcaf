"""Values of the core (frozen dataclasses of numbers, words and tuples) as JSON, and back again.

The way back is strict and needs no code per class: type hints say what may be where. NaN and the
infinities, which JSON does not have, are the words "NaN", "Infinity" and "-Infinity".
"""

from __future__ import annotations

import json
import math
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import StrEnum
from functools import cache
from numbers import Integral
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")
MOST_FLOAT = 1e12
MOST_INTEGER = 2**31
"""Beyond these no number here means anything, and arithmetic on it may never end."""
_WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_Reader = Callable[[Any, str], Any]


class UnreadableValue(ValueError):
    """Not what should be there; the text says where, what was wanted, and what was found."""


def encoded(value: Any) -> str:
    """One line of JSON. Fields that are None are left out."""
    try:
        return _ENCODER.encode(value)
    except ValueError:
        # A number that JSON does not have: rare, so only then is every value looked at.
        return _ENCODER.encode(_spelled(value))


def decoded(kind: type[T], text: str, place: str = "") -> T:
    """The value of that class in a line of `encoded`.

    Raises:
        UnreadableValue: it is none.
    """
    return reading(kind, parsed(text), place)


def parsed(text: str) -> Any:
    """The JSON in a text.

    Raises:
        UnreadableValue: there is none, or it is nested too deeply.
    """
    try:
        return json.loads(text, parse_constant=_no_constant)
    except RecursionError as error:
        raise UnreadableValue("nested too deeply") from error
    except ValueError as error:
        raise UnreadableValue(f"no JSON: {error}") from error


def reading(kind: type[T], value: Any, place: str) -> T:
    """The value of that class that some JSON stands for; `place` begins what errors say.

    Raises:
        UnreadableValue: it is none.
    """
    return cast(T, _reader(cast(Any, kind))(value, place))


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        pairs = ((name, getattr(value, name)) for name in _names(cast(Any, type(value))))
        return {name: one for name, one in pairs if one is not None}
    if isinstance(value, Integral):
        return int(value)  # numpy's
    raise TypeError(f"{type(value).__name__} is no plain value")


_ENCODER = json.JSONEncoder(
    separators=(",", ":"), allow_nan=False, check_circular=False, default=_plain
)


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(one.name for one in fields(kind))


def _spelled(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {name: _spelled(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_spelled(one) for one in value]
    return _spelled(_plain(value)) if is_dataclass(value) else value


def _no_constant(word: str) -> Any:
    raise ValueError(f'{word} is none; write "{word}"')


@cache
def _reader(hint: Any) -> _Reader:
    """What reads a value of that type."""
    if hint in _SIMPLE:
        return _SIMPLE[hint]
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        (kind,) = (one for one in inner if one is not types.NoneType)
        read = _reader(kind)
        return lambda value, place: None if value is None else read(value, place)
    if origin is tuple:
        return _rows(inner[0]) if inner[-1] is Ellipsis else _row(inner)
    if origin is dict:
        return _numbers(inner[1])
    if is_dataclass(hint):
        return _object(cast(type, hint))
    if issubclass(hint, StrEnum):
        return _word(hint)
    raise TypeError(f"{hint} is no plain type")


def _wrong(place: str, wanted: str, value: Any) -> UnreadableValue:
    found = repr(value) if isinstance(value, int | float | str | None) else type(value).__name__
    return UnreadableValue(f"{place}: {wanted} is wanted, not {found[:60]}")


def _float(value: Any, place: str) -> float:
    if isinstance(value, str) and value in _WORDS:
        return _WORDS[value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(place, "a number", value)
    if not -MOST_FLOAT <= value <= MOST_FLOAT:
        raise UnreadableValue(f"{place}: a number beyond {MOST_FLOAT:g}")
    return float(value)


def _integer(value: Any, place: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(place, "a whole number", value)
    if not -MOST_INTEGER <= value <= MOST_INTEGER:
        raise UnreadableValue(f"{place}: a whole number beyond {MOST_INTEGER}")
    return value


def _exactly(kind: type, wanted: str) -> _Reader:
    def read(value: Any, place: str) -> Any:
        if not isinstance(value, kind):
            raise _wrong(place, wanted, value)
        return value

    return read


_SIMPLE: dict[Any, _Reader] = {
    float: _float,
    int: _integer,
    bool: _exactly(bool, "true or false"),
    str: _exactly(str, "a text"),
}


def _word(kind: type[StrEnum]) -> _Reader:
    def read(value: Any, place: str) -> StrEnum:
        try:
            return kind(value)
        except ValueError:
            raise _wrong(place, f"one of {', '.join(kind)}", value) from None

    return read


def _rows(hint: Any) -> _Reader:
    read = _reader(hint)

    def rows(value: Any, place: str) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise _wrong(place, "a list", value)
        return tuple(read(one, f"{place}[{number}]") for number, one in enumerate(value))

    return rows


def _row(hints: tuple[Any, ...]) -> _Reader:
    readers = [_reader(hint) for hint in hints]

    def row(value: Any, place: str) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) != len(readers):
            raise _wrong(place, f"a list of {len(readers)}", value)
        return tuple(
            read(one, f"{place}[{number}]")
            for number, (read, one) in enumerate(zip(readers, value, strict=True))
        )

    return row


def _numbers(hint: Any) -> _Reader:
    read = _reader(hint)

    def numbers(value: Any, place: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _wrong(place, "an object", value)
        return {name: read(one, f"{place}.{name[:60]}") for name, one in value.items()}

    return numbers


def _object(kind: type) -> _Reader:
    hints = get_type_hints(kind)
    every = {one.name: (one, _reader(hints[one.name])) for one in fields(kind)}

    def read(value: Any, place: str) -> Any:
        if not isinstance(value, dict):
            raise _wrong(place, "an object", value)
        prefix = f"{place}." if place else ""
        if unknown := value.keys() - every.keys():
            raise UnreadableValue(
                f"{prefix}{min(unknown)[:60]}: no such field; a newer operator may have written it"
            )
        found = {}
        for name, (one, read_one) in every.items():
            if name in value:
                found[name] = read_one(value[name], f"{prefix}{name}")
            elif types.NoneType in get_args(hints[name]):
                found[name] = None
            elif _is_needed(one):
                raise UnreadableValue(f"{prefix}{name}: missing")
        return kind(**found)

    return read


def _is_needed(one: Field[Any]) -> bool:
    return one.default is MISSING and one.default_factory is MISSING
