"""A profile that does not hold in production is told, and nothing is done about it by itself."""

from dataclasses import replace

import pytest

from tests.unit.controllers.answers import answer
from tests.unit.controllers.cluster import Cluster
from tests.unit.controllers.world import edit, observed, serving
from tests.unit.planning.building import DIGEST, measurement
from triton_operator.api.enums import MeasurementSource
from triton_operator.autoscaling.curve_drift import Drift, SizeDrift
from triton_operator.controllers.inference_service import reconcile
from triton_operator.controllers.observed import Outcome
from triton_operator.manifests import names
from triton_operator.planning.measured_curve import MeasuredCurve

TIMES = {size: 20.0 + 10.0 * size for size in (1, 2, 4)}


def drift(off: float) -> Drift:
    profile = MeasuredCurve(tuple((size, time / 1000) for size, time in TIMES.items()), 4)
    return Drift(profile, off, (SizeDrift(1, 0.030 * (1 + off), 0.030),))


def measured(source: MeasurementSource = MeasurementSource.MEASURED) -> Cluster:
    """It serves, and a profile says how fast it is."""
    cluster = serving()
    row = measurement(TIMES, source=source, ended="Slower").wire()
    cluster.edit("ModelProfile", "shop", names.model_profile(DIGEST), measurements=[row])
    return cluster


def condition(outcome: Outcome) -> tuple[str, str, str]:
    assert outcome.status is not None
    rows = outcome.status["conditions"]
    found = [one for one in rows if one["type"] == "ModelMeasured"]
    return (found[0]["status"], found[0]["reason"], found[0]["message"]) if found else ("", "", "")


@pytest.mark.parametrize(
    ("source", "off", "said", "advice"),
    [
        (
            MeasurementSource.MEASURED,
            0.41,
            "41 % longer than the ModelProfile says (by size, 1: 42.3 ms, not 30)",
            "delete ModelProfile sha256-",
        ),
        (
            MeasurementSource.DECLARED,
            -0.3,
            "30 % less time than the ModelProfile says (by size, 1: 21 ms, not 30)",
            "correct the times",
        ),
    ],
)
def test_production_may_disagree_with_the_profile(
    source: MeasurementSource, off: float, said: str, advice: str
) -> None:
    cluster = measured(source)
    edit(measurement={"mode": "IfUnknown"})(cluster)
    before = reconcile(replace(observed(cluster), scaling=answer(1)))
    assert condition(before)[:2] == ("True", "Measured")

    found = reconcile(replace(observed(cluster), scaling=answer(1, drifted={"cpu": drift(off)})))

    status, reason, message = condition(found)
    assert (status, reason) == ("False", "CurveDrifted")
    assert said in message
    assert advice in message
    assert found.measuring == (), "nothing is measured again by itself"
    assert found.apply == before.apply, "and nothing is planned anew"


@pytest.mark.parametrize(("pool", "told"), [("cpu", "CurveDrifted"), ("gone", "")])
def test_a_drift_is_told_though_nobody_asked_for_a_measurement(pool: str, told: str) -> None:
    seen = replace(observed(measured()), scaling=answer(1, drifted={pool: drift(0.4)}))

    assert condition(reconcile(seen))[1] == told
