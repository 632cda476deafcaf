"""What the autoscaler is asked about a service."""

import pytest

from tests.unit.controllers.world import CPU, observed, serving
from tests.unit.planning.building import TOOLS, conversion, facts, measurement, pool, spec
from tests.unit.planning.repositories import repository_facts, row
from triton_operator.api.enums import ModelFormat
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.model_profile import Conversion, Measurement, ModelFacts
from triton_operator.api.repository import SilentField
from triton_operator.controllers.scaling_wish import scaling_question
from triton_operator.planning.chosen_model import chosen_model
from triton_operator.planning.plan import Plan, plan_service


def wish(format_: str) -> InferenceServiceSpec:
    return spec(model={"uri": "pvc://models/m", "format": format_})


def largest_batch(found: ModelFacts) -> int:
    wished = wish(found.format)
    plan = plan_service(wished, found, (CPU,))
    assert isinstance(plan, Plan)
    question = scaling_question(observed(serving()), wished, found, plan, rolled_out=True)
    assert question is not None
    return question.pools[0].largest_batch


@pytest.mark.parametrize(
    ("silent", "size"),
    [((), 8), ((SilentField.SCHEDULING,), 8)],
    ids=["its author batches", "completed with batches"],
)
def test_a_repository_batches_as_its_config_says(
    silent: tuple[SilentField, ...], size: int
) -> None:
    entry = row("classifier", "onnxruntime", silent=list(silent))
    found = chosen_model(wish("TritonRepository").model, repository_facts(entry), allow_code=False)
    assert isinstance(found, ModelFacts)

    assert largest_batch(found) == size


def test_what_has_no_batch_axis_is_served_one_by_one() -> None:
    assert largest_batch(facts(format=ModelFormat.ONNX, batchable=False)) == 1


def revision(rolled_out: bool, *copies: Conversion, **parts: object) -> str:
    wished = spec(**parts)
    plan = plan_service(wished, facts(), (CPU,), (), (), copies, TOOLS)
    assert isinstance(plan, Plan)
    question = scaling_question(observed(serving()), wished, facts(), plan, rolled_out=rolled_out)
    assert question is not None
    return question.pools[0].revision


def test_what_pods_run_has_a_name_once_all_of_them_run_it() -> None:
    means = {"hardware": {"resources": {"cpu": "4"}}}

    assert revision(True) == revision(True, scaling={"maxReplicas": 3}) != ""
    assert revision(True, **means) != revision(True)
    assert revision(False) == ""


def test_what_one_copy_does_says_nothing_of_another() -> None:
    int8 = {"precision": {"mode": "INT8"}}
    other = conversion(method="INT8Static", digest="sha256:" + "12" * 32)

    found = {
        revision(True, **int8),
        *(revision(True, one, **int8) for one in (conversion(), other)),
    }

    assert len(found) == 3


def test_of_a_pool_without_a_plan_batches_and_instances_are_not_known() -> None:
    wished = spec()
    plan = plan_service(wished, facts(), (CPU, pool("more")))
    assert isinstance(plan, Plan)

    seen = observed(serving(), pools=(CPU, pool("more")))
    question = scaling_question(seen, wished, facts(), plan, rolled_out=True)

    assert question is not None
    assert {one.pool: one.standing_by for one in question.pools} == {"cpu": False, "more": True}


def test_the_autoscaler_begins_with_the_curve_that_the_plan_was_made_from() -> None:
    rows = [
        measurement({1: 1.0, 8: 8.0}, precision="INT8"),
        measurement({1: 30.0, 4: 60.0, 8: 100.0, 16: 900.0}),
    ]
    wished = spec(objective={"latency": {"milliseconds": 250}})
    plan = plan_service(wished, facts(), (CPU,), (), rows)
    assert isinstance(plan, Plan)

    question = scaling_question(observed(serving()), wished, facts(), plan, rolled_out=True)

    assert question is not None
    prior = question.pools[0].prior
    assert prior is not None
    assert (prior.base_seconds, prior.per_request_seconds) == pytest.approx((0.020, 0.010))
    assert (prior.max_batch_size, question.pools[0].largest_batch) == (8, 8)


@pytest.mark.parametrize(
    ("rows", "throughput"),
    [
        ([], 3730),
        ([measurement({1: 30.0})], 3730),
        ([measurement({1: 30.0}, throughput="31.5")], 31.5),
        ([measurement({1: 30.0}, throughput="9000", threads=1)], 9000),
    ],
    ids=["nothing measured", "times only", "under load too", "more than is believed"],
)
def test_the_autoscaler_knows_what_the_server_takes(
    rows: list[Measurement], throughput: float
) -> None:
    plan = plan_service(spec(), facts(), (CPU,), (), rows)
    assert isinstance(plan, Plan)

    question = scaling_question(observed(serving()), spec(), facts(), plan, rolled_out=True)

    assert question is not None
    assert question.pools[0].throughput == pytest.approx(throughput, rel=0.001)


def test_without_a_measurement_of_what_runs_the_autoscaler_begins_without_a_curve() -> None:
    plan = plan_service(spec(), facts(), (CPU,), (), [measurement({1: 30.0}, product="L4")])
    assert isinstance(plan, Plan)

    question = scaling_question(observed(serving()), spec(), facts(), plan, rolled_out=True)

    assert question is not None
    assert question.pools[0].prior is None
