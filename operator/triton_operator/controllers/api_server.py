"""The few requests that the operator makes of the API server."""

import json
import math
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import urlencode

import aiohttp

from triton_operator.api.group import FIELD_MANAGER
from triton_operator.controllers.answer_bounds import Tally
from triton_operator.controllers.connection import Connection
from triton_operator.controllers.errors import ApiNotFound, ApiRefused, api_error
from triton_operator.controllers.fenced_body import FencedBody
from triton_operator.controllers.kinds import NAMESPACE, SERVICE_ACCOUNT, Kind
from triton_operator.controllers.traffic import Traffic

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
TIMEOUT_SECONDS = 30.0
_APPLY_HEADERS = {"Content-Type": APPLY}
_MERGE_HEADERS = {"Content-Type": MERGE}
_METADATA_HEADERS = {"Accept": METADATA_LIST}

_NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""DEL, C1 controls, separators that YAML would fold, the byte order mark, non-characters."""

Body = dict[str, Any]


class Identity(NamedTuple):
    """Which object a listing saw, and in which version; `listed_version` is the listing's own."""

    namespace: str
    name: str
    uid: str
    generation: int
    resource_version: str
    listed_version: str = ""


class ApiServer:
    """Server-side apply, scale, delete, list. Every method raises `ApiError`.

    `traffic` hears of every answer, and is shared by all that talk to the same server.
    `write_seconds`: how long a write that begins now may take; 0 where none may begin, or leave if
    it waited so long, because another process may lead. `field_manager`: in whose name it writes.
    `tells_limit`: the server hears how long an answer is waited for, and gives up then too; of use
    on a way that may break.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        write_seconds: Callable[[], float] = lambda: TIMEOUT_SECONDS,
        timeout_seconds: float = TIMEOUT_SECONDS,
        traffic: Traffic | None = None,
        field_manager: str = FIELD_MANAGER,
        tells_limit: bool = False,
    ) -> None:
        self._server = connection.server
        self._session = connection.session
        self._bounds = connection.bounds
        self._write_seconds = write_seconds
        self._timeout_seconds = timeout_seconds
        self._traffic = traffic or Traffic()
        self._field_manager = field_manager
        self._tells_limit = tells_limit
        self.requests = 0

    async def apply(
        self,
        kind: Kind,
        manifest: Mapping[str, Any],
        *,
        force: bool,
        field_manager: str | None = None,
    ) -> Body:
        """Server-side apply. Without `force`, a field that another manager owns is a conflict.

        `field_manager`: in whose name, where that is not this server's.
        """
        metadata = manifest["metadata"]
        path = kind.path(metadata.get("namespace"), metadata["name"])
        manager = field_manager or self._field_manager
        query = f"?fieldManager={manager}&force={'true' if force else 'false'}"
        return await self._request("PATCH", path + query, manifest, _APPLY_HEADERS)

    async def apply_status(
        self, kind: Kind, namespace: str, name: str, uid: str, status: Mapping[str, Any]
    ) -> Body:
        """Server-side apply of a status; the answer's uid tells an object that was made anew."""
        metadata = {"name": name, "uid": uid} | ({"namespace": namespace} if namespace else {})
        body = {
            "apiVersion": kind.api_version,
            "kind": kind.kind,
            "metadata": metadata,
            "status": status,
        }
        path = kind.path(namespace, name, "status")
        query = f"?fieldManager={self._field_manager}&force=true"
        return await self._request("PATCH", path + query, body, _APPLY_HEADERS)

    async def merge(self, kind: Kind, namespace: str, name: str, change: Mapping[str, Any]) -> Body:
        """JSON merge patch: lists are replaced whole."""
        query = f"?fieldManager={self._field_manager}"
        return await self._request(
            "PATCH", kind.path(namespace, name) + query, change, _MERGE_HEADERS
        )

    async def scale(self, kind: Kind, namespace: str, name: str, replicas: int) -> Body:
        """Write replicas through the scale subresource, and nothing else."""
        path = kind.path(namespace, name, "scale")
        return await self._request(
            "PATCH",
            f"{path}?fieldManager={self._field_manager}",
            {"spec": {"replicas": replicas}},
            _MERGE_HEADERS,
        )

    async def get(
        self, kind: Kind, namespace: str, name: str, *, cached: bool = False
    ) -> Body | None:
        """The object, or None. `cached`: from the API server's memory, cheaper and maybe older."""
        query = "?resourceVersion=0" if cached else ""
        try:
            return await self._request("GET", kind.path(namespace, name) + query)
        except ApiNotFound:
            return None

    async def delete(self, kind: Kind, namespace: str, name: str, uid: str) -> None:
        """Delete exactly this object and, in the background, what it owns; gone is fine too."""
        body = {"preconditions": {"uid": uid}, "propagationPolicy": "Background"}
        try:
            await self._request("DELETE", kind.path(namespace, name), body)
        except ApiNotFound:
            return

    async def create(self, kind: Kind, namespace: str, manifest: Mapping[str, Any]) -> None:
        """Create an object; used for Events, which are never changed."""
        query = f"?fieldManager={self._field_manager}"
        await self._request("POST", kind.path(namespace) + query, manifest)

    async def token(self, namespace: str, account: str, seconds: int) -> Body:
        """A token of a ServiceAccount, in the status of the answer with its end: the API server may
        grant less than `seconds`."""
        path = SERVICE_ACCOUNT.path(namespace, account, "token")
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": seconds},
        }
        return await self._request("POST", path, body)

    async def find(
        self,
        kind: Kind,
        namespace: str | None,
        *,
        field_selector: str = "",
        label_selector: str = "",
    ) -> list[Body]:
        """Every object of a kind that the selectors take, whole."""
        found, _ = await self.listing(
            kind, namespace, field_selector=field_selector, label_selector=label_selector
        )
        return found

    async def listing(
        self,
        kind: Kind,
        namespace: str | None,
        *,
        field_selector: str = "",
        label_selector: str = "",
    ) -> tuple[list[Body], str]:
        """As `find`, with the version of the listing, from which a watch goes on.

        Raises:
            ApiTooMuch: there is more than the bounds of the connection let it keep.
        """
        found: list[Body] = []
        version = ""
        tally = Tally(self._bounds, kind.plural)
        async for page in self._pages(
            kind, namespace, field_selector, label_selector, taken=tally.keep
        ):
            found += page.get("items") or ()  # null when there is none
            version = page["metadata"]["resourceVersion"]
        return found, version

    async def each(
        self,
        kind: Kind,
        namespace: str | None,
        *,
        field_selector: str = "",
        label_selector: str = "",
    ) -> AsyncIterator[Body]:
        """As `find`, one after the other: no more than a page of them is in memory.

        Raises:
            ApiTooMuch: there are more than the bounds of the connection let it read.
        """
        async for page in self._pages(kind, namespace, field_selector, label_selector):
            for item in page.get("items") or ():
                yield item

    async def replace(self, kind: Kind, manifest: Mapping[str, Any]) -> Body:
        """PUT: a conflict unless `manifest` carries the version that it replaces."""
        metadata = manifest["metadata"]
        path = kind.path(metadata["namespace"], metadata["name"])
        return await self._request("PUT", f"{path}?fieldManager={self._field_manager}", manifest)

    async def serves(self, kind: Kind) -> bool:
        """Whether the API server knows a kind, of a group that is not Kubernetes' own.

        While its definition is being deleted, it takes no new objects of it: then it does not.
        """
        try:
            found = await self._request("GET", f"/apis/{kind.group}/{kind.version}")
        except ApiNotFound:
            return False
        return any(
            row["name"] == kind.plural and "create" in row["verbs"]
            for row in found.get("resources") or ()
        )

    async def may_list(self, kind: Kind, namespace: str | None) -> bool:
        """Whether the API server lists a kind for this account; None: in the whole cluster."""
        path = f"{kind.path(namespace)}?limit=1"
        try:
            await self._request("GET", path, headers=_METADATA_HEADERS)
        except ApiRefused as error:
            if error.status == HTTPStatus.FORBIDDEN:
                return False
            raise
        return True

    async def namespace_exists(self, name: str) -> bool | None:
        """Whether a namespace exists; None where this account may not know."""
        try:
            return await self.get(NAMESPACE, "", name) is not None
        except ApiRefused as error:
            if error.status == HTTPStatus.FORBIDDEN:
                return None
            raise

    async def identities(
        self, kind: Kind, namespace: str | None, label_selector: str
    ) -> AsyncIterator[Identity]:
        """Every object of a kind, by what tells it and its version from others."""
        async for page in self._pages(
            kind, namespace, "", label_selector, headers=_METADATA_HEADERS
        ):
            for item in page.get("items") or ():  # null when there is none
                metadata = item["metadata"]
                yield Identity(
                    metadata.get("namespace", ""),
                    metadata["name"],
                    metadata["uid"],
                    metadata.get("generation", 0),
                    metadata["resourceVersion"],
                    page["metadata"].get("resourceVersion", ""),
                )

    async def metadata(
        self, kind: Kind, namespace: str | None, label_selector: str
    ) -> AsyncIterator[Body]:
        """Every object of a kind, without spec and status."""
        async for page in self._pages(
            kind, namespace, "", label_selector, headers=_METADATA_HEADERS
        ):
            for item in page.get("items") or ():
                yield item

    async def _pages(
        self,
        kind: Kind,
        namespace: str | None,
        field_selector: str,
        label_selector: str,
        *,
        headers: Mapping[str, str] | None = None,
        taken: Callable[[bytes], None] | None = None,
    ) -> AsyncIterator[Body]:
        selectors = {"fieldSelector": field_selector, "labelSelector": label_selector}
        query = {name: selector for name, selector in selectors.items() if selector}
        tally = Tally(self._bounds, kind.plural)
        token = ""
        while True:
            page_query = urlencode(
                {**query, "limit": self._bounds.page_size} | ({"continue": token} if token else {})
            )
            page = await self._request(
                "GET", f"{kind.path(namespace)}?{page_query}", headers=headers, taken=taken
            )
            tally.page(len(page.get("items") or ()))
            yield page
            token = page["metadata"].get("continue", "")
            if not token:
                return

    async def _request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        taken: Callable[[bytes], None] | None = None,
    ) -> Body:
        """`taken` hears what is answered before it is parsed, and may refuse it by an error."""
        seconds = self._timeout_seconds
        if method != "GET":
            seconds = min(seconds, self._write_seconds())
            if seconds <= 0:
                raise api_error(0, "NotLeading", "this process does not hold the Lease")
        if self._tells_limit:
            path += f"{'&' if '?' in path else '?'}timeout={math.ceil(seconds)}s"
        if self._session.closed:
            raise api_error(0, "Closed", "the connection is closed: the operator stops")
        self.requests += 1
        data = None
        if body is not None:
            data = FencedBody(encoded(body), lambda: self._write_seconds() > 0)
            headers = headers or {"Content-Type": "application/json"}
        began = time.monotonic()
        status = 0
        try:
            async with self._session.request(
                method,
                self._server + path,
                data=data,
                headers=headers,
                # Exactly: aiohttp would round long limits up to whole seconds.
                timeout=aiohttp.ClientTimeout(total=seconds, ceil_threshold=2 * seconds),
            ) as response:
                text = await response.read()
                status = response.status
                Tally(self._bounds, "one answer").keep(text)
                if status < 400:
                    if taken is not None:
                        taken(text)
                    answer: Body = json.loads(text)
                    return answer
                raise _error(response, text)
        except (TimeoutError, aiohttp.ClientError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and not self._session.closed:
                raise
            raise api_error(
                0, type(error).__name__, f"{method} {path}: {error or 'timed out'}"
            ) from error
        finally:
            self._traffic.ended(method, status, time.monotonic() - began)


def encoded(body: Mapping[str, Any]) -> bytes:
    """JSON that is YAML too: the API server parses the body of an apply as YAML.

    YAML knows no surrogate pairs, by which JSON escapes an emoji, so characters stay as they are;
    those that YAML does not take as they are can only stand inside strings, and are escaped.
    """
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return _NOT_IN_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode()


def _error(response: aiohttp.ClientResponse, text: bytes) -> Exception:
    try:
        status = json.loads(text)
        reason, message = status.get("reason", ""), status.get("message", "")
        is_told = status.get("kind") == "Status"
    except (ValueError, AttributeError):
        is_told = False
        reason, message = response.reason or "", text[:500].decode(errors="replace")
    after = response.headers.get("Retry-After", "")
    seconds = float(after) if after.isdigit() else None
    return api_error(response.status, reason, message, seconds, is_told=is_told)
