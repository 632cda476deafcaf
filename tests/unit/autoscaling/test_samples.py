"""What is remembered of pods over several looks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.autoscaling.pods import pod, samples, told
from triton_operator.autoscaling.look import look
from triton_operator.autoscaling.samples import with_samples

OBJECTIVE_MS = 250
AB = (pod("a"), pod("b"))


def test_looks_between_two_scrapes_keep_the_rate() -> None:
    """Prometheus has a new sample every 5 s, we look every 2 s: not nothing, then twice as much."""
    seen = None
    rates = []
    for now in range(0, 60, 2):
        scraped = now - now % 5
        taken = samples(now, a=told(scraped, scraped * 40.0))
        seen = with_samples(seen, taken, AB[:1])
        traffic = look(seen, AB[:1], OBJECTIVE_MS).traffic
        if traffic is not None:
            assert traffic.interval_seconds == 2
            rates.append(traffic.arrivals / traffic.interval_seconds)

    assert len(rates) == 27, "from the second scrape on, every look has traffic"
    assert rates == [pytest.approx(40.0)] * 27


def test_a_pod_that_missed_a_look_is_counted_over_its_own_time() -> None:
    seen = with_samples(None, samples(0, a=told(0), b=told(0)), AB)
    seen = with_samples(seen, samples(5, a=told(5, 50)), AB)
    seen = with_samples(seen, samples(10, a=told(10, 100), b=told(10, 100)), AB)

    traffic = look(seen, AB, OBJECTIVE_MS).traffic

    assert traffic is not None
    assert traffic.arrivals == pytest.approx(100), "10/s of each pod, for 5 s"


def test_a_new_pod_that_told_nothing_at_first_counts_since_it_was_wanted() -> None:
    """Its counters are of three looks; as one look's traffic they would be three times too many."""
    both = (pod("a"), pod("b", started=1.0))
    seen = with_samples(None, samples(0, a=told(0)), both[:1])
    seen = with_samples(seen, samples(5, a=told(5)), both)
    seen = with_samples(seen, samples(10, a=told(10)), both)
    seen = with_samples(seen, samples(15, a=told(15), b=told(15, 150)), both)

    traffic = look(seen, both, OBJECTIVE_MS).traffic

    assert traffic is not None
    assert traffic.arrivals == pytest.approx(50)


def test_a_pod_that_was_not_ready_for_a_while_goes_on_from_its_own_counters() -> None:
    both = (pod("a"), pod("b", started=1.0))
    seen = with_samples(None, samples(0, a=told(0)), both[:1])
    seen = with_samples(seen, samples(10, a=told(10), b=told(10, 100)), both)
    seen = with_samples(seen, samples(20, a=told(20)), both[:1])
    seen = with_samples(seen, samples(110, a=told(110), b=told(110, 200)), both)

    traffic = look(seen, both, OBJECTIVE_MS).traffic

    assert traffic is not None
    assert traffic.arrivals == pytest.approx(90), "100 in its 100 s, 90 s of them since"


def test_a_pod_that_is_gone_for_long_is_forgotten() -> None:
    seen = with_samples(None, samples(0, a=told(0), b=told(0)), AB)
    seen = with_samples(seen, samples(3600, a=told(3600)), AB[:1])

    assert set(seen.pods) == {"shop/a/0"}


@given(
    counts=st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 100)), min_size=2, max_size=30),
    lost=st.sets(st.integers(1, 28)),
)
def test_over_time_no_request_is_lost_or_doubled(
    counts: list[tuple[int, int]], lost: set[int]
) -> None:
    """Answers and what waits add up to what came, whichever looks in between had no sample."""
    seen = None
    success, came = 0, 0.0
    for place, (answers, waiting) in enumerate(counts):
        success += answers
        is_there = place not in lost or place == len(counts) - 1
        taken = samples(place, a=told(place, success, pending=waiting)) if is_there else None
        earlier = seen
        seen = with_samples(seen, taken or samples(place), AB[:1])
        if earlier is not None and seen.pods != earlier.pods and "shop/a/0" in earlier.pods:
            history = seen.pods["shop/a/0"]
            assert history.earlier == earlier.pods["shop/a/0"].latest
            metrics, before = history.latest.metrics, history.earlier.metrics
            assert metrics.success is not None
            assert before.success is not None
            came += metrics.success - before.success

    assert came == success - counts[0][0]


def test_a_clock_that_was_told_late_does_not_make_forget() -> None:
    seen = with_samples(None, samples(100, a=told(100, 10)), AB[:1])
    seen = with_samples(seen, samples(105, a=told(105, 60)), AB[:1])
    late = with_samples(seen, samples(103), AB[:1])
    after = with_samples(late, samples(110, a=told(110, 110)), AB[:1])

    assert (late.taken, late.previous) == (105, 100), "no time went by"
    result = look(after, AB[:1], OBJECTIVE_MS).traffic
    assert result is not None
    assert (result.arrivals, result.interval_seconds) == (pytest.approx(50), 5)
