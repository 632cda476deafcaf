"""A probe on a Triton in made time: true numbers, within the budget, and no number if disturbed."""

import itertools
from collections.abc import Callable

import pytest

from tests.unit.model.measurement.fake_triton import FakeTriton
from triton_operator.api.enums import MeasurementEnd
from triton_operator.api.tensors import Tensor
from triton_operator.model import reasons
from triton_operator.model.errors import WorkFailed
from triton_operator.model.measurement.inputs import generated_inputs
from triton_operator.model.measurement.measured import Measured
from triton_operator.model.measurement.probe import Probe, Settings

X = Tensor(name="x", datatype="FP32", shape=[-1, 4])


def line(rows: int) -> float:
    return 0.002 + 0.0005 * rows


def probe(triton: FakeTriton, **settings: float) -> Measured:
    wanted = {"largest": 16, "budget_seconds": 60.0, **settings}
    return Probe(
        triton,
        generated_inputs([X], batched=True, seed="a"),
        Settings(**wanted),  # type: ignore[arg-type]
        clock=triton.clock,
        sleep=triton.sleep,
        own_cpu=triton.own_cpu,
    ).measure()


def test_each_size_has_tritons_own_time() -> None:
    """The client's part of a latency is beside it, and not in it."""
    found = probe(FakeTriton(line))

    assert [row.batch_size for row in found.sizes] == [1, 2, 4, 8, 16]
    for row in found.sizes:
        assert row.seconds == pytest.approx(line(row.batch_size), rel=1e-6)
        assert row.client_seconds == pytest.approx(line(row.batch_size) + 0.001)
        assert row.client_p99_seconds >= row.client_seconds
        assert row.narrow
    assert found.requests_per_second == pytest.approx(32 / line(32), rel=0.01)
    assert found.senders == 32


def test_a_steady_model_takes_little_of_the_budget() -> None:
    triton = FakeTriton(line)

    probe(triton, budget_seconds=600.0)

    load = 600.0 * 0.2
    assert triton.now < load + 5


def noisy() -> Callable[[int], float]:
    """Two modes, so far apart that no median of them is ever sure."""
    modes = itertools.cycle([1.0, 1.0, 3.0, 3.0])
    return lambda rows: line(rows) * 20 * next(modes)


def test_an_unsteady_model_keeps_the_budget() -> None:
    triton = FakeTriton(noisy())

    found = probe(triton, budget_seconds=30.0)

    assert triton.now < 30.0 + 2
    assert not any(row.narrow for row in found.sizes)


def test_a_slow_model_is_measured_as_far_as_the_budget_goes() -> None:
    triton = FakeTriton(lambda rows: 2.0 * rows)

    found = probe(triton, budget_seconds=60.0)

    assert [row.batch_size for row in found.sizes] == [1, 2]
    assert "budget does not last for batches of 4" in found.reason
    assert triton.now < 60.0 + 4.0 * 2


def test_sizes_that_are_too_slow_for_the_objective_end_it() -> None:
    found = probe(FakeTriton(line), bound_seconds=0.0035)

    assert [row.batch_size for row in found.sizes] == [1, 2, 4]
    assert "objective" in found.reason
    assert found.end is MeasurementEnd.OBJECTIVE


def test_instances_are_measured_beside_each_other() -> None:
    triton = FakeTriton(line)

    found = probe(triton, instances=2)

    assert triton.senders == {2}
    assert found.senders == 64


def test_an_answer_before_it_is_counted_is_waited_for() -> None:
    found = probe(FakeTriton(line, late=3))

    assert found.sizes[0].seconds == pytest.approx(line(1), rel=1e-6)


def test_a_stranger_now_and_then_costs_a_reading() -> None:
    strangers = itertools.cycle([0] * 9 + [1])

    found = probe(FakeTriton(line, strangers=strangers), largest=2)

    assert [row.seconds for row in found.sizes] == pytest.approx([line(1), line(2)], rel=1e-6)


def test_with_strangers_all_the_time_there_is_no_number() -> None:
    with pytest.raises(WorkFailed) as caught:
        probe(FakeTriton(line, strangers=itertools.repeat(1)))

    assert caught.value.failure.reason == reasons.MEASUREMENT_DISTURBED


def test_a_stranger_of_the_same_size_is_noticed() -> None:
    """Their execution would count as one of ours."""
    with pytest.raises(WorkFailed):
        probe(FakeTriton(line, strangers=itertools.repeat(1)), largest=1)


def test_a_size_that_fails_ends_it_and_those_before_it_count() -> None:
    found = probe(FakeTriton(line, fails_at=8))

    assert [row.batch_size for row in found.sizes] == [1, 2, 4]
    assert found.reason == "batches of 8 fail: batch of 8"
    assert found.end is MeasurementEnd.FAILED
    assert found.requests_per_second == pytest.approx(4 / line(4), rel=0.01)
    assert found.senders == 4


def test_a_first_size_that_fails_is_a_failure() -> None:
    with pytest.raises(WorkFailed, match="batch of 1"):
        probe(FakeTriton(line, fails_at=1))


def test_a_load_that_fails_leaves_the_sizes() -> None:
    """Requests of one row that come at once are a batch of more than was sent before."""
    found = probe(FakeTriton(line, fails_at=20))

    assert [row.batch_size for row in found.sizes] == [1, 2, 4, 8, 16]
    assert found.requests_per_second is None
    assert found.reason == "all sizes up to 16 are measured; the load fails: batch of 32"


@pytest.mark.parametrize("reason", [reasons.INTERRUPTED, reasons.MEASUREMENT_DISTURBED])
@pytest.mark.parametrize("fails_at", [8, 20])
def test_what_has_nothing_to_do_with_the_size_is_a_failure(reason: str, fails_at: int) -> None:
    with pytest.raises(WorkFailed) as caught:
        probe(FakeTriton(line, fails_at=fails_at, fails_with=reason))

    assert caught.value.failure.reason == reason


def test_a_client_that_cannot_keep_up_tells_no_throughput() -> None:
    found = probe(FakeTriton(line, client_is_busy=True))

    assert found.requests_per_second is None
    assert found.sizes
