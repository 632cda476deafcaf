"""A cluster as a placement sees it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from triton_operator.api.enums import ConnectionState
from triton_operator.api.inference_cluster import InferenceClusterSpec
from triton_operator.api.inference_service import Scaling
from triton_operator.fleet.member import Member, facts_of
from triton_operator.fleet.placement_memory import SiteMemory
from triton_operator.fleet.reports import Report

MEMBER = Member(
    name="cloud-1",
    spec=InferenceClusterSpec.model_validate({"tier": "Cloud"}),
    state=ConnectionState.CONNECTED,
    network=None,
    report=Report(),
    work_spec=None,
)


@pytest.mark.parametrize(
    ("report", "reference", "need"),
    [
        pytest.param(Report(need=3.0, safe_rate=50.0, arrivals=150.0), 100.0, 1.5, id="its own"),
        pytest.param(Report(arrivals=150.0), 100.0, 1.5, id="too few requests to know its rate"),
        pytest.param(Report(arrivals=150.0), None, None, id="nobody knows a rate"),
        pytest.param(Report(), 100.0, None, id="silence is no demand of 0"),
        pytest.param(Report(arrivals=1e9), 0.001, 100_000.0, id="no more than there can be"),
    ],
)
def test_demand_is_counted_in_reference_replicas(
    report: Report, reference: float | None, need: float | None
) -> None:
    facts = facts_of(replace(MEMBER, report=report), Scaling(), SiteMemory(), reference)

    assert facts.need == (None if need is None else pytest.approx(need))
