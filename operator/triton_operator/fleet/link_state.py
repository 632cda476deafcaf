"""What a member's agent writes on a service about the way to its hub: whether it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from triton_operator.api.enums import ConnectionState
from triton_operator.fleet.mailbox import FLEET

LINK_STATE = f"{FLEET}/link-state"
"""Annotation: Lost, Recovering or Connected; absent: Connected, or there is no agent."""
LINK_SINCE = f"{FLEET}/link-since"
"""Annotation: since when the hub has not answered or, of Connected, since when it does again;
RFC 3339, by the member's clock."""
CUT = frozenset({ConnectionState.LOST.value, ConnectionState.RECOVERING.value})
"""A link that answers again is not trusted at once."""


@dataclass(frozen=True)
class LinkState:
    """As it is written; anybody may have written anything."""

    state: str
    since: str

    @property
    def is_cut(self) -> bool:
        """Whether `spec.offline` applies."""
        return self.state in CUT

    @property
    def annotations(self) -> dict[str, str]:
        """How it is written."""
        return {LINK_STATE: self.state, LINK_SINCE: self.since}


def link_state(annotations: Mapping[str, str] | None) -> LinkState | None:
    """What the annotations of a service say; None: nothing."""
    found = annotations or {}
    state = found.get(LINK_STATE)
    return LinkState(state, found.get(LINK_SINCE, "")) if state else None
