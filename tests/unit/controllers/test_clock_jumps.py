"""The clock is put back or forward by hours: nothing waits as long, and nothing is lost."""

import pytest

from tests.unit.controllers.world import NOW, inspecting, inspection_failed, observed
from triton_operator.controllers.inference_service import reconcile
from triton_operator.controllers.model_resolution import REPORT_GRACE_SECONDS, RETRY_SECONDS
from triton_operator.controllers.times import rfc3339

HOUR = 3600.0
JUMPS = (-24 * HOUR, -HOUR, -60.0, 0.0, 60.0, HOUR, 24 * HOUR)


@pytest.mark.parametrize("jump", JUMPS)
def test_a_failed_inspection_is_tried_again_within_its_time(jump: float) -> None:
    """What ended in the future ended just now."""
    outcome = reconcile(observed(inspection_failed(), now=NOW + jump))

    wait = outcome.requeue_after_seconds
    jobs = [manifest for manifest in outcome.apply if manifest["kind"] == "Job"]
    assert bool(jobs) == (wait is not None)
    if wait is None:
        assert [child.kind for child in outcome.delete] == ["Job"]
    else:
        assert 0 < wait <= RETRY_SECONDS[False]


@pytest.mark.parametrize("jump", JUMPS)
def test_a_lost_report_is_not_waited_for_longer(jump: float) -> None:
    cluster = inspecting()
    cluster.end_job("", at=rfc3339(NOW))

    wait = reconcile(observed(cluster, now=NOW + jump)).requeue_after_seconds

    assert wait is None or 0 <= wait <= max(REPORT_GRACE_SECONDS, RETRY_SECONDS[True])


@pytest.mark.parametrize("jump", [jump for jump in JUMPS if jump <= 0])
def test_times_of_conditions_follow_the_clock_and_do_not_flap(jump: float) -> None:
    """A condition keeps the time of its last change, also where that is in the future now."""
    cluster = inspection_failed()
    before = reconcile(observed(cluster))
    assert before.status is not None
    cluster.observe("InferenceService", "shop", "filetype", **before.status)

    after = reconcile(observed(cluster, now=NOW + jump))

    assert after.status is not None
    assert after.status["conditions"] == before.status["conditions"]
    assert after.events == ()
