"""The connections of a client's endpoints, made when they are needed."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from triton_operator.api.enums import Protocol
from triton_operator.client.endpoints import Endpoint
from triton_operator.client.request import Transport
from triton_operator.client.tls import Tls


class Transports:
    """For several threads."""

    def __init__(self, tls: Tls) -> None:
        self._tls = tls
        self._lock = threading.Lock()
        self._made: dict[tuple[str, str, str], Transport] = {}

    def of(self, endpoint: Endpoint) -> Transport:
        """The endpoint's.

        Raises:
            OSError: a file of TLS cannot be read.
        """
        with self._lock:
            if (found := self._made.get(endpoint.key)) is None:
                found = self._made[endpoint.key] = _transport(endpoint, self._tls)
            return found

    def keep(self, endpoints: Iterable[Endpoint]) -> None:
        """Close all others."""
        keys = {one.key for one in endpoints}
        with self._lock:
            gone = [self._made.pop(key) for key in list(self._made) if key not in keys]
        for one in gone:
            one.close()


def _transport(endpoint: Endpoint, tls: Tls) -> Transport:
    # Who speaks one of them only should not have to import the other.
    if endpoint.protocol is Protocol.GRPC:
        from triton_operator.client.grpc_transport import GrpcTransport

        return GrpcTransport(endpoint.url, tls)
    from triton_operator.client.http_transport import HttpTransport

    return HttpTransport(endpoint.url, tls)
