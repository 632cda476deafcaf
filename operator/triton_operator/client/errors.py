"""What a caller may have to catch.

```
FleetError
├── BadEndpoints          a list of endpoints that cannot be used, with the field
├── BadInput              a tensor or an argument that cannot be sent, with its name
├── RequestRefused        an answer that says that the request itself is wrong
├── NotServed             no endpoint served the request in time
│   └── NotServedLocally  the same for one that must stay here; nothing was sent elsewhere
└── SequenceLost          the rest of a sequence has nowhere to go: begin it anew
```
"""

from __future__ import annotations

from collections.abc import Sequence

from triton_operator.client.outcome import Attempt


class FleetError(Exception):
    """All errors of this package."""


class BadEndpoints(FleetError):
    """The list is not one, or a field of it is out of bounds: `endpoints[0].url: must be ...`."""


class BadInput(FleetError):
    """Nothing was sent: `inputs.bytes: dtype complex64 has no counterpart in Triton`."""


class RequestRefused(FleetError):
    """An endpoint's own answer, that any other endpoint would give too.

    Wrong names, shapes or types of tensors, or rights that are missing: Triton's words are in
    `message`, and `status` is as HTTP (`400`) or gRPC (`INVALID_ARGUMENT`) has it.
    """

    def __init__(self, cluster: str, status: str, message: str) -> None:
        super().__init__(f"{cluster} refuses the request: {status}: {message}")
        self.cluster = cluster
        self.status = status
        self.message = message


class NotServed(FleetError):
    """Nobody answered within the deadline. `attempts` says who was asked, and what became of it."""

    def __init__(self, why: str, attempts: Sequence[Attempt]) -> None:
        told = "; ".join(map(str, attempts)) or "nobody was asked"
        super().__init__(f"{why}: {told}")
        self.attempts = tuple(attempts)


class NotServedLocally(NotServed):
    """A request that must stay here found nobody here. What is not local was not asked."""


class SequenceLost(FleetError):
    """The endpoint that has the sequence's state did not answer.

    Whether it has seen the request is not known, and no other endpoint knows what came before, so
    nothing was repeated. `attempt` says what became of it.
    """

    def __init__(self, sequence_id: int | str, attempt: Attempt) -> None:
        super().__init__(f"sequence {sequence_id} is lost, begin it anew: {attempt}")
        self.sequence_id = sequence_id
        self.attempt = attempt
