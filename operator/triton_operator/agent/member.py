"""The member's side: the services that came from a hub, and what is done to them."""

import asyncio
import hashlib
import random
from collections.abc import Callable
from typing import Any

from triton_operator.agent.link import Link, together
from triton_operator.agent.node_look import NodeLook
from triton_operator.api import reasons
from triton_operator.api.conditions import ConditionStatus, Finding, finding
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.connection import Connection
from triton_operator.controllers.errors import (
    ApiConflict,
    ApiError,
    ApiNotFound,
    ApiRefused,
    ApiUnavailable,
)
from triton_operator.controllers.kinds import INFERENCE_SERVICE
from triton_operator.controllers.mirror import Mirror
from triton_operator.controllers.refusal_words import refusal
from triton_operator.fleet import origin, work_reasons
from triton_operator.fleet.applying import Step, manifest
from triton_operator.fleet.link_state import LINK_SINCE, LINK_STATE, LinkState
from triton_operator.fleet.origin import Local
from triton_operator.fleet.work import Work

Body = dict[str, Any]
FIELD_MANAGER = "fleet-agent"
REQUEST_SECONDS = 10.0
PATIENCE_SECONDS = 30.0
NOTES = (
    origin.ORIGIN,
    origin.ORIGIN_UID,
    origin.MAILBOX,
    origin.WORK,
    origin.REVISION,
    origin.DELETION_POLICY,
    origin.ROUTING,
    origin.ABSENT_SECONDS,
    origin.DECISIONS,
    LINK_STATE,
    LINK_SINCE,
)
"""Labels and annotations that say where a service came from, and of the way there."""
_Mark = bytes
"""What was applied to what: see `_mark`. A digest, as the member says how long its parts are."""


class Member:
    """Services by place; `changed()` is called whenever one of them is another."""

    def __init__(
        self,
        link: Link,
        nodes: NodeLook,
        changed: Callable[[], None],
        *,
        randomness: random.Random,
    ) -> None:
        self._link = link
        self._nodes = nodes
        self._services = Mirror(
            INFERENCE_SERVICE,
            lambda *_: changed(),
            turned=changed,
            label_selector=origin.ORIGIN,
            randomness=randomness,
        )
        self._server: ApiServer | None = None
        self._knows_kind = True
        self._able_at = asyncio.get_running_loop().time()
        self._done: dict[tuple[str, str], _Mark] = {}

    async def run(self) -> None:
        """Follow the services, for ever."""
        await self._link.keep(self._follow)

    async def _follow(self, connection: Connection) -> None:
        server = ApiServer(
            connection,
            timeout_seconds=REQUEST_SECONDS,
            field_manager=FIELD_MANAGER,
            tells_limit=True,
        )
        self._server = server
        self._services.bound(connection.bounds)
        try:
            await together(
                self._services.follow(server, connection),
                self._nodes.run(server, connection.bounds),
            )
        except ApiError as error:
            self._knows_kind = not isinstance(error, ApiNotFound)
            raise
        finally:
            self._server = None

    def is_away(self) -> bool:
        """Whether nothing can be done here, and not for long: an API server restarts in seconds,
        and so does this process. It is no news yet."""
        now = asyncio.get_running_loop().time()
        if self._is_able():
            self._able_at = now
            return False
        return self._knows_kind and now - self._able_at < PATIENCE_SECONDS

    def unable(self) -> Finding | None:
        """Why nothing can be done here; None: it can."""
        if self._is_able():
            self._link.works()
            self._knows_kind = True
            return None
        if not self._knows_kind:
            return _unknown_kind()
        return _silent(self._link.problem or "the first look is not over yet")

    def known(self, work: Work) -> Body | None:
        """The service of the target's name, if it came from a hub, as it was last seen."""
        return self._services.objects.get((work.namespace, work.target))

    def services(self) -> list[Body]:
        """Those that came from a hub, as they were last seen."""
        return list(self._services.objects.values())

    async def find(self, work: Work) -> Body | None:
        """The service that has the target's name, wherever it came from.

        Raises:
            ApiError: nobody knows.
        """
        known = self.known(work)
        if known is not None:
            return known
        return await self._api().get(INFERENCE_SERVICE, work.namespace, work.target)

    async def carry_out(self, step: Step, work: Work, local: Local | None, mailbox: str) -> None:
        """Do it.

        Raises:
            ApiError: it is not done, or nobody knows.
        """
        api = self._api()
        match step:
            case Step.CREATE:
                # Without force: whatever appeared since the look, a field of it is a conflict.
                wanted = manifest(work, mailbox)
                self._applied(work, await api.apply(INFERENCE_SERVICE, wanted, force=False))
            case Step.APPLY:
                assert local is not None
                wanted = manifest(work, mailbox)
                wanted["metadata"]["uid"] = local.uid
                self._applied(work, await api.apply(INFERENCE_SERVICE, wanted, force=True))
            case Step.REMOVE:
                assert local is not None
                await self.remove(local)
            case Step.RELEASE:
                assert local is not None
                await self.release(local)
            case Step.REST:
                pass

    def is_done(self, work: Work, service: Body) -> bool:
        """Whether the work was applied, and nobody has changed spec or routing since.

        The API server may not keep all of it: an older definition knows fewer fields.
        """
        return self._done.get((work.namespace, work.target)) == _mark(work, service)

    def _applied(self, work: Work, service: Body) -> None:
        self._services.put(service)
        self._done[work.namespace, work.target] = _mark(work, service)

    async def remove(self, local: Local) -> None:
        """Delete exactly the service that was seen."""
        await self._api().delete(INFERENCE_SERVICE, local.namespace, local.name, local.uid)

    async def release(self, local: Local) -> None:
        """The service stays as it is, and forgets where it came from."""
        nothing = dict.fromkeys(NOTES)
        await self._note(local, {"labels": nothing, "annotations": nothing})

    async def note_absence(self, local: Local, seconds: int | None) -> None:
        """Remember how long the hub was seen not to list its work; None: it does."""
        text = None if seconds is None else str(seconds)
        await self._note(local, {"annotations": {origin.ABSENT_SECONDS: text}})

    async def note_decisions(self, local: Local, text: str) -> Body:
        """Remember what its autoscaler has decided; the service as it is then.

        Raises:
            ApiError: it is not remembered, or nobody knows.
        """
        return await self._note(local, {"annotations": {origin.DECISIONS: text}})

    async def note_link(self, local: Local, state: LinkState | None) -> None:
        """Tell the operator here whether the hub answers; None: nobody asks any more."""
        said = state.annotations if state else dict.fromkeys((LINK_STATE, LINK_SINCE))
        await self._note(local, {"annotations": said})

    async def why_not(self, work: Work, error: ApiError) -> Finding:
        """What an error means for the work."""
        name = f"InferenceService {work.namespace}/{work.target}"
        if isinstance(error, ApiNotFound):
            return await self._missing(work, error)
        if isinstance(error, ApiConflict):
            said = f"{name} was changed by somebody else meanwhile: {error.message}"
            return _unknown(work_reasons.CHANGED_MEANWHILE, said)
        if isinstance(error, ApiRefused) or "field not declared in schema" in error.message:
            reason, said = refusal(error.message or error.reason, reasons.APPLY_REFUSED)
            return _not(reason, f"{name}: {said}")
        return _silent(str(error))

    async def _missing(self, work: Work, error: ApiError) -> Finding:
        api = self._api()
        try:
            if await api.namespace_exists(work.namespace) is False:
                return _not(
                    work_reasons.NAMESPACE_MISSING,
                    f"the cluster has no namespace {work.namespace}: create it there, with the "
                    "quotas and Secrets that the service needs",
                )
            if not await api.serves(INFERENCE_SERVICE):
                return _unknown_kind()
        except ApiError as another:
            return _silent(str(another))
        return _silent(str(error))

    async def _note(self, local: Local, change: dict[str, Any]) -> Body:
        # With the UID, a service that was made anew meanwhile is a conflict.
        metadata = {**change, "uid": local.uid}
        body = await self._api().merge(
            INFERENCE_SERVICE, local.namespace, local.name, {"metadata": metadata}
        )
        self._services.put(body)
        return body

    def _is_able(self) -> bool:
        return self._server is not None and self._services.is_current

    def _api(self) -> ApiServer:
        if self._server is None:
            raise ApiUnavailable(0, "NotConnected", self._link.problem or "not yet")
        return self._server


def _not(reason: str, message: str) -> Finding:
    return finding(reasons.APPLIED, ConditionStatus.FALSE, reason, message)


def _mark(work: Work, service: Body) -> _Mark:
    metadata = service["metadata"]
    # No generation tells that somebody has changed an annotation.
    routing = (metadata.get("annotations") or {}).get(origin.ROUTING, "")
    mark = metadata["uid"], metadata["generation"], work.uid, work.generation, routing
    return hashlib.sha256(repr(mark).encode(errors="surrogatepass")).digest()


def _unknown_kind() -> Finding:
    return _not(
        work_reasons.KIND_MISSING,
        "the cluster does not know InferenceServices: install the operator there",
    )


def _silent(why: str) -> Finding:
    return _unknown(work_reasons.CLUSTER_SILENT, f"the cluster's API server: {why}")


def _unknown(reason: str, message: str) -> Finding:
    return finding(reasons.APPLIED, ConditionStatus.UNKNOWN, reason, message)
