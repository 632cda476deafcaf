"""Asks the endpoints of clusters whether they answer: without credentials, cookies or redirects.

Silence of an agent says nothing of what serves in its cluster. This does, and only this moves
requests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus

import aiohttp

from triton_operator import __version__
from triton_operator.api.inference_cluster import DataPlane as Address
from triton_operator.fleet.data_plane import DataPlane, Probe, probed
from triton_operator.hub.known import Known

LIMIT_SECONDS = 5.0
AT_ONCE = 64
MOST_QUOTED = 200
NOT_PROBED = DataPlane()


class Probes:
    """What is known of each endpoint; `changed(cluster)` hears when that turns."""

    def __init__(self, known: Known, changed: Callable[[str], None]) -> None:
        self._known = known
        self._changed = changed
        self._found: dict[str, tuple[Address, DataPlane]] = {}

    def get(self, cluster: str) -> DataPlane:
        """Of one cluster."""
        found = self._found.get(cluster)
        return NOT_PROBED if found is None else found[1]

    async def look(self) -> None:
        """Probe every endpoint once."""
        wanted = {
            body["metadata"]["name"]: spec.data_plane
            for body in self._known.clusters.objects.values()
            if (spec := self._known.specs.get(body)) and spec.data_plane
        }
        for cluster in self._found.keys() - wanted.keys():
            del self._found[cluster]
        places = asyncio.Semaphore(AT_ONCE)
        async with aiohttp.ClientSession(
            headers={"User-Agent": f"triton-operator/{__version__}"},
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(limit=AT_ONCE, force_close=True),
        ) as session:
            await asyncio.gather(*(self._probe(session, places, *one) for one in wanted.items()))

    async def _probe(
        self,
        session: aiohttp.ClientSession,
        places: asyncio.Semaphore,
        cluster: str,
        address: Address,
    ) -> None:
        async with places:
            outcome, said = await _asked(session, address)
        known = self._found.get(cluster)
        # Another address is another endpoint.
        before = known[1] if known is not None and known[0] == address else NOT_PROBED
        after = probed(before, outcome, said)
        self._found[cluster] = address, after
        if after.answers is not before.answers or known is None:
            self._changed(cluster)


async def _asked(session: aiohttp.ClientSession, address: Address) -> tuple[Probe, str]:
    url = address.url.rstrip("/") + address.probe_path
    limits = aiohttp.ClientTimeout(total=LIMIT_SECONDS, ceil_threshold=2 * LIMIT_SECONDS)
    try:
        async with session.get(url, timeout=limits, allow_redirects=False) as response:
            if response.status == HTTPStatus.OK:
                return Probe.ANSWERED, f"{url} answers"
            return Probe.FAILED, f"{url} answers {response.status}"
    except aiohttp.ClientConnectorCertificateError as error:
        return Probe.UNTRUSTED, f"{url}: {error.certificate_error}"[:MOST_QUOTED]
    except TimeoutError:
        return Probe.FAILED, f"{url} has not answered within {LIMIT_SECONDS:.0f} s"
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return Probe.FAILED, f"{url}: {error or type(error).__name__}"[:MOST_QUOTED]
