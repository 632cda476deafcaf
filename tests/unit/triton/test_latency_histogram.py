"""Buckets of latencies: one ends where the objective does, and no server ends because of them."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.autoscaling.exposition_text import cpu
from tests.unit.autoscaling.pods import pod
from triton_operator.autoscaling.exposition import model_metrics
from triton_operator.autoscaling.look import LatencySource, between
from triton_operator.autoscaling.samples import PodSample, Samples
from triton_operator.triton.latency_histogram import FAMILY, add_histogram, histogram_edges
from triton_operator.triton.model_config import config_text, parse_config
from triton_operator.triton.model_config_schema import schema

OBJECTIVES = st.integers(min_value=1, max_value=3_600_000)


def test_edges_of_an_objective() -> None:
    assert histogram_edges(250) == (62, 125, 187, 249, 375, 500, 1000)
    assert histogram_edges(1000) == (250, 500, 750, 999, 1500, 2000, 4000)


@given(OBJECTIVES)
def test_edges_ascend_strictly(objective: int) -> None:
    """Triton ends with an exception otherwise, for objectives of a few milliseconds too."""
    edges = histogram_edges(objective)

    assert list(edges) == sorted(set(edges))
    assert edges[0] >= 0
    assert objective - 1 in edges
    assert edges[-1] == 4 * objective


@given(OBJECTIVES)
def test_decisions_find_their_edge(objective: int) -> None:
    """What is written for an objective is what is read for it."""

    def seen(time: float, in_time: int, answered: int) -> Samples:
        within = {
            f"{edge}": float(in_time if edge >= objective - 1 else 0)
            for edge in histogram_edges(objective)
        }
        text = cpu(success=answered, within={**within, "+Inf": float(answered)})
        sample = PodSample(time, model_metrics(text, "filetype"))
        return Samples("pods", time, {pod("a").instance: sample})

    look = between(seen(0, 0, 0), seen(10, 90, 100), [pod("a")], objective)

    assert look.latency_source is LatencySource.HISTOGRAM
    assert look.traffic is not None
    assert (look.traffic.answered, look.traffic.within_objective) == (100, 90)


def test_a_config_has_them_as_triton_reads_them() -> None:
    config: Any = schema().ModelConfig(name="m")
    add_histogram(config, histogram_edges(250))

    read: Any = parse_config(config_text(config))

    (control,) = read.model_metrics.metric_control
    assert control.metric_identifier.family == FAMILY
    assert list(control.histogram_options.buckets) == [62, 125, 187, 249, 375, 500, 1000]


def test_without_edges_nothing_is_written() -> None:
    config: Any = schema().ModelConfig(name="m")
    add_histogram(config, ())

    assert not config.HasField("model_metrics")
