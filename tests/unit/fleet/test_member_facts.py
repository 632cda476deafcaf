"""What an agent writes on its Lease: read within bounds, one thing at a time."""

import json
from typing import Any

import pytest

from triton_operator.fleet.agent_token import Life
from triton_operator.fleet.member_facts import MemberFacts, member_facts

NETWORK = {"rttMilliseconds": 38, "measuredAt": "2026-01-01T00:00:00Z"}


def lease(**annotations: str) -> dict[str, Any]:
    prefix = "fleet.serving.triton-operator.io"
    keys = {f"{prefix}/{name.replace('_', '-')}": text for name, text in annotations.items()}
    return {
        "metadata": {"name": "fleet-agent", "annotations": keys},
        "spec": {"renewTime": "2026-01-02T03:04:05.678901Z"},
    }


def test_all_of_it() -> None:
    facts = member_facts(
        lease(
            agent_version="1.2.3",
            network=json.dumps(NETWORK),
            capacity='[{"resource":"cpu","allocatable":"64"}]',
        )
    )

    assert facts.shown() == {
        "lastHeartbeatTime": "2026-01-02T03:04:05Z",
        "agentVersion": "1.2.3",
        "network": {**NETWORK, "peers": []},
        "capacity": [{"resource": "cpu", "allocatable": "64"}],
    }
    assert facts.refused == ()


@pytest.mark.parametrize(
    ("issued", "expires", "life"),
    [
        ("1970-01-01T00:00:10Z", "1970-01-01T01:00:00Z", Life(10.0, 3600.0)),
        ("1970-01-01T01:00:00Z", "1970-01-01T01:00:00Z", None),
        ("1970-01-01T00:00:00+14:00", "1970-01-01T01:00:00Z", None),
        ("2026-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", None),
        ("2026-01-01T00:00:00Z", "tomorrow", None),
    ],
)
def test_how_long_its_token_holds(issued: str, expires: str, life: Life | None) -> None:
    facts = member_facts(lease(token=json.dumps({"issuedAt": issued, "expiresAt": expires})))

    assert facts.token == life
    assert bool(facts.refused) is (life is None)


def test_a_lease_that_tells_nothing() -> None:
    assert member_facts({"metadata": {}}) == MemberFacts()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("agent_version", "v" * 65, id="a long version"),
        pytest.param("agent_version", "1\n2", id="two lines"),
        pytest.param("network", "", id="nothing"),
        pytest.param("network", "[" * 8000, id="nested"),
        pytest.param("network", json.dumps(NETWORK) + " " * 9000, id="too long"),
        pytest.param("network", json.dumps({**NETWORK, "rttMilliseconds": 60_001}), id="too far"),
        pytest.param("network", json.dumps({**NETWORK, "rttMilliseconds": "NaN"}), id="no number"),
        pytest.param(
            "network",
            json.dumps({**NETWORK, "peers": 2 * [{"cluster": "a", "rttMilliseconds": 1}]}),
            id="a peer twice",
        ),
        pytest.param("network", json.dumps({**NETWORK, "measuredAt": "x"}), id="no time"),
        pytest.param(
            "network", json.dumps({**NETWORK, "measuredAt": "2026-02-30T00:00:00Z"}), id="no day"
        ),
        pytest.param(
            "network", json.dumps({**NETWORK, "measuredAt": "2026-01-01"}), id="a day and no time"
        ),
        pytest.param(
            "network",
            json.dumps({**NETWORK, "measuredAt": "20260101T000000Z"}),
            id="without dashes",
        ),
        pytest.param(
            "network", json.dumps({**NETWORK, "measuredAt": "2026-01-01T00:00:00"}), id="no zone"
        ),
        pytest.param("capacity", '{"cpu":"64"}', id="no list"),
        pytest.param(
            "capacity",
            json.dumps([{"resource": "cpu", "allocatable": "4 cores"}]),
            id="no quantity",
        ),
        pytest.param(
            "capacity", json.dumps(2 * [{"resource": "cpu", "allocatable": "1"}]), id="twice"
        ),
        pytest.param(
            "capacity",
            json.dumps([{"resource": f"r{n}", "allocatable": "1"} for n in range(33)]),
            id="33 resources",
        ),
    ],
)
def test_what_is_refused_is_told_and_the_rest_is_read(name: str, text: str) -> None:
    usual = {"agent_version": "1.2.3", "network": json.dumps(NETWORK)}
    facts = member_facts(lease(**{**usual, name: text}))

    assert len(facts.refused) == 1
    assert name.replace("_", "-") in facts.refused[0]
    assert len(facts.refused[0]) < 600
    told = {"agent_version", "network"} - {name}
    assert {one for one in ("agent_version", "capacity", "network") if getattr(facts, one)} == told
