"""The client: endpoints from a file or from values, and requests that fall back among them."""

from __future__ import annotations

import random
import secrets
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt

from triton_operator.client.answer import Answer
from triton_operator.client.breaker import BreakerState
from triton_operator.client.budget import LEAST_SECONDS
from triton_operator.client.counters import Counters, Counts
from triton_operator.client.endpoint_file import EndpointFile
from triton_operator.client.endpoints import Endpoint, endpoints_of
from triton_operator.client.errors import BadInput
from triton_operator.client.fallback import Fallback, Served
from triton_operator.client.memory import Memory
from triton_operator.client.outcome import Reply
from triton_operator.client.request import Request, SequencePart, tensors, wanted
from triton_operator.client.sequence import SequenceOfRequests
from triton_operator.client.tls import Tls
from triton_operator.client.transports import Transports

LONGEST_SECONDS = 3600.0


class FleetClient:
    """Asks the first endpoint, and the next one while there is still time for it.

    `endpoints`: a file such as a mounted ConfigMap `<service>-endpoints`, which is read again when
    it changes, or the values themselves. Threads may share a client; processes may not.

    Raises:
        BadEndpoints: when it is made. A file that is wrong later is reported by `problem`.
        OSError: a file of `tls` cannot be read.
    """

    def __init__(
        self,
        endpoints: str | Path | Iterable[Endpoint | Mapping[str, Any]],
        *,
        tls: Tls | None = None,
    ) -> None:
        self._lock = threading.Lock()
        self._file: EndpointFile | None = None
        if isinstance(endpoints, str | Path):
            self._file = EndpointFile(Path(endpoints), time.monotonic)
            self._endpoints = self._file.endpoints
        else:
            self._endpoints = endpoints_of(endpoints)
        # Not shared with the application, which may seed its own.
        chance = random.SystemRandom().random
        self._memory = Memory(chance)
        self._counters = Counters()
        self._fallback = Fallback(self._memory, self._counters, time.monotonic, chance)
        if tls is not None:
            tls.context()  # so that a file that is missing is known now
        self._transports = Transports(tls or Tls())

    def __enter__(self) -> FleetClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; those that are in use when they are not any more."""
        self._transports.keep(())

    def infer(
        self,
        model: str,
        inputs: Mapping[str, npt.ArrayLike],
        *,
        deadline_seconds: float,
        local_only: bool = False,
        outputs: Sequence[str] = (),
        version: str = "",
        request_id: str = "",
    ) -> Answer:
        """The first answer within the deadline.

        `local_only`: the data must not leave; only endpoints with `local: true` are asked.
        `outputs`: the names that are wanted; none: all.

        Raises:
            RequestRefused: the request itself is wrong, as Triton says; nobody else was asked.
            NotServed: nobody answered in time.
            NotServedLocally: that, of a request that must stay.
            BadInput: a tensor or an argument that cannot be sent.
        """
        answer, _ = self._ask(
            model,
            inputs,
            deadline_seconds=deadline_seconds,
            local_only=local_only,
            outputs=outputs,
            version=version,
            request_id=request_id,
        )
        return answer

    def sequence(
        self, model: str, *, sequence_id: int | str | None = None, local_only: bool = False
    ) -> SequenceOfRequests:
        """Requests for a model that keeps a state. Without an id it gets one that nobody has."""
        if sequence_id is None:
            sequence_id = 1 + secrets.randbits(62)
        if not sequence_id:
            raise BadInput("sequence_id: 0 and '' mean that a request is in no sequence")
        return SequenceOfRequests(self._ask, model, sequence_id, local_only)

    def counts(self) -> Counts:
        """What became of requests, by cluster and outcome."""
        return self._counters.snapshot()

    def breakers(self) -> dict[tuple[str, str], BreakerState]:
        """By cluster and url: who is asked, and who only if nobody else answers."""
        now = time.monotonic()
        return {(one.cluster, one.url): self._memory.state(one, now) for one in self._current()}

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Those that are asked now."""
        return self._current()

    @property
    def problem(self) -> str:
        """What is wrong with the file since it was last good; empty: nothing."""
        self._current()
        return self._file.problem if self._file else ""

    def _current(self) -> tuple[Endpoint, ...]:
        if self._file is None:
            return self._endpoints
        with self._lock:
            if self._file.look():
                self._endpoints = self._file.endpoints
                self._memory.keep(self._endpoints)
                self._transports.keep(self._endpoints)
            return self._endpoints

    def _ask(
        self,
        model: str,
        inputs: Mapping[str, npt.ArrayLike],
        *,
        deadline_seconds: float,
        local_only: bool,
        outputs: Sequence[str] = (),
        version: str = "",
        request_id: str = "",
        sequence: SequencePart | None = None,
        begun_at: Endpoint | None = None,
    ) -> tuple[Answer, Endpoint]:
        until = time.monotonic() + _bounded(deadline_seconds)
        request = Request(model, tensors(inputs), wanted(outputs), version, request_id, sequence)
        endpoints = self._current()

        def send(endpoint: Endpoint, seconds: float) -> Reply:
            return self._transports.of(endpoint).send(request, seconds)

        if sequence is None or begun_at is None:
            served = self._fallback.serve(
                endpoints, model, send, until=until, local_only=local_only
            )
        else:
            # As the list has it now, if it still does: whether it is local may have changed.
            same = next((one for one in endpoints if one.key == begun_at.key), begun_at)
            served = self._fallback.go_on(
                same, model, send, until=until, local_only=local_only, sequence=sequence.sequence_id
            )
        return _answer(served), served.endpoint


def _bounded(deadline_seconds: float) -> float:
    if not LEAST_SECONDS <= deadline_seconds <= LONGEST_SECONDS:  # false for NaN too
        raise BadInput(
            f"deadline_seconds: {deadline_seconds} is not from {LEAST_SECONDS} to {LONGEST_SECONDS}"
        )
    return deadline_seconds


def _answer(served: Served) -> Answer:
    endpoint = served.endpoint
    return Answer(
        served.reply.outputs, endpoint.cluster, endpoint.tier, endpoint.local, served.attempts
    )
