"""States of a log's chunks in little room: each holds most of what the one before it holds.

A state is an hour of pieces of time, 16 KB compressed; a quarter of an hour later three quarters of
it are the same, moved. Each field is compressed with the same field of the state before as its
dictionary; all fields together would not fit into zlib's window of 32 KiB.
"""

from __future__ import annotations

import zlib
from dataclasses import fields

from triton_operator.autoscaling.state import ScalingState
from triton_operator.planning.plain_values import encoded

Texts = tuple[bytes, ...]
"""The JSON of each field, in the order of the class."""
_NAMES = tuple(one.name for one in fields(ScalingState))
WINDOW_BYTES = 32768


def texts_of(state: ScalingState) -> Texts:
    """The fields as they are written."""
    return tuple(encoded(getattr(state, name)).encode() for name in _NAMES)


def joined(texts: Texts) -> str:
    """The state's JSON, without what is None."""
    pairs = zip(_NAMES, texts, strict=True)
    parts = (f'"{name}":{text.decode()}' for name, text in pairs if text != b"null")
    return "{" + ",".join(parts) + "}"


def packed(texts: Texts, before: Texts | None) -> tuple[bytes, ...]:
    """Compressed; `before` is needed to unpack it again."""
    return tuple(
        packed_with(text, dictionary)
        for text, dictionary in zip(texts, before or (b"",) * len(texts), strict=True)
    )


def unpacked(parts: tuple[bytes, ...], before: Texts | None) -> Texts:
    """What was packed, with the same `before`."""
    return tuple(
        unpacked_with(part, dictionary)
        for part, dictionary in zip(parts, before or (b"",) * len(parts), strict=True)
    )


def packed_with(text: bytes, dictionary: bytes) -> bytes:
    """Compressed with a dictionary; empty: without."""
    dictionary = dictionary[-WINDOW_BYTES:]
    packer = zlib.compressobj(zdict=dictionary) if dictionary else zlib.compressobj()
    return packer.compress(text) + packer.flush()


def unpacked_with(packed_text: bytes, dictionary: bytes) -> bytes:
    """What was compressed with the same dictionary."""
    dictionary = dictionary[-WINDOW_BYTES:]
    unpacker = zlib.decompressobj(zdict=dictionary) if dictionary else zlib.decompressobj()
    return unpacker.decompress(packed_text) + unpacker.flush()
