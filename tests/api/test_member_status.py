"""What a member of the fleet tells is not trusted: absurd values never get as far as a hub.

Each row is refused by the API server, and by the models too, should something else have let it in.
"""

from typing import Any

import pytest
from pydantic import ValidationError

from tests.api.client import Api, Object, RefusedError
from tests.api.paths import changed
from tests.objects import kind_of, written

LARGE = 2**53
CONDITION = written("inferencework-every-field")["status"]["conditions"][0]
DECISION = written("inferencework-every-field")["status"]["decisions"][0]
ENDPOINT = {"protocol": "HTTP", "url": "https://a"}

# name: (kind, path, value)
ABSURD: dict[str, tuple[str, str, Any]] = {
    "more replicas than any cluster has": ("inferencework", "load.capReplicas", 100_001),
    "ready replicas that are owed": ("inferencework", "load.readyReplicas", -1),
    "bounds beyond all": ("inferencework", "appliedMaxReplicas", 100_001),
    "need that is no number": ("inferencework", "load.needReplicas", "NaN"),
    "need without end": ("inferencework", "load.needReplicas", "1" * 10),
    "need that is a float": ("inferencework", "load.needReplicas", 5.4),
    "arrivals that leave": ("inferencework", "load.arrivalsPerSecond", "-3"),
    "a latency of hours": ("inferencework", "load.p99Milliseconds", 3_600_001),
    "a load of no time": ("inferencework", "load.observedAt", "z" * 33),
    "a sequence that clients round": ("inferencework", "sequence", LARGE),
    "a sequence backwards": ("inferencework", "sequence", -1),
    "a revision before the first": ("inferencework", "appliedRevision", 0),
    "endpoints without end": ("inferencework", "endpoints", [ENDPOINT] * 3),
    "an endpoint of another protocol": ("inferencework", "endpoints[0].protocol", "SSH"),
    "a long address": ("inferencework", "endpoints[0].url", "https://" + "a" * 505),
    "a book in a condition": ("inferencework", "conditions[0].message", "a" * 32_769),
    "conditions without end": (
        "inferencework",
        "conditions",
        [{**CONDITION, "type": f"T{number}"} for number in range(17)],
    ),
    "decisions without end": (
        "inferencework",
        "decisions",
        [{**DECISION, "number": number} for number in range(1, 32)],
    ),
    "a decision before the first": ("inferencework", "decisions[0].number", 0),
    "a decision that clients round": ("inferencework", "decisions[1].number", LARGE),
    "a decision of no day": ("inferencework", "decisions[0].time", "2026-02-30T00:00:00Z"),
    "a decision on more than there are": ("inferencework", "decisions[0].to", 100_001),
    "a decision on owed replicas": ("inferencework", "decisions[0].from", -1),
    "a book about a decision": ("inferencework", "decisions[0].reason", "a" * 513),
    "a way of a minute and more": ("inferencecluster", "network.rttMilliseconds", 60_001),
    "a way that saves time": ("inferencecluster", "network.peers[0].rttMilliseconds", -1),
    "peers without end": (
        "inferencecluster",
        "network.peers",
        [{"cluster": f"c-{number}", "rttMilliseconds": 1} for number in range(65)],
    ),
    "flaps that were not": ("inferencecluster", "flaps", -1),
    "a state that is none": ("inferencecluster", "connectionState", "Fine"),
    "a version like a book": ("inferencecluster", "agentVersion", "v" * 65),
    "resources without end": (
        "inferencecluster",
        "capacity",
        [{"resource": f"r-{number}", "allocatable": "1"} for number in range(33)],
    ),
}


@pytest.fixture(scope="module")
def members(api: Api) -> dict[str, Object]:
    """An object of each kind whose status a member writes."""
    documents = {
        kind: written(f"{kind}-every-field") for kind in ("inferencework", "inferencecluster")
    }
    for document in documents.values():
        document["metadata"]["name"] = "member"
        api.create(document)
    return documents


@pytest.mark.parametrize("name", ABSURD)
def test_absurd_values_are_refused(api: Api, members: dict[str, Object], name: str) -> None:
    kind, path, value = ABSURD[name]
    document = changed(members[kind], {f"status.{path}": value})
    described = kind_of(document)
    assert described.status is not None

    with pytest.raises(RefusedError) as refusal:
        api.merge(document, {"status": document["status"]}, "status", dry_run=True)
    with pytest.raises(ValidationError):
        described.status.model_validate(document["status"])

    assert refusal.value.code == 422
    assert f"status.{path.partition('[')[0]}" in refusal.value.message


def test_what_is_within_the_bounds_is_taken(api: Api, members: dict[str, Object]) -> None:
    for document in members.values():
        api.merge(document, {"status": document["status"]}, "status", dry_run=True)
