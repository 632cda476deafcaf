"""How fast a replica of an ensemble is, by what each of its models takes."""

import pytest

from triton_operator.autoscaling.curve_memory import BatchReading, CurveMemory, curve, with_reading
from triton_operator.autoscaling.steps import Step, curve_of_steps
from triton_operator.planning.queue_model import safe_rate
from triton_operator.planning.service_curve import BatchSums, ServiceCurve

HEAVY = ServiceCurve(0.020, 0.010, 8)
LIGHT = ServiceCurve(0.001, 0.0005, 8)


def ran(line: ServiceCurve, *sizes: int) -> BatchSums:
    """The sums of a hundred batches of each size."""
    return BatchSums().with_batches([(size, 100, 100 * line.seconds(size)) for size in sizes])


def of(*steps: tuple[Step, BatchSums]) -> ServiceCurve:
    found = curve_of_steps([step for step, _ in steps], {one.model: s for one, s in steps}, None)
    assert found is not None
    return found


def numbers(found: ServiceCurve) -> tuple[object, ...]:
    return (
        pytest.approx(found.base_seconds, abs=1e-9),
        pytest.approx(found.per_request_seconds, abs=1e-9),
        found.max_batch_size,
        found.instances,
    )


def test_a_batch_takes_what_its_steps_take_together() -> None:
    found = of(
        (Step("heavy", 1, 8), ran(HEAVY, 1, 4, 8)), (Step("light", 1, 8), ran(LIGHT, 1, 2, 8))
    )

    assert numbers(ServiceCurve(0.021, 0.0105, 8)) == numbers(found)


def test_each_step_is_fitted_from_its_own_batches() -> None:
    """The second never sees more than two at once, and says still what eight would take."""
    found = of((Step("heavy", 1, 8), ran(HEAVY, 1, 8)), (Step("light", 1, 8), ran(LIGHT, 1, 2)))

    assert found.seconds(8) == pytest.approx(HEAVY.seconds(8) + LIGHT.seconds(8))


def test_a_step_that_requests_pass_twice_counts_twice() -> None:
    assert of((Step("heavy", 2, 8), ran(HEAVY, 1, 8))).seconds(8) == pytest.approx(0.2)


@pytest.mark.parametrize("largest", [1, None])
def test_a_step_that_does_not_batch_runs_once_for_each_request(largest: int | None) -> None:
    found = of((Step("heavy", 1, 8), ran(HEAVY, 1, 8)), (Step("light", 1, largest), ran(LIGHT, 1)))

    assert found.max_batch_size == 8, "that of the model that takes the time"
    assert found.seconds(1) == pytest.approx(0.030 + 0.0015)
    assert found.seconds(8) == pytest.approx(0.100 + 8 * 0.0015)


def test_where_the_slow_step_does_not_batch_nothing_is_won_by_batches() -> None:
    found = of((Step("heavy", 1, 1), ran(HEAVY, 1)), (Step("light", 1, 8), ran(LIGHT, 1, 8)))

    assert found.max_batch_size == 1
    assert found.capacity == pytest.approx(1 / 0.0315)
    assert found.seconds(4) > 4 * 0.030, "should a request bring four rows"


def test_requests_of_several_rows_that_are_not_put_together_run_as_they_come() -> None:
    found = of((Step("heavy", 1, None), ran(HEAVY, 4)))

    assert found.max_batch_size == 1
    assert found.seconds(4) == pytest.approx(HEAVY.seconds(4))


def test_a_step_of_smaller_batches_runs_more_often() -> None:
    found = of((Step("heavy", 1, 8), ran(HEAVY, 1, 8)), (Step("light", 1, 2), ran(LIGHT, 1, 2)))

    assert found.seconds(8) == pytest.approx(0.100 + 4 * LIGHT.seconds(2))


@pytest.mark.parametrize(
    ("heavy", "light", "instances"),
    [(1, 1, 1), (4, 4, 4), (4, 1, 3), (1, 4, 1), (3, 3, 3)],
    ids=["one", "four", "a quick step is hardly in the way", "the slow one bounds", "thirds"],
)
def test_batches_run_beside_each_other_as_instances_allow(
    heavy: int, light: int, instances: int
) -> None:
    found = of(
        (Step("heavy", 1, 8, heavy), ran(HEAVY, 1, 8)),
        (Step("light", 1, 8, light), ran(LIGHT, 1, 8)),
    )

    assert found.instances == instances


def reading(time: float, executions: int, *models: str) -> BatchReading:
    lines = {"heavy": HEAVY, "light": LIGHT, "pipeline": HEAVY}
    return BatchReading(
        "shop/a/0",
        time,
        {
            model: {
                size: (executions, executions * lines[model].seconds(size)) for size in (1, 4, 8)
            }
            for model in models
        },
        (Step("heavy", 1, 8), Step("light", 1, 8)),
    )


def test_an_ensembles_replica_is_as_fast_as_its_models_and_not_as_its_own_statistics_say() -> None:
    memory = CurveMemory()
    for one in (reading(0, 0, "heavy", "light"), reading(60, 100, "heavy", "light")):
        memory = with_reading(memory, one)

    found = curve(memory, "pipeline", None, 1)

    assert found is not None
    assert memory.executions == 300
    # 64.8/s for the heavy one alone; each request by itself would allow 18/s.
    assert 55 < safe_rate(found, 0.25, 0.99) < 64.8


def test_a_step_that_has_not_run_yet_leaves_the_curve_unknown() -> None:
    memory = CurveMemory()
    for one in (reading(0, 0, "heavy"), reading(60, 100, "heavy")):
        memory = with_reading(memory, one)

    assert curve(memory, "pipeline", None, 8) is None
    assert memory.executions == 0


def test_how_many_instances_a_model_has_the_server_says() -> None:
    alone = (Step("filetype", 1, 8, 4),)
    memory = CurveMemory()
    for time, many in ((0, 0), (60, 100)):
        totals = {"filetype": {8: (many, many * 0.1), 1: (many, many * 0.03)}}
        memory = with_reading(memory, BatchReading("shop/a/0", time, totals, alone))

    found = curve(memory, "filetype", None, 8, instances=1)

    assert found is not None
    assert found.instances == 4
    prior = curve(with_reading(CurveMemory(), memory.reading), "filetype", HEAVY, 8)  # type: ignore[arg-type]
    assert prior is not None
    assert prior.instances == 4
