"""A run of the benchmark as a decision log, as the documentation proposes it."""

from bench.autoscaling.recorded import recorded
from bench.autoscaling.traces import step


def test_a_run_becomes_a_log_with_a_record_of_each_decision() -> None:
    policy = recorded(step(seconds=40))

    assert len(list(policy.log.lines("bench/service"))) == 40
