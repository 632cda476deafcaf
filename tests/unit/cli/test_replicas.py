"""What `explain` says of the number of replicas, whatever the status has."""

from typing import Any

import pytest

from tests.unit.cli.test_explanation import explained
from tests.unit.controllers.world import serving
from triton_operator.api import labels
from triton_operator.cli.explain import print_explanation
from triton_operator.cli.replicas import aside_lines, replica_lines
from triton_operator.controllers.views import PodView

SEEN = {
    "arrivalsPerSecond": "212",
    "attainmentPercent": "99.6",
    "recentRequests": 63600,
    "failedRequests": 12,
    "latencySource": "histogram",
    "waitingRequests": 3,
    "safeRatePerReplica": "64.9",
    "coldStartSeconds": 35,
    "metrics": "Fresh",
    "reasons": ["spec.scaling.minReplicas is 4: without it there would be 3", "212 requests/s now"],
    "lastDecision": {
        "time": "2026-11-23T10:00:00Z",
        "from": 3,
        "to": 4,
        "reason": "200 requests/s now",
    },
}
STATUS = {"readyReplicas": 3, "desiredReplicas": 4}


def test_everything_that_is_known() -> None:
    spec = {"scaling": {"mode": "Auto", "minReplicas": 2, "maxReplicas": 8}}

    assert replica_lines(spec, {**STATUS, "autoscaling": SEEN}) == (
        "3 ready, 4 wanted; allowed are 2 to 8",
        "because spec.scaling.minReplicas is 4: without it there would be 3",
        "and 212 requests/s now",
        "last change at 2026-11-23T10:00:00Z: 3 -> 4: 200 requests/s now",
        "212 requests/s come in, 3 wait, one replica keeps the objective up to 64.9/s",
        "99.6 % of the last five minutes' requests within the objective, counted in Triton's "
        "histograms",
        "12 of the last five minutes' 63600 requests failed",
        "a new replica is ready after 35 s",
        "metrics: Fresh",
    )


@pytest.mark.parametrize("failed", [0, None, {}])
def test_where_no_request_fails_nothing_is_said_of_it(failed: Any) -> None:
    seen = {**SEEN, "failedRequests": failed}
    lines = replica_lines({}, {"desiredReplicas": 4, "autoscaling": seen})

    assert not any("failed" in line for line in lines)


@pytest.mark.parametrize(
    ("scaling", "says"),
    [
        (None, "allowed are 1 to 10"),
        ({}, "allowed are 1 to 10"),
        ({"minReplicas": 20}, "allowed are 20 to 20"),
        ({"mode": "Fixed", "minReplicas": 3}, "always 3 (spec.scaling.mode Fixed)"),
        ({"mode": "External"}, "somebody else sets the number (spec.scaling.mode External)"),
    ],
)
def test_bounds(scaling: Any, says: str) -> None:
    assert replica_lines({"scaling": scaling}, STATUS) == (f"3 ready, 4 wanted; {says}",)


@pytest.mark.parametrize(
    "seen",
    [
        None,
        "x",
        [],
        {"lastDecision": "x", "reasons": "x", "metrics": {}, "arrivalsPerSecond": []},
        {"lastDecision": {"from": True, "to": {}}, "reasons": [None, {}], "waitingRequests": True},
    ],
)
def test_what_is_of_another_kind_is_passed_over(seen: Any) -> None:
    assert len(replica_lines({}, {**STATUS, "autoscaling": seen})) == 1


def test_metrics_that_are_not_fresh_say_what_follows() -> None:
    lines = replica_lines({}, {**STATUS, "autoscaling": {"metrics": "Stale"}})

    assert lines[-1] == "metrics: Stale: nothing new for some seconds, so none is removed"


def test_nothing_is_said_before_there_is_a_status() -> None:
    assert replica_lines({}, {}) == ()


def pods(*names: str, traffic: str = labels.ASIDE, role: str = labels.SERVE) -> list[PodView]:
    common = {"kind": "Pod", "namespace": "shop", "resource_version": "1", "generation": 0}
    return [
        PodView(**common, name=name, uid=name, role=role, traffic=traffic)  # type: ignore[arg-type]
        for name in names
    ]


def test_pods_without_new_requests_are_named() -> None:
    mixed = [*pods("b", "a"), *pods("c", traffic=labels.OPEN), *pods("d", role=labels.INSPECT)]

    assert aside_lines(mixed) == ("2 pods get no new requests until their queue is short: a, b",)
    assert aside_lines(pods("a")) == ("1 pod gets no new requests until its queue is short: a",)
    assert aside_lines(pods("c", traffic=labels.OPEN)) == ()


def test_of_many_pods_some_are_named() -> None:
    (line,) = aside_lines(pods(*"jihgfedcba"))

    assert line.endswith("a, b, c, d, e, f, g, h and 2 more")


def test_they_are_among_what_is_said_of_replicas() -> None:
    cluster = serving()
    cluster.put_pod("crowded", pool="cpu", traffic=labels.ASIDE)

    assert explained(cluster).replicas[-1].endswith("queue is short: crowded")


def test_it_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    print_explanation(explained(serving()))

    lines = capsys.readouterr().out.splitlines()
    place = lines.index("replicas")
    assert lines[place + 1] == "  1 ready, 1 wanted; allowed are 1 to 10"
