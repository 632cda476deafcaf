"""How much of this process one API server may take by what it answers.

An answer's length says little: Python needs up to 25 bytes for each byte of JSON. So what counts is
memory, as the text tells it before it is parsed.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from triton_operator.controllers.errors import ApiTooMuch

MEBIBYTE = 2**20
_WIDE = re.compile(rb"\\u(?!00)|[\xc4-\xff]")
"""Characters after U+00FF: one of them makes all of its string take four bytes each."""


@dataclass(frozen=True)
class AnswerBounds:
    """`page_size`: rows that are asked for at once. `pages` and `rows` of one listing; `memory`, in
    bytes, of what is kept of it; `line`: bytes of one event of a watch."""

    page_size: int = 500
    pages: float = math.inf
    rows: float = math.inf
    memory: float = math.inf
    line: int = 16 * MEBIBYTE


UNBOUNDED = AnswerBounds()
"""For the API server that this process serves, and whose word it takes anyway."""


def most_memory(text: bytes) -> int:
    """Bytes that a JSON text takes once it is parsed, or less; counted at the speed of a search.

    Sizes are those of CPython's objects on 64 bits: a dict has 64 bytes, and 120 more with its
    first key; a list 56; a string 41 and its characters; a number up to 32; a place in a list 8,
    in a dict up to 64 when it has just grown.
    """
    width = 4 if _WIDE.search(text) else 1
    return (
        width * len(text)
        + 184 * text.count(b"{")
        + 104 * text.count(b"[")
        + 72 * text.count(b",")
        + 28 * text.count(b'"')
    )


class Tally:
    """What one listing has brought so far; `what` names it in errors."""

    def __init__(self, bounds: AnswerBounds, what: str) -> None:
        self._bounds = bounds
        self._what = what
        self._pages = 0
        self._rows = 0
        self._memory = 0

    def page(self, rows: int) -> None:
        """Another page came.

        Raises:
            ApiTooMuch: it is one too many, or brings too many rows.
        """
        self._pages += 1
        self._rows += rows
        if self._pages > self._bounds.pages:
            raise too_much(f"{self._what}: more than {self._bounds.pages:,} pages")
        if self._rows > self._bounds.rows:
            raise too_much(f"{self._what}: more than {self._bounds.rows:,} rows")

    def keep(self, text: bytes) -> None:
        """This is kept, parsed.

        Raises:
            ApiTooMuch: it does not fit.
        """
        if self._bounds.memory == math.inf:
            return
        self._memory += most_memory(text)
        if self._memory > self._bounds.memory:
            raise too_much(f"{self._what}: more than {_mebibytes(self._bounds)} of memory")

    def keep_value(self, value: Any) -> None:
        """As `keep`, of what was parsed already."""
        if self._bounds.memory != math.inf:
            self.keep(_text_of(value))


class Kept:
    """Memory of objects that are kept, by their places; `what` names them in errors."""

    def __init__(self, bounds: AnswerBounds, what: str) -> None:
        self.bounds = bounds
        self._what = what
        self._sizes: dict[Hashable, int] = {}
        self._memory = 0

    def put(self, place: Hashable, body: dict[str, Any]) -> None:
        """An object takes the place of the one before.

        Raises:
            ApiTooMuch: it does not fit; then it has no place, and the one before keeps it.
        """
        if self.bounds.memory == math.inf:
            return
        size = most_memory(_text_of(body))
        memory = self._memory - self._sizes.get(place, 0) + size
        if memory > self.bounds.memory:
            raise too_much(f"{self._what}: more than {_mebibytes(self.bounds)} of memory")
        self._sizes[place] = size
        self._memory = memory

    def drop(self, place: Hashable) -> None:
        """Nothing is there any more."""
        self._memory -= self._sizes.pop(place, 0)


def too_much(what: str) -> ApiTooMuch:
    """The error of an answer that is not read to its end."""
    return ApiTooMuch(0, "TooMuch", f"{what}, which is all that is taken from this cluster")


def _text_of(value: Any) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="surrogatepass")


def _mebibytes(bounds: AnswerBounds) -> str:
    return f"{bounds.memory / MEBIBYTE:g} MiB"
