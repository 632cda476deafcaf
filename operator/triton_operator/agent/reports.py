"""Statuses of works at the hub: written where they say something new, and once a minute anyway."""

import asyncio
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.errors import ApiConflict, ApiNotFound, ApiRefused, ApiUnavailable
from triton_operator.controllers.kinds import INFERENCE_WORK
from triton_operator.controllers.times import rfc3339
from triton_operator.fleet.work_report import Told, is_news, work_status

logger = logging.getLogger(__name__)
Body = dict[str, Any]
PUT_OFF_SECONDS = 10.0
LONGEST_PUT_OFF_SECONDS = 60.0
"""Until the next report to a hub that takes none at the moment; what it says itself counts up to
the latter."""
LEFT_OUT_SECONDS = 600.0
"""Until a part of a report is tried again that the hub does not know: it may be a newer one by
then."""
AT_ONCE = 8
"""Reports under way at the same time: each takes a round trip to the hub."""
_UNDECLARED = re.compile(r"\.status\.(\w+(?:\.\w+)*): field not declared in schema")
"""What an API server answers, with the code 500, to an apply with a field of a newer definition. A
merge would drop it without a word, and could not take rows of lists back."""


@dataclass(frozen=True)
class _Sent:
    """What was sent last of one work, and when, by a clock that never goes back."""

    status: Body
    sequence: int
    at: float


class Reports:
    """`now` gives seconds since the epoch, `clock` seconds that never go back."""

    def __init__(
        self,
        *,
        every_seconds: float,
        now: Callable[[], float],
        clock: Callable[[], float],
    ) -> None:
        self._every_seconds = every_seconds
        self._now = now
        self._clock = clock
        self._sent: dict[str, _Sent] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._put_off_until = 0.0
        self._puts_off = False
        self._left_out: dict[str, float] = {}
        """Until when a part of the status is not sent, by its path."""

    def keep(self, uids: set[str]) -> None:
        """Forget what was sent of works that are gone."""
        self._sent = {uid: sent for uid, sent in self._sent.items() if uid in uids}

    async def tell(self, server: ApiServer, work: Body, told: Told) -> Body | None:
        """Write the status of a work where that is due; the work as the hub has it then.

        Raises:
            ApiError: the hub does not answer, or does not know this agent any more.
        """
        if self._clock() < self._put_off_until:
            return None
        metadata, before = work["metadata"], work.get("status") or {}
        status = self._known(work_status(told, before, rfc3339(self._now())))
        sent = self._sent.get(metadata["uid"])
        sequence = max(before.get("sequence", 0), sent.sequence if sent else 0)
        # The hub's definition may know fewer fields than were sent: that is no news.
        last = sent.status if sent and sent.sequence == sequence else before
        if sent and not is_news(status, last) and self._clock() - sent.at < self._every_seconds:
            return None
        sent, undeclared = _Sent(status, sequence + 1, self._clock()), ""
        async with self._slots:
            try:
                answer = await server.apply_status(
                    INFERENCE_WORK,
                    metadata["namespace"],
                    metadata["name"],
                    metadata["uid"],
                    {**status, "sequence": sent.sequence},
                )
            except (ApiConflict, ApiNotFound):
                return None  # it was deleted, or made anew, which comes as an event
            except ApiUnavailable as error:
                if not error.status:
                    raise
                undeclared = self._undeclared(error, status)
                if not undeclared:
                    self._put_off(error)
                    return None
            except ApiRefused as error:
                if error.status == HTTPStatus.UNAUTHORIZED:
                    raise
                self._refused(metadata["name"], error)
                sent = replace(sent, sequence=sequence)
                answer = None
        if undeclared:
            self._leave_out(undeclared)
            return await self.tell(server, work, told)
        self._puts_off = False
        self._sent[metadata["uid"]] = sent
        return answer

    def _known(self, status: Body) -> Body:
        """Without what the hub is known not to know."""
        now = self._clock()
        for path, until in self._left_out.items():
            if until > now:
                status = _without(status, path.split("."))
        return status

    def _undeclared(self, error: ApiUnavailable, status: Body) -> str:
        """The path of what the hub's definition lacks of a report; empty: it is another error."""
        found = _UNDECLARED.search(error.message)
        if found is None or _without(status, found[1].split(".")) == status:
            return ""
        return found[1]

    def _leave_out(self, path: str) -> None:
        if path not in self._left_out:
            logger.warning(
                "The hub's definition of InferenceWorks is older than this agent: a part of the "
                "reports is left out until the hub's definitions are those of this version.",
                extra={"field": f"status.{path}"},
            )
        self._left_out[path] = self._clock() + LEFT_OUT_SECONDS

    def _put_off(self, error: ApiUnavailable) -> None:
        """Too many requests, or an error of the hub's own: no fault of the connection, on which the
        heartbeat may go on."""
        seconds = min(max(error.retry_after or 0.0, PUT_OFF_SECONDS), LONGEST_PUT_OFF_SECONDS)
        if not self._puts_off:
            logger.warning(
                "The hub takes no reports at the moment; they are sent later.",
                extra={"error": str(error), "after": seconds},
            )
        self._puts_off = True
        self._put_off_until = max(self._put_off_until, self._clock() + seconds)

    def _refused(self, name: str, error: ApiRefused) -> None:
        logger.warning(
            "The hub refuses a report; it is sent again later.",
            extra={"work": name, "error": str(error)},
        )


def _without(status: Body, path: Sequence[str]) -> Body:
    """The status but for what is at a path; the same where nothing is."""
    name, *rest = path
    part = status.get(name)
    if rest and isinstance(part, dict):
        return {**status, name: _without(part, rest)}
    return status if rest else {key: value for key, value in status.items() if key != name}
