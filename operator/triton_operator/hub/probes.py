"""Asks the endpoints of clusters whether they answer: without credentials, cookies or redirects.

Silence of an agent says nothing of what serves in its cluster. This does, and only this moves
requests. All are asked in one round, as silence of all of them is the hub's own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from http import HTTPStatus

import aiohttp

from triton_operator import __version__
from triton_operator.api.inference_cluster import DataPlane as Address
from triton_operator.fleet.data_plane import DataPlane, Probe, after_round
from triton_operator.hub.known import Known

logger = logging.getLogger(__name__)
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
        self._is_deaf = False

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
        places = asyncio.Semaphore(AT_ONCE)
        async with aiohttp.ClientSession(
            headers={"User-Agent": f"triton-operator/{__version__}"},
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(limit=AT_ONCE, force_close=True),
        ) as session:
            answers = await asyncio.gather(
                *(_asked(session, places, address) for address in wanted.values())
            )
        # Another address is another endpoint.
        known = {
            cluster: plane
            for cluster, (address, plane) in self._found.items()
            if wanted.get(cluster) == address
        }
        after = after_round(known, dict(zip(wanted, answers, strict=True)))
        self._found = {cluster: (wanted[cluster], plane) for cluster, plane in after.items()}
        self._tell_of_hub()
        for cluster, plane in after.items():
            before = known.get(cluster)
            if before is None or _turns(before) != _turns(plane):
                self._changed(cluster)

    def _tell_of_hub(self) -> None:
        unheard = any(plane.unheard for _, plane in self._found.values())
        if unheard and not self._is_deaf:
            logger.warning(
                "No endpoint of any cluster answers the hub: that counts as a failure of its own "
                "network, and requests stay where they are.",
                extra={"endpoints": len(self._found)},
            )
        elif self._is_deaf and not unheard:
            logger.info("Endpoints of clusters answer the hub again.")
        self._is_deaf = unheard


def _turns(plane: DataPlane) -> tuple[bool | None, bool]:
    """What somebody has to hear of when it is another."""
    return plane.answers, plane.unheard


async def _asked(
    session: aiohttp.ClientSession, places: asyncio.Semaphore, address: Address
) -> tuple[Probe, str]:
    url = address.url.rstrip("/") + address.probe_path
    limits = aiohttp.ClientTimeout(total=LIMIT_SECONDS, ceil_threshold=2 * LIMIT_SECONDS)
    try:
        async with places, session.get(url, timeout=limits, allow_redirects=False) as response:
            if response.status == HTTPStatus.OK:
                return Probe.ANSWERED, f"{url} answers"
            return Probe.FAILED, f"{url} answers {response.status}"
    except aiohttp.ClientConnectorCertificateError as error:
        return Probe.UNTRUSTED, f"{url}: {error.certificate_error}"[:MOST_QUOTED]
    except TimeoutError:
        return Probe.SILENT, f"{url} has not answered within {LIMIT_SECONDS:.0f} s"
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return Probe.SILENT, f"{url}: {error or type(error).__name__}"[:MOST_QUOTED]
