"""Writes what leads requests to a service: nothing else waits for it, and nothing stops with it."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from triton_operator.api import reasons
from triton_operator.controllers.errors import ApiError
from triton_operator.controllers.kinds import (
    BACKEND_TLS,
    CONFIG_MAP,
    GRPC_ROUTE,
    HTTP_ROUTE,
    SERVICE,
)
from triton_operator.controllers.observed import ApplyProblem
from triton_operator.controllers.views import ObjectView
from triton_operator.controllers.writer import Blocked

Manifest = dict[str, Any]
AGAIN_SECONDS = 60.0
"""Until it is tried again where something was refused."""
NAMED_BY_ROUTES = frozenset(kind.kind for kind in (SERVICE, HTTP_ROUTE, GRPC_ROUTE, BACKEND_TLS))


async def lead_here(
    ways: Iterable[Manifest], write: Callable[[Manifest], Awaitable[None]]
) -> ApplyProblem | None:
    """Why it is not as wanted; None: it is. A route is not written if what it names was not: the
    name may be somebody else's.
    """
    unlisted: ApplyProblem | None = None
    for manifest in ways:
        try:
            await write(manifest)
        except (Blocked, ApiError) as error:
            problem = _problem(manifest, error)
            if manifest["kind"] != CONFIG_MAP.kind:
                return problem
            unlisted = problem
    return unlisted


def _problem(manifest: Manifest, error: Blocked | ApiError) -> ApplyProblem:
    if isinstance(error, Blocked):
        return error.problem
    name = f"{manifest['kind']} {manifest['metadata']['name']}"
    return ApplyProblem(reasons.APPLY_REFUSED, f"{name} cannot be written: {error}")


def may_go(child: ObjectView, unrouted: ApplyProblem | None) -> bool:
    """Whether a child that nobody wants can be deleted: a route that could not be written may
    still name it."""
    return unrouted is None or child.kind not in NAMED_BY_ROUTES
