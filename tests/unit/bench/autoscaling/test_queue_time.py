from bench.autoscaling.faults import HalfMissing, NoScrapes
from bench.autoscaling.policies.hpa import QueueTime
from bench.autoscaling.replicas import DONE, QUEUED_SECONDS
from bench.autoscaling.view import View
from tests.unit.bench.autoscaling.looks import look, pass_time


def _after_a_minute(view: View) -> View:
    pass_time(view, 30)
    # 299 requests in each replica waited 9 s in all, of the last of them twice as much.
    view.fleet.counts[:, DONE] += 299
    view.fleet.numbers[:, QUEUED_SECONDS] += 9.0
    view.fleet.numbers[3, QUEUED_SECONDS] += 9.0
    return pass_time(view, 60)


def test_the_mean_of_pods_counts_one_request_more() -> None:
    view = _after_a_minute(look(ready=4))

    # Three times 9/300 and once 18/300.
    assert abs(view.queue_seconds(30) - 0.0375) < 1e-12  # type: ignore[operator]
    assert QueueTime(0.025).target(view) == 6


def test_what_was_before_the_window_does_not_count() -> None:
    view = pass_time(_after_a_minute(look(ready=4)), 95)

    assert view.queue_seconds(30) == 0.0


def test_a_pod_that_started_again_counts_from_zero() -> None:
    view = look(ready=1)
    view.fleet.counts[0, DONE] = 1000
    view.fleet.numbers[0, QUEUED_SECONDS] = 100.0
    pass_time(view, 30)
    view.fleet.counts[0, DONE] = 99
    view.fleet.numbers[0, QUEUED_SECONDS] = 1.0
    pass_time(view, 31)

    assert view.queue_seconds(30) == 0.01


def test_without_metrics_it_holds() -> None:
    view = pass_time(look(NoScrapes, ready=4, starting=1), 700)

    assert QueueTime(0.025).target(view) == 5


def test_half_of_the_pods_bring_it_up_by_less() -> None:
    view = pass_time(look(HalfMissing, ready=4), 630)
    view.fleet.counts[:, DONE] += 299
    view.fleet.numbers[:, QUEUED_SECONDS] += 18.0
    pass_time(view, 660)

    # 60 ms in two of four, and 0 in the others: 30 ms, for all that the HPA knows.
    assert QueueTime(0.025).target(view) == 5
