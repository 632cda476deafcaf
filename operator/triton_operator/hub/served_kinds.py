"""Kinds of others that the hub's cluster may know: looked for now and then, and never watched."""

from __future__ import annotations

from collections.abc import Callable

from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.kinds import Kind


class ServedKinds:
    """`clock` gives seconds that never go back; an answer is good for `look_seconds`."""

    def __init__(self, server: ApiServer, clock: Callable[[], float], look_seconds: float) -> None:
        self._server = server
        self._clock = clock
        self._look_seconds = look_seconds
        self._found: dict[Kind, tuple[bool, float]] = {}

    async def serves(self, kind: Kind) -> bool:
        """Whether objects of a kind can be made.

        Raises:
            ApiError: the API server does not say.
        """
        found, until = self._found.get(kind, (False, 0.0))
        if self._clock() >= until:
            found = await self._server.serves(kind)
            self._found[kind] = found, self._clock() + self._look_seconds
        return found
