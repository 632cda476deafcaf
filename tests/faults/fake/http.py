"""The server itself: HTTP over a Unix socket, discovery, lists, and watches."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.faults.fake.answers import Answer, Refusal
from tests.faults.fake.faults import Delivery, Faults, Incoming
from tests.faults.fake.history import Body, Change, History
from tests.faults.fake.kinds import SERVED, Target, target
from tests.faults.fake.requests import Requests
from tests.faults.virtual_time import APART

CLIENT_HEADER = "X-Client"
BOOKMARK_SECONDS = 45.0
"""Real ones come about every minute; kopf takes 70 s of silence for a broken stream."""
END: Body = {}
FOREVER = 1e9


class Server:
    """Serves a history; `faults` decide how badly. Requests of `dead` clients are not heard."""

    def __init__(self, history: History, now: Callable[[], float], faults: Faults) -> None:
        self.history = history
        self.faults = faults
        self.dead: set[int] = set()
        self.log: list[tuple[Incoming, int]] = []
        """Requests of operators and the codes of their answers, in order."""
        self._requests = Requests(history, now)
        self._streams: set[_Stream] = set()

    @contextlib.asynccontextmanager
    async def listening(self, socket: Path) -> AsyncIterator[None]:
        """Serve on a Unix socket."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(
            app, access_log=None, keepalive_timeout=FOREVER, shutdown_timeout=0.01
        )
        apart = APART.set(True)
        await runner.setup()
        await web.UnixSite(runner, str(socket)).start()
        APART.reset(apart)
        try:
            yield
        finally:
            self.drop_watches()
            await runner.cleanup()

    def drop_watches(self) -> None:
        """Every watch's connection breaks."""
        for stream in self._streams:
            stream.end()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        client = int(request.headers.get(CLIENT_HEADER, 0))
        if client in self.dead:
            return _broken(request)
        found = target(request.path)
        if found is None:
            return _json(_discovery(request.path))
        watch = request.query.get("watch") == "true"
        metadata = "PartialObjectMetadata" in request.headers.get("Accept", "")
        incoming = Incoming(request.method, found, client, watch, metadata)
        body = json.loads(await request.read()) if request.can_read_body else None
        answer = await self.faults.before(incoming)
        if client in self.dead:
            return _broken(request)
        if answer is None:
            if watch:
                return await self._watch(request, incoming)
            if incoming.lists:
                answer = self._list(request, incoming)
            else:
                answer = self._requests.handle(
                    request.method, found, request.query, request.content_type, body
                )
        self.log.append((incoming, answer.code))
        if not await self.faults.after(incoming, answer) or client in self.dead:
            return _broken(request)
        return _json(answer)

    def _list(self, request: web.Request, incoming: Incoming) -> Answer:
        place = incoming.target
        age = self.faults.age(incoming)
        version = max(self.history.version - age, self.history.compacted)
        objects = self.history.objects if not age else self.history.at(version)
        items = [
            body
            for (kind, namespace, _), body in sorted(objects.items())
            if kind == place.kind.kind
            and place.namespace in ("", namespace)
            and _selects(request.query.get("labelSelector", ""), body)
        ]
        return Answer(
            200,
            {
                "kind": f"{place.kind.kind}List",
                "apiVersion": place.kind.api_version,
                "metadata": {"resourceVersion": str(version)},
                "items": items,
            },
        )

    async def _watch(self, request: web.Request, incoming: Incoming) -> web.StreamResponse:
        since = int(request.query.get("resourceVersion") or self.history.version)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        if since < self.history.compacted:
            await response.write(_line(_error(410)))
            return response
        stream = _Stream(incoming)
        selector = request.query.get("labelSelector", "")

        def see(change: Change) -> None:
            event = _event(change, incoming.target, selector)
            if event is not None and change.version > since:
                stream.deliver(event, self.faults.deliveries(incoming, event))

        self._streams.add(stream)
        for change in list(self.history.changes):
            see(change)
        self.history.listeners.append(see)
        try:
            await self._send(response, stream)
        except ConnectionError:
            pass
        finally:
            self.history.listeners.remove(see)
            self._streams.discard(stream)
        return response

    async def _send(self, response: web.StreamResponse, stream: "_Stream") -> None:
        while stream.request.client not in self.dead:
            try:
                async with asyncio.timeout(BOOKMARK_SECONDS):
                    event = await stream.queue.get()
            except TimeoutError:
                event = self._bookmark(stream.request.target)
            if event is END:
                return
            await response.write(_line(event))

    def _bookmark(self, place: Target) -> Body:
        metadata = {"resourceVersion": str(self.history.version)}
        body = {"kind": place.kind.kind, "apiVersion": place.kind.api_version, "metadata": metadata}
        return {"type": "BOOKMARK", "object": body}


class _Stream:
    """The events of one watch on their way."""

    def __init__(self, request: Incoming) -> None:
        self.request = request
        self.queue: asyncio.Queue[Any] = asyncio.Queue()
        self._put_off: dict[asyncio.TimerHandle, Body] = {}

    def deliver(self, event: Body, deliveries: Sequence[Delivery]) -> None:
        """An event, as the faults want it."""
        for delivery in deliveries:
            if delivery.error:
                self.end(_error(delivery.error))
            elif delivery.drop:
                self.end()
            elif delivery.after:
                self._put(event, delivery.after)
            else:
                self.queue.put_nowait(event)

    def end(self, *last: Body) -> None:
        """The end of the stream. Nothing is lost by it that a later event has overtaken: a watch is
        taken up from there.
        """
        for handle, event in self._put_off.items():
            handle.cancel()
            self.queue.put_nowait(event)
        self._put_off.clear()
        for event in last:
            self.queue.put_nowait(event)
        self.queue.put_nowait(END)

    def _put(self, event: Body, seconds: float) -> None:
        def due() -> None:
            del self._put_off[handle]
            self.queue.put_nowait(event)

        handle = asyncio.get_running_loop().call_later(seconds, due)
        self._put_off[handle] = event


def _event(change: Change, place: Target, selector: str) -> Body | None:
    """The change as a watch with this selector sees it; leaving the selection is a deletion."""
    kind, namespace, _ = change.place
    if kind != place.kind.kind or place.namespace not in ("", namespace):
        return None
    now = change.type != "DELETED" and _selects(selector, change.body)
    before = change.before is not None and _selects(selector, change.before)
    if now:
        return {"type": "MODIFIED" if before else "ADDED", "object": change.body}
    return {"type": "DELETED", "object": change.body} if before else None


def _selects(selector: str, body: Body) -> bool:
    key, equals, value = selector.partition("=")
    found = (body["metadata"].get("labels") or {}).get(key)
    return not selector or (found == value if equals else found is not None)


def _error(code: int) -> Body:
    return {"type": "ERROR", "object": Refusal(code, f"an ERROR of code {code}").status}


def _line(event: Body) -> bytes:
    return json.dumps(event).encode() + b"\n"


def _json(answer: Answer) -> web.Response:
    return web.Response(
        status=answer.code,
        headers=answer.headers,
        body=json.dumps(answer.body).encode(),
        content_type="application/json",
    )


def _broken(request: web.Request) -> web.Response:
    """The connection breaks, whatever is returned."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _discovery(path: str) -> Answer:
    parts = path.strip("/").split("/")
    groups = sorted({kind.group for kind in SERVED} - {""})
    if parts == ["api"]:
        return Answer(200, {"kind": "APIVersions", "versions": ["v1"]})
    if parts == ["apis"]:
        rows = []
        for group in groups:
            versions = sorted({kind.version for kind in SERVED if kind.group == group})
            listed = [{"groupVersion": f"{group}/{one}", "version": one} for one in versions]
            rows.append({"name": group, "versions": listed, "preferredVersion": listed[0]})
        return Answer(200, {"kind": "APIGroupList", "groups": rows})
    group = "" if parts[0] == "api" else parts[1] if len(parts) > 1 else ""
    kinds = [kind for kind in SERVED if kind.group == group and kind.version == parts[-1]]
    if not kinds:
        return Refusal(404, "the server could not find the requested resource").answer
    resources = [
        {
            "name": kind.plural,
            "singularName": kind.kind.lower(),
            "kind": kind.kind,
            "namespaced": kind.namespaced,
            "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"],
        }
        for kind in kinds
    ]
    return Answer(200, {"kind": "APIResourceList", "resources": resources})
