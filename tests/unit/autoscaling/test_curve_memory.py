"""The measured service curve: what counts, how long, and what is believed before it."""

from typing import Any

import pytest

from triton_operator.autoscaling.curve_memory import (
    ENOUGH_EXECUTIONS,
    HALF_LIFE_SECONDS,
    BatchReading,
    CurveMemory,
    curve,
    with_metrics,
    with_reading,
)
from triton_operator.autoscaling.exposition import ModelMetrics
from triton_operator.autoscaling.steps import Step
from triton_operator.planning.service_curve import ServiceCurve

PRIOR = ServiceCurve(0.050, 0.025, 8)
MODEL = "filetype"


def seconds_of(size: int) -> float:
    return 0.020 + 0.010 * size


def reading(time: float, executions: int, instance: str = "shop/a/0", slow: float = 1) -> Any:
    totals = {size: (executions, executions * seconds_of(size) * slow) for size in (1, 4, 8)}
    return BatchReading(instance, time, {MODEL: totals}, (Step(MODEL),))


def measured(*readings: BatchReading) -> CurveMemory:
    memory = CurveMemory()
    for one in readings:
        memory = with_reading(memory, one)
    return memory


def test_what_ran_between_two_readings_is_the_curve() -> None:
    memory = measured(reading(0, 1000), reading(60, 1100))

    result = curve(memory, MODEL, None, 8)

    assert result is not None
    assert result.base_seconds == pytest.approx(0.020)
    assert result.per_request_seconds == pytest.approx(0.010)
    assert memory.executions == pytest.approx(300), "the first reading is only a start"


@pytest.mark.parametrize(
    ("readings", "executions", "why"),
    [
        ((reading(0, 100),), 0, "one reading has no difference"),
        ((reading(0, 100), reading(60, 100)), 0, "an idle pod"),
        ((reading(0, 100), reading(60, 20)), 60, "the model was loaded again: the new values"),
        ((reading(0, 100), reading(60, 200, "shop/b/0")), 0, "another pod's counters"),
        ((reading(0, 100), reading(60, 200, "shop/a/1")), 0, "another process's counters"),
        (
            (reading(0, 0), reading(60, 10, "b"), reading(61, 20, "b")),
            30,
            "it goes on with the other pod",
        ),
        ((reading(60, 100), reading(60, 200)), 0, "no time went by"),
        ((reading(60, 100), reading(30, 200)), 0, "an answer that came late"),
    ],
)
def test_only_differences_of_one_process_count(
    readings: tuple[BatchReading, ...], executions: float, why: str
) -> None:
    assert measured(*readings).executions == pytest.approx(executions), why


def test_what_is_old_counts_half_after_half_an_hour() -> None:
    memory = measured(reading(0, 0), reading(0.001, 100))
    memory = with_reading(memory, reading(HALF_LIFE_SECONDS + 0.001, 100))

    assert memory.executions == pytest.approx(150)


def test_a_model_that_became_slower_is_seen_within_an_hour() -> None:
    memory = measured(reading(0, 0), reading(60, 1000))
    slower = 0
    for minute in range(2, 62):
        before = BatchReading(
            "a", minute * 60 - 1, {MODEL: {8: (slower, slower * 0.200)}}, (Step(MODEL),)
        )
        slower += 100
        after = BatchReading(
            "a", minute * 60, {MODEL: {8: (slower, slower * 0.200)}}, (Step(MODEL),)
        )
        memory = with_reading(with_reading(memory, before), after)

    result = curve(memory, MODEL, None, 8)

    assert result is not None
    assert 0.17 < result.seconds(8) <= 0.2


def test_few_batches_are_not_believed_against_a_profile() -> None:
    few = int(ENOUGH_EXECUTIONS) // 3 - 1
    slow_start = measured(reading(0, 0), reading(60, few, slow=10))
    enough = measured(reading(0, 0), reading(60, few + 2))

    assert curve(slow_start, MODEL, PRIOR, 8) == PRIOR
    assert curve(slow_start, MODEL, None, 8) is not None, "the only thing that is known"
    result = curve(enough, MODEL, PRIOR, 8)
    assert result is not None
    assert result.seconds(8) == pytest.approx(0.1)


def test_nothing_measured_and_no_profile_is_no_curve() -> None:
    assert curve(CurveMemory(), MODEL, None, 8) is None


def test_batches_and_instances_are_those_of_the_plan_in_force() -> None:
    result = curve(CurveMemory(), MODEL, PRIOR, 16, 2)

    assert result == ServiceCurve(0.050, 0.025, 16, 2)


def totals(executions: dict[int, float]) -> ModelMetrics:
    """What metrics count where so many batches of each size ran."""
    requests = sum(size * count for size, count in executions.items())
    compute = sum(size * count * seconds_of(size) for size, count in executions.items()) * 1e6
    return ModelMetrics(
        success=requests,
        inferences=requests,
        executions=sum(executions.values()),
        compute_input_us=0.0,
        compute_infer_us=compute,
        compute_output_us=0.0,
    )


ZERO = totals({1: 0.0})


def test_from_metrics_alone_the_curve_is_never_too_fast() -> None:
    memory = CurveMemory()
    for minute, ran in enumerate(({1: 90.0, 2: 10.0}, {2: 50.0, 6: 50.0}, {6: 20.0, 8: 80.0})):
        memory = with_metrics(memory, MODEL, minute * 60.0, ZERO, totals(ran))

    result = curve(memory, MODEL, None, 8)

    assert result is not None
    for size in (1, 4, 8):
        assert result.seconds(size) >= seconds_of(size) * 0.999, size
        assert result.seconds(size) <= seconds_of(size) * 1.3, "and still of use"


def test_the_same_interval_counts_once_however_often_it_is_read() -> None:
    once = with_metrics(CurveMemory(), MODEL, 60.0, ZERO, totals({4: 10.0}))

    assert with_metrics(once, MODEL, 60.0, ZERO, totals({4: 10.0})) == once
    assert with_metrics(once, MODEL, 45.0, ZERO, totals({4: 10.0})) == once
    assert with_metrics(once, MODEL, 75.0, ZERO, totals({4: 10.0})).executions > once.executions + 9


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (ZERO, ZERO, "idle"),
        (ModelMetrics(), totals({4: 10}), "no counters before"),
        (ZERO, ModelMetrics(success=5.0), "counters of batches are missing"),
        (totals({4: 99}), totals({4: 10}), "the model was loaded in between"),
    ],
)
def test_metrics_that_say_nothing_of_batches_change_nothing(
    before: ModelMetrics, after: ModelMetrics, why: str
) -> None:
    assert with_metrics(CurveMemory(), MODEL, 60.0, before, after) == CurveMemory(), why
