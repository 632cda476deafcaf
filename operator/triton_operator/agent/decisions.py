"""Keeps what the autoscalers of a member's services decide, while the hub is away too.

A status shows its last decision only. So each one is written down when it is seen, on the service
itself, and goes to the hub from there with the reports.
"""

import asyncio
import logging
from collections.abc import Callable

from triton_operator.agent.member import Member
from triton_operator.controllers.errors import ApiConflict, ApiError, ApiNotFound
from triton_operator.fleet.decision_history import History, extended, history_of, text_of
from triton_operator.fleet.origin import Local, local_of

logger = logging.getLogger(__name__)
RETRY_SECONDS = 15.0
AT_ONCE = 8
"""Services that are written to at the same time: one that takes long holds up no other."""


class Decisions:
    """Of the services that came from one mailbox; `clock` gives seconds that never go back."""

    def __init__(self, mailbox: str, member: Member, *, clock: Callable[[], float]) -> None:
        self._mailbox = mailbox
        self._member = member
        self._clock = clock
        self._changed = asyncio.Event()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._problems: dict[str, tuple[float, str]] = {}
        """When a service could not be written to, and why, by UID."""

    def wake(self) -> None:
        """Something in the member is another: look."""
        self._changed.set()

    async def run(self) -> None:
        """Look whenever something changes, for ever."""
        while True:
            self._changed.clear()
            if self._member.unable() is None:
                try:
                    await self._look()
                except Exception:
                    # A bug: what the hub asks for is carried out all the same.
                    logger.exception("Decisions cannot be written down.")
                    await asyncio.sleep(RETRY_SECONDS)
            try:
                async with asyncio.timeout(RETRY_SECONDS if self._problems else None):
                    await self._changed.wait()
            except TimeoutError:
                pass

    async def _look(self) -> None:
        due: dict[str, tuple[Local, History]] = {}
        for body in self._member.services():
            local = local_of(body)
            if local.mailbox != self._mailbox or local.is_leaving:
                continue
            before = history_of(body)
            after = extended(before, body.get("status") or {})
            if after != before:
                due[local.uid] = local, after
        self._problems = {uid: one for uid, one in self._problems.items() if uid in due}
        # Not at every change of whatever: an answer is one too.
        soon = self._clock() - RETRY_SECONDS
        ready = (due[uid] for uid in due if self._problems.get(uid, (soon, ""))[0] <= soon)
        await asyncio.gather(*(self._keep(local, history) for local, history in ready))

    async def _keep(self, local: Local, history: History) -> None:
        try:
            async with self._slots:
                kept = await self._member.note_decisions(local, text_of(history))
        except (ApiConflict, ApiNotFound):
            return  # it is gone, or made anew, which comes as an event
        except ApiError as error:
            self._complain(local, str(error))
            return
        if history_of(kept)[-1:] == history[-1:]:
            self._problems.pop(local.uid, None)
        else:
            self._complain(local, "the API server takes the annotation, and does not keep it")

    def _complain(self, local: Local, problem: str) -> None:
        """Once for each problem of a service."""
        if self._problems.get(local.uid, (0.0, ""))[1] != problem:
            logger.warning(
                "Decisions on a service cannot be written down; it is tried again, and only the "
                "last one is kept meanwhile.",
                extra={"service": f"{local.namespace}/{local.name}", "error": problem},
            )
        self._problems[local.uid] = self._clock(), problem
