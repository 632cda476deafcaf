"""The past hour's arrivals from range queries: bins, gaps, resets, pods that are gone."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.unit.autoscaling.prometheus_results import POD, SUCCESS, pod, series
from triton_operator.autoscaling.history import BIN_SECONDS, arrivals
from triton_operator.autoscaling.prometheus_answers import PodLabels, matrix
from triton_operator.autoscaling.samples import PodTarget

TARGET = PodTarget("shop", POD["pod"], 0, "10.0.0.1", "filetype")
OWNERS = ("filetype-cpu",)
GONE = {"pod": "filetype-cpu-77aa-qqqqq", "instance": "10.0.0.7:8002"}
ENDS = tuple(range(5, 65, BIN_SECONDS))


def scraped(
    success: Mapping[int, float],
    pending: Mapping[int, float] | None = None,
    every: int = BIN_SECONDS,
    **labels: str,
) -> list[dict[str, Any]]:
    """What range queries say of a pod that is scraped at multiples of `every` seconds.

    At each step they repeat the newest sample; `timestamp()` tells when it was taken.
    """
    taken = {at: at - at % every for at in success}
    stamps = series(SUCCESS, taken, gpu_uuid="GPU-1", **labels)
    del stamps["metric"]["__name__"]
    seen = {at: success[time] for at, time in taken.items()}
    waiting = {at: (pending or {}).get(time, 0) for at, time in taken.items()}
    return [*pod(seen, waiting, **labels), stamps]


def steady(rate: float, begin: int = 0, end: int = 60, base: float = 1000) -> dict[int, float]:
    return {at: base + rate * (at - begin) for at in range(begin, end + 1, BIN_SECONDS)}


def found(
    result: list[dict[str, Any]],
    targets: tuple[PodTarget, ...] = (TARGET,),
    owners: tuple[str, ...] = OWNERS,
) -> list[float | None]:
    bins = arrivals(matrix(result), targets, owners, PodLabels(), ENDS)
    assert [one.end for one in bins] == list(ENDS)
    return [one.arrivals for one in bins]


def about(*rates: float | None) -> list[Any]:
    return [None if rate is None else pytest.approx(rate * BIN_SECONDS) for rate in rates]


ALL_TWENTY = about(*[20.0] * 12)


@pytest.mark.parametrize(
    ("result", "expected", "why"),
    [
        ([], about(*[None] * 12), "nothing known is not nothing asked"),
        (scraped(steady(20)), ALL_TWENTY, "a steady rate"),
        (scraped(steady(0)), about(*[0.0] * 12), "counters that stand still"),
        (scraped(steady(20), every=15), ALL_TWENTY, "no peaks where scrapes are seldom"),
        (
            scraped(steady(20), {at: at * 2 for at in steady(20)}),
            about(*[22.0] * 12),
            "what waits grows by 2/s",
        ),
        (
            scraped({**steady(20, 0, 30), **steady(20, 35, 60, base=100)}),
            about(*[20.0] * 6, 20.0, *[20.0] * 5),
            "a reset: 100 in the five seconds since",
        ),
        (scraped(steady(20, 30)), about(*[None] * 6, *[20.0] * 6), "known from its first sample"),
        (
            scraped(steady(20)) + scraped(steady(5), **GONE),
            about(*[25.0] * 12),
            "pods that are gone",
        ),
        (
            scraped(steady(20)) + scraped(steady(5, 0, 30), **GONE),
            about(*[25.0] * 6, *[20.0] * 6),
            "as long as they were there",
        ),
        (
            scraped(steady(20)) + scraped(steady(20), job="again"),
            ALL_TWENTY,
            "two jobs scrape the same pod: its requests came once",
        ),
        (
            scraped(steady(20)) + scraped(steady(20), container="triton"),
            ALL_TWENTY,
            "two targets of one job are the same pod",
        ),
        (
            scraped(steady(20), cluster="east")
            + scraped(steady(900), cluster="west", instance="10.9.9.9:8002")
            + scraped(steady(500), cluster="west", **GONE),
            ALL_TWENTY,
            "namesakes in another cluster: none of them is a pod of now",
        ),
        (scraped(steady(900), namespace="prod"), about(*[None] * 12), "another namespace"),
        (scraped(steady(900), model="other"), about(*[None] * 12), "another model"),
        (scraped(steady(5), **GONE), about(*[None] * 12), "no pod of now: whose past is that?"),
        (
            scraped(steady(20)) + scraped(steady(5), pod="filetype-cpu2-77aa-qqqqq", instance=""),
            ALL_TWENTY,
            "another Deployment, whose name begins alike",
        ),
        (
            scraped({0: 0, 5: float("nan"), **steady(20, 10, 60, base=200)}),
            ALL_TWENTY,
            "no number: as if that scrape had failed",
        ),
    ],
)
def test_bins_of_the_past(result: list[dict[str, Any]], expected: list[Any], why: str) -> None:
    assert found(result) == expected, why


def test_a_gap_of_more_than_a_minute_is_not_known() -> None:
    ends = tuple(range(5, 305, BIN_SECONDS))
    result = scraped({**steady(20, 0, 60), **steady(20, 240, 300, base=9000)})

    bins = arrivals(matrix(result), (TARGET,), OWNERS, PodLabels(), ends)

    known = [one.end for one in bins if one.arrivals is not None]
    assert known == [*range(5, 65, 5), *range(245, 305, 5)]


def test_without_owners_only_the_pods_of_now_count() -> None:
    assert found(scraped(steady(20)) + scraped(steady(5), **GONE), owners=()) == ALL_TWENTY
