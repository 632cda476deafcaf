"""A client for applications at an edge: asks here first, and elsewhere while there is time."""

from triton_operator.api.enums import Protocol, Tier
from triton_operator.client.answer import Answer
from triton_operator.client.breaker import BreakerState
from triton_operator.client.counters import Counts
from triton_operator.client.endpoints import Endpoint
from triton_operator.client.errors import (
    BadEndpoints,
    BadInput,
    FleetError,
    NotServed,
    NotServedLocally,
    RequestRefused,
    SequenceLost,
)
from triton_operator.client.fleet_client import FleetClient
from triton_operator.client.outcome import Attempt, Outcome
from triton_operator.client.sequence import SequenceOfRequests
from triton_operator.client.tls import Tls

__all__ = [
    "Answer",
    "Attempt",
    "BadEndpoints",
    "BadInput",
    "BreakerState",
    "Counts",
    "Endpoint",
    "FleetClient",
    "FleetError",
    "NotServed",
    "NotServedLocally",
    "Outcome",
    "Protocol",
    "RequestRefused",
    "SequenceLost",
    "SequenceOfRequests",
    "Tier",
    "Tls",
]
