"""Makes the mailboxes of clusters, and puts back what was changed in them."""

from __future__ import annotations

from collections.abc import Callable

from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.kinds import NAMESPACE
from triton_operator.fleet.mailbox import is_mailbox_of, mailbox, mailbox_namespace
from triton_operator.hub.kinds import BY_NAME

LOOK_SECONDS = 600.0
"""Between two looks at a mailbox that was made: rights that somebody changed are put back then."""
AGAIN_SECONDS = 30.0
"""Until the next look at one that could not be made."""


class MailboxTaken(Exception):
    """A namespace of the mailbox's name exists, and the hub did not make it for this cluster."""

    def __init__(self, cluster: str) -> None:
        super().__init__(
            f"the namespace {mailbox_namespace(cluster)} exists and is no mailbox of this cluster: "
            "an agent's rights in it would reach what is there. Delete that namespace, or give the "
            "InferenceCluster another name"
        )


class Mailboxes:
    """`clock` gives seconds that never go back."""

    def __init__(self, server: ApiServer, clock: Callable[[], float]) -> None:
        self._server = server
        self._clock = clock
        self._due_at: dict[str, float] = {}

    def is_due(self, cluster: str) -> bool:
        """Whether it is time to look at it."""
        return self._clock() >= self._due_at.get(cluster, 0.0)

    async def ensure(self, cluster: str) -> None:
        """Have the cluster's mailbox as it should be.

        Raises:
            MailboxTaken: the namespace is somebody else's.
            ApiError: something was not written.
        """
        self._due_at[cluster] = self._clock() + AGAIN_SECONDS
        namespace = await self._server.get(NAMESPACE, "", mailbox_namespace(cluster))
        if namespace is not None and not is_mailbox_of(cluster, namespace):
            raise MailboxTaken(cluster)
        for manifest in mailbox(cluster):
            await self._server.apply(BY_NAME[manifest["kind"]], manifest, force=True)
        self._due_at[cluster] = self._clock() + LOOK_SECONDS

    def forget(self, cluster: str) -> None:
        """Look at it at the next occasion."""
        self._due_at.pop(cluster, None)
