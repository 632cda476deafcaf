"""What a member's agent tells of its cluster, on the Lease that is its heartbeat. Not trusted.

Annotations have the JSON of the fields of the same names in `InferenceCluster.status`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from triton_operator.api.fields import ApiModel, Timestamp
from triton_operator.api.inference_cluster_status import (
    ClusterNetwork,
    InferenceClusterStatus,
    ResourceCapacity,
)
from triton_operator.fleet.agent_token import Life, life_between
from triton_operator.fleet.mailbox import FLEET

AGENT_VERSION = f"{FLEET}/agent-version"
CAPACITY = f"{FLEET}/capacity"
NETWORK = f"{FLEET}/network"
TOKEN = f"{FLEET}/token"
MOST_CHARACTERS = 8192
"""Of one annotation: 64 peers and 32 resources with long names are less than that."""
MOST_QUOTED = 200
"""Characters of what is wrong that are told."""

_TIME = re.compile(r"[0-9-]{10}T[0-9:]{8}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})")

T = TypeVar("T")
_CAPACITY: TypeAdapter[list[ResourceCapacity]] = TypeAdapter(list[ResourceCapacity])
_NETWORK: TypeAdapter[ClusterNetwork] = TypeAdapter(ClusterNetwork)


class _Token(ApiModel):
    issued_at: Timestamp
    expires_at: Timestamp


_TOKEN: TypeAdapter[_Token] = TypeAdapter(_Token)


@dataclass(frozen=True)
class MemberFacts:
    """As far as they can be: `refused` says what was not taken, a sentence each.

    `heartbeat_time` is by the member's own clock, and only shown. `token`: how long its agent's
    token holds, by the hub's.
    """

    heartbeat_time: str | None = None
    agent_version: str | None = None
    capacity: tuple[ResourceCapacity, ...] = ()
    network: ClusterNetwork | None = None
    token: Life | None = None
    refused: tuple[str, ...] = ()

    def shown(self) -> dict[str, Any]:
        """As fields of the cluster's status."""
        wire = {
            "lastHeartbeatTime": self.heartbeat_time,
            "agentVersion": self.agent_version,
            "network": self.network.wire() if self.network else None,
            "capacity": [one.wire() for one in self.capacity] or None,
        }
        return {name: value for name, value in wire.items() if value is not None}


def member_facts(lease: Mapping[str, Any]) -> MemberFacts:
    """Reads the Lease of an agent."""
    annotations = lease["metadata"].get("annotations") or {}
    refused: list[str] = []

    def told(key: str, adapter: TypeAdapter[T]) -> T | None:
        text = annotations.get(key)
        if text is None:
            return None
        if len(text) > MOST_CHARACTERS:
            refused.append(f"{key}: {len(text)} characters, {MOST_CHARACTERS} at most are read")
            return None
        try:
            return adapter.validate_json(text)
        except ValidationError as error:
            refused.append(f"{key}: {_first(error)}")
        except RecursionError:
            refused.append(f"{key}: nested too deeply")
        return None

    capacity = told(CAPACITY, _CAPACITY) or []
    most = _most_items("capacity")
    if len(capacity) > most:
        refused.append(f"{CAPACITY}: {len(capacity)} resources, {most} at most are read")
        capacity = []
    if len({one.resource for one in capacity}) < len(capacity):
        refused.append(f"{CAPACITY}: a resource is named twice")
        capacity = []
    network = told(NETWORK, _NETWORK)
    if network and len({one.cluster for one in network.peers}) < len(network.peers):
        refused.append(f"{NETWORK}: a cluster is named twice")
        network = None
    if network and not _is_time(network.measured_at):
        refused.append(f"{NETWORK}: measuredAt is no time such as 2026-11-23T00:00:00Z")
        network = None
    token = told(TOKEN, _TOKEN)
    life = None if token is None else _life(token)
    if token is not None and life is None:
        refused.append(f"{TOKEN}: no two times such as 2026-11-23T00:00:00Z, one after the other")
    renewed = (lease.get("spec") or {}).get("renewTime")
    return MemberFacts(
        # The API server has checked that it is a time; a status has seconds.
        heartbeat_time=None if renewed is None else f"{renewed[:19]}Z",
        agent_version=_version(annotations, refused),
        capacity=tuple(capacity),
        network=network,
        token=life,
        refused=tuple(refused),
    )


def _life(token: _Token) -> Life | None:
    if not (_is_time(token.issued_at) and _is_time(token.expires_at)):
        return None
    began, ends = (
        datetime.fromisoformat(text).timestamp() for text in (token.issued_at, token.expires_at)
    )
    return life_between(began, ends)


def _is_time(text: str) -> bool:
    """As the API server takes it: one that it refuses would keep the status from being written."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return _TIME.fullmatch(text) is not None


def _version(annotations: Mapping[str, str], refused: list[str]) -> str | None:
    text = annotations.get(AGENT_VERSION)
    if text is None or (len(text) <= 64 and text.isascii() and text.isprintable()):
        return text
    refused.append(f"{AGENT_VERSION}: no version of up to 64 plain characters")
    return None


def _most_items(field: str) -> int:
    """The bound of a list in the status."""
    for one in InferenceClusterStatus.model_fields[field].metadata:
        if hasattr(one, "max_length"):
            return int(one.max_length)
    raise AssertionError(f"{field} has no bound")


def _first(error: ValidationError) -> str:
    """The first thing that is wrong, without what was written there: it may be long or odd."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])[:MOST_QUOTED]
    said = str(first["msg"])[:MOST_QUOTED]
    return f"{where}: {said}" if where else said
