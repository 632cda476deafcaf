"""Which of a Prometheus' series are believed, and what they say."""

from typing import Any, NamedTuple

import pytest

from tests.unit.autoscaling.prometheus_results import FAILURE, PENDING, POD, SUCCESS, pod, series
from triton_operator.autoscaling.prometheus_answers import (
    NotAnAnswer,
    PodLabels,
    matrix,
    pod_samples,
)
from triton_operator.autoscaling.samples import PodTarget

TARGET = PodTarget("shop", POD["pod"], 0, "10.0.0.1", "filetype")
BY_ADDRESS = PodLabels(pod="")


class Row(NamedTuple):
    name: str
    result: list[dict[str, Any]]
    expected: tuple[float, float, float] | None
    """Time, successes, waiting; None: no sample."""
    why: str
    target: PodTarget = TARGET
    labels: PodLabels = PodLabels()


ROWS = [
    Row("the newest", pod({40: 1, 45: 7}, {40: 0, 45: 3}), (45, 7, 3), "the others are history"),
    Row("empty", [], None, "nothing is not zero"),
    Row("no values", pod({}), None, "nothing is not zero"),
    Row("another pod", pod({45: 7}, pod="filetype-cpu-5d4f-zzzzz"), None, "not ours"),
    Row("another namespace", pod({45: 7}, namespace="prod"), None, "a namesake's"),
    Row("no namespace", pod({45: 7}, namespace=""), None, "whose it is cannot be told"),
    Row(
        "another cluster", pod({45: 7}, instance="10.9.9.9:8002"), None, "a pod of this name there"
    ),
    Row("a name as instance", pod({45: 7}, instance="node-1:8002"), (45, 7, 0), "tells nothing"),
    Row("no instance", pod({45: 7}, instance=""), (45, 7, 0), "tells nothing"),
    Row("no pod label", pod({45: 7}, pod=""), None, "by its address only if that was agreed on"),
    Row("address", pod({45: 7}, pod=""), (45, 7, 0), "agreed on", labels=BY_ADDRESS),
    Row(
        "another address",
        pod({45: 7}, pod="", instance="10.0.0.2:8002"),
        None,
        "not ours",
        labels=BY_ADDRESS,
    ),
    Row(
        "IPv6",
        pod({45: 7}, instance="[fd00::0:1]:8002"),
        (45, 7, 0),
        "one address, two ways to write it",
        PodTarget("shop", POD["pod"], 0, "fd00::1", "filetype"),
    ),
    Row(
        "other labels",
        pod({45: 7}, kubernetes_pod=POD["pod"], pod="", kubernetes_namespace="shop", namespace=""),
        (45, 7, 0),
        "an older configuration",
        labels=PodLabels("kubernetes_namespace", "kubernetes_pod"),
    ),
    Row(
        "scraped by two jobs",
        pod({41: 5, 44: 6}) + pod({40: 1, 45: 7}, {40: 0, 45: 2}, job="again"),
        (45, 7, 2),
        "one of them, not both: the newer",
    ),
    Row(
        "two replicas of Prometheus",
        pod({45: 7}, prometheus_replica="0") + pod({45: 7}, prometheus_replica="1"),
        (45, 7, 0),
        "one of them",
    ),
    Row(
        "a series that ended",
        [*pod({45: 7}), series(FAILURE, {30: 90}, reason="BACKEND")],
        (45, 7, 0),
        "the last scrape had it no more",
    ),
    Row(
        "success that ended",
        [series(SUCCESS, {30: 90}), *pod({45: 7})[1:]],
        None,
        "absent from the last scrape: not zero, and not as it was",
    ),
    Row("no gauge", pod({45: 7})[:2], None, "a rule that drops metrics: what waits is unknown"),
    Row("NaN", pod({45: "NaN"}), None, "no number is not zero"),
    Row("NaN waits", pod({45: 7}, {45: "NaN"}), None, "no number is not zero"),
    Row("infinite", pod({45: "+Inf"}), None, "no counter is that"),
    Row("another model", pod({45: 7}, model="other"), None, "of that pod, and not the service's"),
    Row(
        "before the container",
        pod({45: 7}),
        None,
        "counters of the process before it",
        PodTarget("shop", POD["pod"], 1, "10.0.0.1", "filetype", started=50.0),
    ),
    Row(
        "since the container",
        pod({45: 7}),
        (45, 7, 0),
        "its own",
        PodTarget("shop", POD["pod"], 1, "10.0.0.1", "filetype", started=30.0),
    ),
    Row(
        "an ensemble",
        [
            *pod({45: 7}, {45: 99}, model="pipeline"),
            series(PENDING, {45: 3}, model="decode"),
            series(PENDING, {45: 4}, model="classify"),
        ],
        (45, 7, 7),
        "what waits does so in its models",
        PodTarget("shop", POD["pod"], 0, "10.0.0.1", "pipeline", composing=("decode", "classify")),
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_what_is_believed(row: Row) -> None:
    pods, problems = pod_samples(matrix(row.result), [row.target], row.labels)

    if row.expected is None:
        assert pods == {}, row.why
        assert problems[row.target.instance], "never without a reason"
    else:
        sample = pods[row.target.instance]
        found = (sample.time, sample.metrics.success, sample.metrics.pending)
        assert found == row.expected, row.why
        assert problems == {}


@pytest.mark.parametrize(
    "result",
    [
        None,
        {},
        "up",
        [1],
        [{}],
        [{"metric": {}}],
        [{"metric": {}, "value": [45, "7"]}],
        [{"metric": {}, "values": [[45]]}],
        [{"metric": {}, "values": [[45, "many"]]}],
        [{"metric": [], "values": [[45, "7"]]}],
        [45.0, "45"],
    ],
)
def test_another_form_is_no_answer(result: object) -> None:
    with pytest.raises(NotAnAnswer):
        matrix(result)
