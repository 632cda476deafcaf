"""Paths, and times that let requests finish."""

from hypothesis import given
from hypothesis import strategies as st

from triton_operator.triton.probes import LIVENESS, STARTUP, readiness, shutdown_times


def test_paths() -> None:
    assert STARTUP.path == "/v2/health/ready"
    assert LIVENESS.path == "/v2/health/live"
    assert readiness("filetype").path == "/v2/models/filetype/ready"


def test_startup_waits_for_an_engine_build_but_not_for_ever() -> None:
    assert STARTUP.period_seconds * STARTUP.failure_threshold == 1800


def test_liveness_is_the_most_patient_of_those_that_run_for_ever() -> None:
    ready = readiness("m")

    assert (
        LIVENESS.period_seconds * LIVENESS.failure_threshold
        > ready.period_seconds * ready.failure_threshold
    )


@given(st.integers(min_value=0, max_value=86_400))
def test_the_longest_request_fits_and_the_kubelet_waits_for_triton(longest: int) -> None:
    times = shutdown_times(longest)

    assert times.exit_timeout_seconds > longest
    assert times.grace_period_seconds >= times.pre_stop_seconds + times.exit_timeout_seconds + 10
