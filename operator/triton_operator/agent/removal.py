"""Services whose work the hub does not have any more: noted, and removed an hour later."""

import logging
from collections.abc import Callable, Collection
from dataclasses import replace

from triton_operator.agent.member import Member
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.errors import ApiError
from triton_operator.controllers.kinds import INFERENCE_WORK
from triton_operator.controllers.mirror import listed
from triton_operator.fleet.absence import GRACE_SECONDS, Absence, Wait, absence
from triton_operator.fleet.origin import Local, local_of
from triton_operator.fleet.work import is_there

logger = logging.getLogger(__name__)


class Removal:
    """Of the services that came from one mailbox; `clock` gives seconds that never step."""

    def __init__(
        self,
        mailbox: str,
        member: Member,
        *,
        clock: Callable[[], float],
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        self._mailbox = mailbox
        self._member = member
        self._clock = clock
        self._grace_seconds = grace_seconds
        self._waits: dict[str, Wait] = {}
        """By the UIDs of services."""

    async def look(self, hub: ApiServer, hub_id: str, works: Collection[str]) -> None:
        """After the mailbox was listed in full and has these `works`; `hub_id`: whose it is.

        Raises:
            ApiError: the hub does not confirm what is to be removed. Nothing is removed.
        """
        locals_ = [local_of(body) for body in self._member.services()]
        self._waits = {one.uid: self._waits[one.uid] for one in locals_ if one.uid in self._waits}
        found = [(local, self._absence(local, hub_id, works)) for local in locals_]
        for local, state in found:
            if state in (Absence.NOTE, Absence.RETURNED):
                await self._note(local, state)
        over = [local for local, state in found if state is Absence.OVER]
        if not over:
            return
        # Once more, as of now: what was seen is as old as the last event.
        rows, _ = await listed(hub, INFERENCE_WORK, self._mailbox)
        names = {row["metadata"]["name"] for row in rows if is_there(row)}
        for local in over:
            if local.work not in names:
                await self._remove(local)

    def _absence(self, local: Local, hub_id: str, works: Collection[str]) -> Absence:
        state, wait = absence(
            local,
            mailbox=self._mailbox,
            hub_id=hub_id,
            listed=works,
            before=self._waits.get(local.uid),
            now=self._clock(),
            grace_seconds=self._grace_seconds,
        )
        if wait is None:
            self._waits.pop(local.uid, None)
        else:
            self._waits[local.uid] = wait
        return state

    async def _note(self, local: Local, state: Absence) -> None:
        wait = self._waits[local.uid] if state is Absence.NOTE else None
        seconds = None if wait is None else int(wait.seconds)
        try:
            await self._member.note_absence(local, seconds)
        except ApiError as error:
            _failed(local, error)
            return
        if wait is None:
            logger.info("The hub has the work again.", extra=_pairs(local))
            return
        self._waits[local.uid] = replace(wait, noted=seconds)
        if wait.noted is None:
            logger.warning(
                "A work is gone, or goes without a note of its hub; unless it comes back, the "
                "service is removed.",
                extra=_pairs(local) | {"after_seconds": self._grace_seconds},
            )

    async def _remove(self, local: Local) -> None:
        try:
            if local.is_orphaning:
                await self._member.release(local)
            else:
                await self._member.remove(local)
        except ApiError as error:
            _failed(local, error)
            return
        logger.warning(
            "A service is released: its work is gone."
            if local.is_orphaning
            else "A service is removed: its work is gone.",
            extra=_pairs(local) | {"absent_seconds": local.absent_seconds},
        )


def _failed(local: Local, error: ApiError) -> None:
    logger.warning(
        "What became of a work could not be written here; it is tried again.",
        extra=_pairs(local) | {"error": str(error)},
    )


def _pairs(local: Local) -> dict[str, object]:
    return {"service": f"{local.namespace}/{local.name}", "work": local.work}
