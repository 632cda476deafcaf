"""One request, asked of one endpoint after the other until its deadline.

Nothing here does I/O: `send` does, and time and chance are arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from triton_operator.client.budget import LEAST_SECONDS, budget_seconds
from triton_operator.client.counters import Counters
from triton_operator.client.endpoints import Endpoint
from triton_operator.client.errors import NotServed, NotServedLocally, RequestRefused, SequenceLost
from triton_operator.client.memory import Memory
from triton_operator.client.order import Choice, in_order
from triton_operator.client.outcome import Attempt, Outcome, Reply

Send = Callable[[Endpoint, float], Reply]
"""Ask this endpoint; the answer is there after so many seconds, or it is a Reply that says why."""


@dataclass(frozen=True)
class Served:
    """Who answered, what, and who was asked before."""

    endpoint: Endpoint
    reply: Reply
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True)
class Fallback:
    """`clock` gives seconds and never goes back; `chance` draws from [0, 1)."""

    memory: Memory
    counters: Counters
    clock: Callable[[], float]
    chance: Callable[[], float]

    def serve(
        self,
        endpoints: Sequence[Endpoint],
        model: str,
        send: Send,
        *,
        until: float,
        local_only: bool = False,
    ) -> Served:
        """The first answer; `until` is a time of the clock.

        Raises:
            RequestRefused: by the first that looked at it; no other one was asked.
            NotServed: nobody answered in time; NotServedLocally if it had to be a local one.
        """
        now = self.clock()
        choices = in_order(
            endpoints,
            lambda one: self.memory.admits(one, now),
            local_only=local_only,
            chance=self.chance(),
        )
        attempts: list[Attempt] = []
        for place, choice in enumerate(choices):
            budget = self._budget(choices[place:], model, until)
            if budget < LEAST_SECONDS:
                break
            reply, attempt = self._ask(choice.endpoint, model, send, budget)
            attempts.append(attempt)
            if reply.outcome is Outcome.SERVED:
                return Served(choice.endpoint, reply, tuple(attempts))
            if reply.outcome is Outcome.REFUSED:
                raise RequestRefused(choice.endpoint.cluster, reply.status, reply.message)
        self.counters.not_served(local_only)
        raise _nobody(attempts, choices, model, local_only)

    def go_on(
        self,
        endpoint: Endpoint,
        model: str,
        send: Send,
        *,
        until: float,
        local_only: bool,
        sequence: int | str,
    ) -> Served:
        """The same of a sequence that began at this endpoint: nobody else has its state.

        Raises:
            RequestRefused: by it.
            SequenceLost: there was no answer.
            NotServedLocally: the endpoint is not local any more, and was not asked.
        """
        if local_only and not endpoint.local:
            self.counters.not_served(local_only)
            raise NotServedLocally(
                f"sequence {sequence} of {model} must be served here, and where it began, in "
                f"{endpoint.cluster}, is not local any more",
                (),
            )
        reply, attempt = self._ask(endpoint, model, send, until - self.clock())
        if reply.outcome is Outcome.SERVED:
            return Served(endpoint, reply, (attempt,))
        if reply.outcome is Outcome.REFUSED:
            raise RequestRefused(endpoint.cluster, reply.status, reply.message)
        self.counters.lost_sequence()
        raise SequenceLost(sequence, attempt)

    def _budget(self, choices: Sequence[Choice], model: str, until: float) -> float:
        """Of the first of them. Nothing is kept for one that is asked only for want of others."""
        following = None
        if len(choices) > 1 and choices[1].admitted:
            following = self.memory.need(choices[1].endpoint, model)
        own = self.memory.need(choices[0].endpoint, model)
        return budget_seconds(until - self.clock(), own, following)

    def _ask(
        self, endpoint: Endpoint, model: str, send: Send, budget: float
    ) -> tuple[Reply, Attempt]:
        began = self.clock()
        self.memory.begun(endpoint, began, budget)
        reply = send(endpoint, budget)
        ended = self.clock()
        took = ended - began
        self.memory.ended(
            endpoint, model, reply.outcome, ended, took_seconds=took, budget_seconds=budget
        )
        self.counters.attempted(endpoint.cluster, reply.outcome)
        return reply, Attempt(
            endpoint.cluster, endpoint.url, reply.outcome, budget, took, reply.message
        )


def _nobody(
    attempts: Sequence[Attempt], choices: Sequence[Choice], model: str, local_only: bool
) -> NotServed:
    if not local_only:
        return NotServed(f"{model} was not served within the deadline", attempts)
    if not choices:
        return NotServedLocally(f"{model} must be served here, and no endpoint is local", attempts)
    return NotServedLocally(
        f"{model} must be served here, and no local endpoint answered in time", attempts
    )
