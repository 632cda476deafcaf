"""The last decisions of every service, compressed, in a bounded piece of memory.

A service's log is a row of chunks. Each begins with the state before its first record, so whatever
chunk is the oldest that is left, the log can be replayed from there. A chunk is a row of blocks of
some five lines, each compressed with the line before it as its dictionary: a compressor that stays
open would take 256 KiB per service.
"""

from __future__ import annotations

import zlib
from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from triton_operator.autoscaling.decision_record import DecisionRecord, with_state
from triton_operator.autoscaling.packed_state import (
    Texts,
    joined,
    packed,
    packed_with,
    texts_of,
    unpacked,
    unpacked_with,
)
from triton_operator.autoscaling.state import ScalingState

MOST_BYTES = 64 * 2**20
KEPT_SECONDS = 3600.0
CHUNK_SECONDS = 900.0
LEAST_CHUNKS = 4
"""Into so many parts is a service's share of the memory divided, as only whole chunks go."""
LARGEST_SHARE = 8
"""One service gets an eighth of the memory at most."""
BLOCK_BYTES = 4096
OVERHEAD_BYTES = 64
"""Of a bytes object and its place in a list."""


@dataclass(eq=False)
class _Chunk:
    """Consecutive decisions of one service: `blocks` are compressed, `tail` are lines still to be.

    `state` is packed with that of the service's chunk before, if there is one; `has_state`: it is
    none that the decisions before it led to. `size` in bytes is that of everything in it.
    """

    key: str
    number: int
    began: float
    has_state: bool
    state: tuple[bytes, ...]
    blocks: list[bytes] = field(default_factory=list)
    tail: list[bytes] = field(default_factory=list)
    tail_bytes: int = 0
    dictionary: bytes = b""
    size: int = 0

    @property
    def state_size(self) -> int:
        return sum(len(part) + OVERHEAD_BYTES for part in self.state)

    def add(self, line: bytes) -> None:
        self.tail.append(line)
        self.tail_bytes += len(line)
        self.size += len(line) + OVERHEAD_BYTES
        if self.tail_bytes >= BLOCK_BYTES:
            self.pack()

    def pack(self) -> None:
        """Compress the lines that are not yet."""
        if not self.tail:
            return
        block = packed_with(b"\n".join(self.tail), self.dictionary)
        self.size -= self.tail_bytes + len(self.tail) * OVERHEAD_BYTES + len(self.dictionary)
        self.dictionary = self.tail[-1]
        self.blocks.append(block)
        self.size += len(block) + OVERHEAD_BYTES + len(self.dictionary)
        self.tail, self.tail_bytes = [], 0


class DecisionLog:
    """What was decided on each service within the last hour, as far as `max_bytes` reach for all.

    The oldest chunks of all services go first.
    """

    def __init__(
        self,
        max_bytes: int = MOST_BYTES,
        *,
        kept_seconds: float = KEPT_SECONDS,
        chunk_seconds: float = CHUNK_SECONDS,
    ) -> None:
        self._max_bytes = max_bytes
        self._kept_seconds = kept_seconds
        self._chunk_seconds = chunk_seconds
        self._services: dict[str, deque[_Chunk]] = {}
        self._by_age: OrderedDict[int, _Chunk] = OrderedDict()
        self._after: dict[str, ScalingState | None] = {}
        self._since: dict[str, float] = {}
        self._begun = 0
        self.bytes = 0
        """Memory in use."""

    def __contains__(self, key: str) -> bool:
        return key in self._services

    def append(self, key: str, record: DecisionRecord) -> None:
        """Keep a decision. The record has both states; a state that is not the one that came out of
        the decision before stands in the log.

        Raises:
            ValueError: a record without its states.
        """
        if record.state is None or record.after is None:
            raise ValueError("a decision is kept with the states before and after it")
        chunks = self._services.get(key)
        before = self._after.get(key)
        goes_on = chunks is not None and (record.state is before or record.state == before)
        if chunks is None or not goes_on or self._is_full(chunks[-1], record.time):
            chunk = self._begin(key, record, record.state, has_state=not goes_on)
        else:
            chunk = chunks[-1]
        self.bytes -= chunk.size
        chunk.add(record.body().encode())
        self.bytes += chunk.size
        self._after[key] = record.after
        self._trim(key, record.time)

    def lines(self, key: str) -> Iterator[str]:
        """The records of a service, the oldest first, as they are when the first is asked for; none
        where it is not known."""
        chunks = [
            (chunk.state, chunk.has_state, tuple(chunk.blocks), tuple(chunk.tail))
            for chunk in self._services.get(key, ())
        ]
        began = self._since.get(key, 0.0)
        state: Texts | None = None
        for number, (parts, has_state, blocks, tail) in enumerate(chunks):
            state = unpacked(parts, state)
            lines = _unpacked_lines(blocks, tail)
            if number == 0 or has_state:
                yield with_state(next(lines), joined(state), began)
            yield from lines

    def forget(self, key: str) -> None:
        """A service is gone."""
        for chunk in tuple(self._services.get(key, ())):
            self._drop(chunk)

    def _begin(
        self, key: str, record: DecisionRecord, state: ScalingState, *, has_state: bool
    ) -> _Chunk:
        chunks = self._services.setdefault(key, deque())
        self._since.setdefault(key, record.time)
        if chunks:
            last = chunks[-1]
            self.bytes -= last.size
            last.pack()
            last.size -= len(last.dictionary)
            last.dictionary = b""
            self.bytes += last.size
        before: Texts | None = None
        for one in chunks:
            before = unpacked(one.state, before)
        self._begun += 1
        parts = packed(texts_of(state), before)
        chunk = _Chunk(key, self._begun, record.time, has_state, parts)
        chunk.size = chunk.state_size + 8 * OVERHEAD_BYTES
        chunks.append(chunk)
        self._by_age[chunk.number] = chunk
        self.bytes += chunk.size
        return chunk

    def _is_full(self, chunk: _Chunk, now: float) -> bool:
        # Not all services at the same second: states are long.
        spread = 0.75 + 0.25 * zlib.crc32(chunk.key.encode()) / 2**32
        if now - chunk.began >= self._chunk_seconds * spread:
            return True
        share = min(self._max_bytes / len(self._services), self._max_bytes / LARGEST_SHARE)
        # In a chunk that is mostly state, little would be kept.
        return chunk.size >= max(share / LEAST_CHUNKS, 2 * chunk.state_size)

    def _trim(self, key: str, now: float) -> None:
        chunks = self._services[key]
        while len(chunks) > 1 and (
            now - chunks[1].began >= self._kept_seconds
            or sum(chunk.size for chunk in chunks) > self._max_bytes / LARGEST_SHARE
        ):
            self._drop(chunks[0])
        while self.bytes > self._max_bytes:
            self._drop(next(iter(self._by_age.values())))

    def _drop(self, chunk: _Chunk) -> None:
        """The oldest chunk of its service."""
        chunks = self._services[chunk.key]
        chunks.popleft()
        del self._by_age[chunk.number]
        self.bytes -= chunk.size
        if not chunks:
            del self._services[chunk.key]
            del self._after[chunk.key], self._since[chunk.key]
            return
        # The next one stands alone from now on.
        oldest = chunks[0]
        texts = unpacked(oldest.state, unpacked(chunk.state, None))
        change = -oldest.state_size
        oldest.state = packed(texts, None)
        change += oldest.state_size
        oldest.size += change
        self.bytes += change


def _unpacked_lines(blocks: tuple[bytes, ...], tail: tuple[bytes, ...]) -> Iterator[str]:
    dictionary = b""
    for block in blocks:
        lines = unpacked_with(block, dictionary).split(b"\n")
        dictionary = lines[-1]
        for line in lines:
            yield line.decode()
    for line in tail:
        yield line.decode()
