"""Where the server may misbehave: three questions it asks before it acts as it should."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.faults.fake.answers import Answer
from tests.faults.fake.kinds import Target


@dataclass(frozen=True)
class Incoming:
    """A request; `client` is the number of the operator's process that sent it. `metadata`: of the
    objects, their metadata is all that is asked for.
    """

    method: str
    target: Target
    client: int
    watch: bool = False
    metadata: bool = False

    @property
    def writes(self) -> bool:
        """Whether it may change anything."""
        return self.method != "GET"

    @property
    def lists(self) -> bool:
        """Whether it reads a collection."""
        return self.method == "GET" and not self.target.name and not self.watch


@dataclass(frozen=True)
class Delivery:
    """One event of a watch, `after` seconds. `error`: instead of it, an ERROR of that code, and the
    end of the stream. `drop`: the connection breaks instead. What was put off comes before an end.
    """

    after: float = 0.0
    error: int = 0
    drop: bool = False


AS_IT_SHOULD = (Delivery(),)


class Faults:
    """None at all; those that misbehave override what they need."""

    def begin(self, world: Any) -> None:
        """A run begins; `world` can kill the operator."""

    def end(self) -> None:
        """From now on everything is as it should be."""

    async def before(self, request: Incoming) -> Answer | None:
        """Asked before a request is carried out; an answer is given instead of that."""
        return None

    async def after(self, request: Incoming, answer: Answer) -> bool:
        """Asked when it was carried out; False: the answer never arrives."""
        return True

    def age(self, request: Incoming) -> int:
        """By how many versions what a listing shows is too old."""
        return 0

    def deliveries(self, request: Incoming, event: dict[str, Any]) -> Sequence[Delivery]:
        """How often, when and whether an event of a watch is delivered."""
        return AS_IT_SHOULD
