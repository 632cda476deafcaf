"""The hub's side: the works of one mailbox, each carried out in the member and reported on.

Everything is looked at whenever anything changes: what a look costs is what differs. Only on a
connection on which all works were listed is anything done at all, so a link that is cut changes
nothing in the member.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from triton_operator.agent.heartbeat import Heartbeat
from triton_operator.agent.link import Link, together
from triton_operator.agent.member import FIELD_MANAGER, REQUEST_SECONDS, Member
from triton_operator.agent.node_look import NodeLook
from triton_operator.agent.removal import Removal
from triton_operator.agent.renewal import Renewal
from triton_operator.agent.reports import Reports
from triton_operator.api import reasons
from triton_operator.api.conditions import ConditionStatus, Finding, finding
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.connection import Connection
from triton_operator.controllers.errors import ApiError
from triton_operator.controllers.kinds import INFERENCE_WORK
from triton_operator.controllers.mirror import Mirror
from triton_operator.fleet import work_reasons
from triton_operator.fleet.applying import Step, is_made_from, verdict
from triton_operator.fleet.origin import local_of
from triton_operator.fleet.work import UnreadableWork, Work, is_there, work_of
from triton_operator.fleet.work_report import Told

logger = logging.getLogger(__name__)
Body = dict[str, Any]
SETTLE_SECONDS = 0.1
"""One change often comes with others: they are looked at together."""


class Mailbox:
    """The works in one namespace of the hub; `heard()` is called whenever that answers.

    `carries`: which of them are carried out, and nothing besides; None: all, and a service whose
    work is missing is removed in time.
    """

    def __init__(
        self,
        namespace: str,
        link: Link,
        member: Member,
        heartbeat: Heartbeat,
        nodes: NodeLook,
        reports: Reports,
        removal: Removal,
        renewal: Renewal | None = None,
        *,
        heard: Callable[[], None],
        carries: Callable[[Body], bool] | None = None,
        look_seconds: float,
        randomness: random.Random,
    ) -> None:
        self._namespace = namespace
        self._link = link
        self._member = member
        self._heartbeat = heartbeat
        self._nodes = nodes
        self._reports = reports
        self._removal = removal
        self._renewal = renewal
        self._heard = heard
        self._carries = carries
        self._look_seconds = look_seconds
        self._randomness = randomness
        self._changed = asyncio.Event()
        self._works = Mirror(
            INFERENCE_WORK,
            lambda *_: self.wake(),
            turned=self.wake,
            namespace=namespace,
            randomness=randomness,
        )

    def wake(self) -> None:
        """Something is another: look."""
        self._changed.set()

    async def run(self) -> None:
        """Follow the works and carry them out, for ever."""
        await self._link.keep(self._use)

    async def _use(self, connection: Connection) -> None:
        server = ApiServer(
            connection,
            timeout_seconds=REQUEST_SECONDS,
            field_manager=FIELD_MANAGER,
            tells_limit=True,
        )
        await together(
            self._works.follow(server, connection),
            self._heartbeat.run(server, self._beaten),
            self._carry_out(server),
            *([self._renewal.run(server)] if self._renewal else []),
        )

    def _beaten(self) -> None:
        self._heard()
        if self._works.is_current:
            self._link.works()

    async def _carry_out(self, server: ApiServer) -> None:
        while True:
            self._changed.clear()
            if self._works.is_current and not self._member.is_away():
                await self._look(server)
            try:
                async with asyncio.timeout(self._look_seconds * self._randomness.uniform(0.8, 1.0)):
                    await self._changed.wait()
            except TimeoutError:
                pass
            await asyncio.sleep(SETTLE_SECONDS)

    async def _look(self, server: ApiServer) -> None:
        """At every work, and at every service that should have one."""
        bodies = [body for _, body in sorted(self._works.objects.items())]
        names = {body["metadata"]["name"] for body in bodies}
        self._heartbeat.claim({hub_id for body in bodies if (hub_id := _hub_id(body))})
        self._reports.keep({body["metadata"]["uid"] for body in bodies})
        # One after the other: two works may have the same target.
        carried = [body for body in bodies if self._carries is None or self._carries(body)]
        told = [(body, await self._settle(body, names)) for body in carried]
        answers = await asyncio.gather(
            *(self._reports.tell(server, body, one) for body, one in told)
        )
        for answer in answers:
            if answer is not None:
                self._works.put(answer)
        if self._carries is None and self._member.unable() is None:
            there = {body["metadata"]["name"] for body in bodies if is_there(body)}
            await self._removal.look(server, self._heartbeat.hub_id, there)

    async def _settle(self, body: Body, names: set[str]) -> Told:
        """Do what one work asks for, and what there is to say of it then."""
        generation = body["metadata"].get("generation", 0)
        try:
            work = work_of(body)
        except UnreadableWork as error:
            refused = finding(
                reasons.APPLIED,
                ConditionStatus.FALSE,
                work_reasons.UNREADABLE_WORK,
                str(error),
            )
            return Told(refused, generation)
        applied = self._member.unable()
        if applied is not None:
            return self._told(work, applied)
        try:
            service = await self._member.find(work)
            local = None if service is None else local_of(service)
            found = verdict(work, local, self._namespace, names - {work.name})
            step = found.step
            if step is Step.APPLY and service and local and local.revision == work.revision:
                step = Step.REST if self._member.is_done(work, service) else step
            await self._member.carry_out(step, work, local, self._namespace)
            applied = found.applied
            if step is not Step.REST:
                logger.info(
                    "A work is carried out.",
                    extra={
                        "mailbox": self._namespace,
                        "work": work.name,
                        "service": f"{work.namespace}/{work.target}",
                        "step": step.value,
                        "revision": work.revision,
                    },
                )
        except ApiError as error:
            if error.status == HTTPStatus.UNAUTHORIZED:
                logger.error(
                    "The cluster's API server does not know this agent.",
                    extra={"mailbox": self._namespace, "error": str(error)},
                )
            applied = await self._member.why_not(work, error)
        except Exception as error:
            # A bug: the other works go on.
            logger.exception(
                "A work cannot be carried out.",
                extra={"mailbox": self._namespace, "work": work.name},
            )
            applied = finding(
                reasons.APPLIED, ConditionStatus.UNKNOWN, work_reasons.AGENT_FAILED, repr(error)
            )
        return self._told(work, applied)

    def _told(self, work: Work, applied: Finding) -> Told:
        service = self._member.known(work)
        if service is None:
            return Told(applied, work.generation)
        local = local_of(service)
        if not is_made_from(local, work, self._namespace):
            return Told(applied, work.generation)
        return Told(applied, work.generation, service, local.revision, self._nodes.room(service))


def _hub_id(body: Body) -> str:
    try:
        return work_of(body).hub_id
    except UnreadableWork:
        return ""
