"""Three conditions from the autoscaler's last answer, each with what to do."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tests.unit.controllers.answers import FIGURES, answer
from tests.unit.controllers.world import observed, serving
from tests.unit.planning.building import facts, gpu_pool, measurement, pool, spec
from triton_operator.api import reasons
from triton_operator.api.enums import MetricsFreshness
from triton_operator.autoscaling.look import LatencySource
from triton_operator.controllers.scaling_answer import ScalingAnswer
from triton_operator.controllers.scaling_findings import scaling_findings
from triton_operator.planning.plan import Plan, plan_service

FEASIBLE, METRICS, LIMITED = "ObjectiveFeasible", "MetricsAvailable", "ScalingLimited"
GOOD = {
    FEASIBLE: "True WithinReach",
    METRICS: "True MetricsFresh",
    LIMITED: "False WithinBounds",
}
NOTHING_SEEN = {
    FEASIBLE: "Unknown NotMeasured",
    METRICS: "Unknown NotObserved",
    LIMITED: "Unknown NotObserved",
}
FULL, HOMELESS = "14 are wanted, but the most is 10", "2 replicas find no node"


@dataclass(frozen=True)
class Row:
    name: str
    said: ScalingAnswer | None
    conditions: dict[str, str] = field(default_factory=dict)
    says: dict[str, str] = field(default_factory=dict)
    spec: dict[str, Any] = field(default_factory=dict)
    planned: bool = True


ROWS = [
    Row("all is well", answer(), {}, {FEASIBLE: "takes 12.5 ms", METRICS: "from histogram"}),
    Row("nothing seen yet", None, NOTHING_SEEN, {METRICS: "no ready replica has told its metrics"}),
    Row("nothing seen, no plan", None, NOTHING_SEEN, planned=False),
    Row(
        "summary",
        answer(latency_source=LatencySource.SUMMARY),
        {},
        {METRICS: "latency from summary"},
    ),
    Row("some pods are silent", answer(freshness=MetricsFreshness.PARTIAL)),
    Row(
        "metrics are old",
        answer(freshness=MetricsFreshness.STALE),
        {METRICS: "False MetricsStale"},
        {METRICS: "no replica is removed meanwhile; see whether the operator reaches port 8002"},
    ),
    Row(
        "metrics are lost",
        answer(freshness=MetricsFreshness.LOST, figures=replace(FIGURES, rate=None)),
        {METRICS: "False MetricsLost", LIMITED: "Unknown NotObserved"},
        {METRICS: "for a minute; no replica is removed"},
    ),
    Row(
        "none is ready that could tell",
        answer(ready=0, freshness=MetricsFreshness.LOST, figures=replace(FIGURES, rate=None)),
        {METRICS: "Unknown NotObserved", LIMITED: "Unknown NotObserved"},
    ),
    Row(
        "too slow",
        answer(),
        {FEASIBLE: "False TooSlow"},
        {FEASIBLE: "takes 12.5 ms, the objective is 10 ms: no number of replicas keeps it; raise"},
        {"objective": {"latency": {"milliseconds": 10}}},
    ),
    Row(
        "just quick enough",
        answer(figures=replace(FIGURES, fastest_seconds=0.010)),
        spec={"objective": {"latency": {"milliseconds": 10}}},
    ),
    Row(
        "speed not known",
        answer(figures=replace(FIGURES, fastest_seconds=None)),
        {FEASIBLE: "Unknown NotMeasured"},
    ),
    Row(
        "at the maximum",
        answer(limits={reasons.AT_MAXIMUM: FULL}),
        {LIMITED: "True AtMaximum"},
        {LIMITED: FULL},
    ),
    Row(
        "no node",
        answer(limits={reasons.AT_MAXIMUM: FULL, reasons.UNSCHEDULABLE: HOMELESS}),
        {LIMITED: "True Unschedulable"},
        {LIMITED: f"{HOMELESS}; add nodes to the pool"},
    ),
    Row(
        "fixed",
        answer(limits={reasons.AT_MAXIMUM: FULL}),
        {LIMITED: "False NotScaled"},
        {LIMITED: "fixed by spec.scaling"},
        {"scaling": {"mode": "Fixed"}},
    ),
    Row(
        "bounds that meet",
        answer(),
        {LIMITED: "False NotScaled"},
        {},
        {"scaling": {"minReplicas": 3, "maxReplicas": 3}},
    ),
    Row("none", answer(), {LIMITED: "False NotScaled"}, {}, {"scaling": {"minReplicas": 0}}),
    Row(
        "external",
        answer(),
        {LIMITED: "False NotScaled"},
        {LIMITED: "somebody else's"},
        {"scaling": {"mode": "External"}},
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_conditions(row: Row) -> None:
    wanted = spec(**row.spec)
    plan = plan_service(wanted, facts(), [pool("cpu")])
    assert isinstance(plan, Plan)

    found = scaling_findings(
        observed(serving(), scaling=row.said), wanted, plan if row.planned else None
    )

    assert {one.type: f"{one.status} {one.reason}" for one in found} == {**GOOD, **row.conditions}
    for name, part in row.says.items():
        assert part in next(one.message for one in found if one.type == name)


def test_a_new_operator_says_what_was_said_until_it_has_looked() -> None:
    cluster = serving()
    said = [
        {
            "type": kind,
            "status": "True",
            "reason": "Told",
            "message": "as it was",
            "lastTransitionTime": "2026-11-20T10:00:00Z",
        }
        for kind in (
            reasons.OBJECTIVE_FEASIBLE,
            reasons.METRICS_AVAILABLE,
            reasons.SCALING_LIMITED,
        )
    ]
    seen = observed(cluster)
    status = {"conditions": said, "autoscaling": {"metrics": "Fresh"}}
    seen = replace(seen, service=replace(seen.service, status=status))

    findings = scaling_findings(seen, spec(), None)

    assert [(one.status, one.reason) for one in findings] == [("True", "Told")] * 3


TIMES = {1: 30.0, 8: 100.0}


@pytest.mark.parametrize(
    ("milliseconds", "said", "expected", "says", "why"),
    [
        (
            100,
            None,
            "True WithinReach",
            "takes 30 ms, as declared in the model's profile, of 100 ms",
            "before anything serves",
        ),
        (
            25,
            None,
            "False TooSlow",
            "takes 30 ms, as declared in the model's profile, the objective is 25 ms: no number of "
            "replicas keeps it; raise spec.objective.latency, or choose a faster pool (4.5 ms on "
            "l4)",
            "the other pool is not the first, as the user named both",
        ),
        (100, answer(), "True WithinReach", "takes 12.5 ms of 100 ms", "what serves has shown it"),
        (10, answer(), "False TooSlow", "12.5 ms, the objective is 10 ms", "and what it has shown"),
    ],
)
def test_a_profile_tells_whether_the_objective_can_be_kept(
    milliseconds: int, said: ScalingAnswer | None, expected: str, says: str, why: str
) -> None:
    wanted = spec(
        objective={"latency": {"milliseconds": milliseconds}}, hardware={"pools": ["cpu", "l4"]}
    )
    rows = [measurement(TIMES), measurement({1: 4.5, 8: 8.0}, product="L4")]
    plan = plan_service(wanted, facts(), [pool("cpu"), gpu_pool("l4", product="L4")], (), rows)

    found = scaling_findings(observed(serving(), scaling=said), wanted, plan)[0]

    assert f"{found.status} {found.reason}" == expected, why
    assert says in found.message, why


def test_how_fast_every_pool_is_where_none_is_fast_enough() -> None:
    wanted = spec(objective={"latency": {"milliseconds": 2}})
    rows = [measurement(TIMES), measurement({1: 4.5, 8: 8.0}, product="L4")]
    pools = [pool("cpu"), gpu_pool("l4", product="L4"), gpu_pool("t4", product="T4")]
    plan = plan_service(wanted, facts(), pools, (), rows)

    found = scaling_findings(observed(serving()), wanted, plan)[0]

    # Pool t4 may be fast enough, but nobody has measured it: no reason to move there.
    assert (found.status, found.reason) == ("False", "TooSlow")
    assert "takes 30 ms" in found.message
    assert "(4.5 ms on l4; not measured on t4)" in found.message
