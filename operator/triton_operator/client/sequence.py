"""Requests whose model keeps a state between them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

import numpy.typing as npt

from triton_operator.client.answer import Answer
from triton_operator.client.endpoints import Endpoint
from triton_operator.client.request import SequencePart

Ask = Callable[..., tuple[Answer, Endpoint]]


class SequenceOfRequests:
    """Made by `FleetClient.sequence`. One request at a time: they have an order.

    The first one goes wherever it is served, and all others to the same endpoint, whatever becomes
    of the list. After an error the state elsewhere is not known, so that it is over.
    """

    def __init__(self, ask: Ask, model: str, sequence_id: int | str, local_only: bool) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._endpoint: Endpoint | None = None
        self._over = False
        self.model = model
        self.sequence_id = sequence_id
        self.local_only = local_only

    def infer(
        self,
        inputs: Mapping[str, npt.ArrayLike],
        *,
        deadline_seconds: float,
        end: bool = False,
        outputs: Sequence[str] = (),
    ) -> Answer:
        """The next request; `end`: there is none after it.

        Raises:
            SequenceLost: the endpoint that has the state did not answer.
            RuntimeError: it is over, by its end or by an error.
            FleetError: as `FleetClient.infer`.
        """
        with self._lock:
            if self._over:
                raise RuntimeError(f"sequence {self.sequence_id} is over")
            self._over = True  # unless it is answered
            answer, self._endpoint = self._ask(
                self.model,
                inputs,
                deadline_seconds=deadline_seconds,
                local_only=self.local_only,
                outputs=outputs,
                sequence=SequencePart(self.sequence_id, self._endpoint is None, end),
                begun_at=self._endpoint,
            )
            self._over = end
            return answer
