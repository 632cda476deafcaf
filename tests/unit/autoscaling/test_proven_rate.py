"""What replicas have answered, they can do."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.autoscaling.pods import pod, samples, told
from triton_operator.autoscaling.proven_rate import WATCHED_SECONDS, ProvenRate, with_answers
from triton_operator.autoscaling.samples import PodTarget, Seen, with_samples

Counts = dict[str, dict[float, float]]
"""Of each pod its successes, by time."""


def watched(counts: Counts, memory: ProvenRate = ProvenRate()) -> ProvenRate:  # noqa: B008
    seen: Seen | None = None
    for time in sorted({time for told_at in counts.values() for time in told_at}):
        here = {name: told_at[time] for name, told_at in counts.items() if time in told_at}
        targets: list[PodTarget] = [pod(name) for name in here]
        now = samples(time, **{name: told(time, count) for name, count in here.items()})
        seen = with_samples(seen, now, targets)
        memory = with_answers(memory, targets, seen)
    return memory


def steady(rate: float, begin: int = 0, end: int = 21) -> dict[float, float]:
    return {float(time): rate * (time - begin) for time in range(begin, end)}


class Row(NamedTuple):
    name: str
    why: str
    counts: Counts
    rate: float


ROWS = [
    Row("steady", "it was answered for ten seconds", {"a": steady(50)}, 50),
    Row("short", "single seconds may be what had waited", {"a": steady(50, end=10)}, 0),
    Row("several", "each is given as much as the slowest", {"a": steady(50), "b": steady(30)}, 30),
    Row("new", "one that comes later is watched from then on", {
        "a": steady(50, end=11), "b": steady(1, begin=9, end=11)}, 50),
    Row("burst", "the mean over the seconds counts", {"a": {0.0: 0, 1.0: 900, 10.0: 900}}, 90),
    Row("fell", "the most counts", {"a": {0.0: 0, 10.0: 500, 20.0: 600}}, 50),
    Row("anew", "a counter that fell proves nothing", {"a": {0.0: 9000, 10.0: 500}}, 0),
    Row("nobody", "no pod, no proof", {}, 0),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_what_every_replica_answered(row: Row) -> None:
    assert watched(row.counts).rate == pytest.approx(row.rate), row.why


@given(
    st.lists(
        st.lists(st.integers(0, 500), min_size=25, max_size=25),
        min_size=1,
        max_size=4,
    )
)
def test_no_more_is_proven_than_any_replica_answered(answers: list[list[int]]) -> None:
    """Each looked at once a second, whatever comes."""
    counts: Counts = {}
    for number, row in enumerate(answers):
        counts[f"p{number}"] = {float(time): float(sum(row[:time])) for time in range(len(row))}

    rate = watched(counts).rate

    span = int(WATCHED_SECONDS)
    for told_at in counts.values():
        best = max(told_at[float(end)] - told_at[float(end - span)] for end in range(span, 25))
        assert rate <= best / WATCHED_SECONDS + 1e-9
    assert rate <= sum(max(row) for row in answers)


def test_what_is_proven_stays() -> None:
    assert watched({"a": steady(10)}, ProvenRate(rate=70.0)).rate == 70.0
