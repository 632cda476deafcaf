"""Reading Triton's metrics: what is summed, what is left out, what is not believed."""

from typing import Any, NamedTuple

import pytest

from tests.unit.autoscaling.exposition_text import cpu, gpu
from triton_operator.autoscaling import exposition
from triton_operator.autoscaling.exposition import ModelMetrics, NotMetrics, model_metrics

SUCCESS = "nv_inference_request_success"
PENDING = "nv_inference_pending_request_count"
LABELS = '{model="filetype",version="1"}'


class Row(NamedTuple):
    name: str
    text: str
    expected: dict[str, Any]
    why: str


@pytest.mark.parametrize(
    "row",
    [
        Row(
            "one set of labels",
            cpu(7, {"BACKEND": 2, "REJECTED": 1}, 3),
            {"success": 7, "failure": 3, "pending": 3, "inferences": 7, "compute_us": 280_000},
            "a CPU: all series have the same labels",
        ),
        Row(
            "two sets of labels",
            gpu(8, {"OTHER": 1}, 4),
            {"success": 8, "failure": 1, "pending": 4},
            "a GPU: a join by labels would find nothing",
        ),
        Row(
            "several GPUs",
            gpu(8, pending=4, devices=2),
            {"success": 8, "pending": 4, "inferences": 8},
            "instances on two devices: a series each",
        ),
        Row(
            "versions",
            cpu(5, {"OTHER": 1}, 1) + cpu(6, {"OTHER": 2}, 2, version="2"),
            {"success": 11, "failure": 3, "pending": 3},
            "clients may ask any version: all of them are the model's load",
        ),
        Row(
            "another model",
            cpu(5) + cpu(600, model="filetype2") + cpu(700, model="other"),
            {"success": 5},
            "a repository has several models; names may begin alike",
        ),
        Row(
            "the same series twice",
            f"{SUCCESS}{LABELS} 4\n{SUCCESS}{LABELS} 4\n",
            {"success": 4},
            "counted once",
        ),
        Row("no failures at all", "", {"failures": None, "success": None}, "absent is not 0"),
        Row(
            "gauge of nothing",
            cpu(5, pending="NaN"),
            {"success": 5, "pending": None},
            "no number is not 0",
        ),
        Row("infinite", f"{SUCCESS}{LABELS} +Inf\n", {"success": None}, "no counter is that"),
        Row("below zero", f"{SUCCESS}{LABELS} -4\n", {"success": None}, "no counter is that"),
        Row(
            "one part of a sum is no number",
            cpu(5, {"OTHER": 3, "BACKEND": float("nan")}),
            {"success": 5, "failures": None},
            "the rest would be a wrong sum",
        ),
        Row(
            "idle summary",
            cpu(5, p99="Nan"),
            {"success": 5, "p99_us": None},
            "Triton's word for no requests in the last minute",
        ),
        Row(
            "summaries of two versions",
            cpu(5, p99="90000") + cpu(5, version="2", p99="120000.5"),
            {"p99_us": 120000.5},
            "the larger one bounds both",
        ),
        Row(
            "histogram",
            cpu(9, within={"124": 5, "249": 8, "+Inf": 10}),
            {"answered": 10, "within_ms": {124.0: 5, 249.0: 8}},
            "errors are answers too",
        ),
        Row(
            "tags and braces in labels",
            f'{SUCCESS}{{_team="a,b=}}c\\"d\\\\",model="filetype",version="1"}} 4\n',
            {"success": 4},
            "tags are users' texts",
        ),
        Row(
            "a tag that looks like the model",
            f'{SUCCESS}{{_model="filetype",model="other",version="1"}} 4\n',
            {"success": None},
            "labels are compared, not texts",
        ),
        Row(
            "time of the sample, exponents",
            f"{SUCCESS}{LABELS} 1.5e+06 1700000000000\n",
            {"success": 1_500_000},
            "both are in the format",
        ),
        Row("other families", "nv_gpu_utilization 0.5\ncustom 1\n", {"success": None}, "not ours"),
    ],
    ids=lambda row: row.name,
)
def test_what_a_text_says(row: Row) -> None:
    metrics = model_metrics(row.text, "filetype")

    for name, value in row.expected.items():
        assert getattr(metrics, name) == value, f"{name}: {row.why}"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"{SUCCESS}{LABELS} 12", "a number that is cut short is another number"),
        (f"{SUCCESS}{LABELS} many\n", "no number"),
        (f"{SUCCESS}{LABELS} 1_000\n", "a number for Python only"),
        (f"{SUCCESS}{LABELS}\n", "no value"),
        (f"{SUCCESS}{LABELS} 1 2 3\n", "too much"),
        (f'{SUCCESS}{{model="filetype",version=1}} 1\n', "labels without quotes"),
        (f'{SUCCESS}{{model="filetype" 1\n', "labels without an end"),
    ],
)
def test_a_text_that_cannot_be_read_is_not_read_in_part(text: str, why: str) -> None:
    with pytest.raises(NotMetrics):
        model_metrics(text, "filetype")
    assert why


def test_of_another_model_anything_may_be_said() -> None:
    text = cpu(5) + f'{SUCCESS}{{model="other"}} many\n<html>\n'

    assert model_metrics(text, "filetype").success == 5


def test_what_waits_in_an_ensemble_waits_in_its_models() -> None:
    text = (
        cpu(9, pending=400, model="pipeline")
        + cpu(90, pending=3, model="decode")
        + cpu(90, pending=4, model="classify")
        + cpu(90, pending=50, model="other")
    )

    metrics = model_metrics(text, "pipeline", composing=("decode", "classify"))

    assert metrics.pending == 7, "the ensemble's own gauge is wrong"
    assert metrics.success == 9, "requests are counted once, at the ensemble"


def test_an_ensemble_without_the_gauges_of_its_models_does_not_know_what_waits() -> None:
    metrics = model_metrics(cpu(9, pending=0, model="pipeline"), "pipeline", ("decode",))

    assert metrics.pending is None
    assert not metrics.complete


def test_a_name_is_matched_as_the_format_escapes_it() -> None:
    text = f'{SUCCESS}{{model="a\\"b\\\\c"}} 3\n'

    assert model_metrics(text, 'a"b\\c').success == 3


def test_too_many_series_are_not_believed() -> None:
    lines = (
        f'{SUCCESS}{{model="filetype",version="{version}"}} 1\n'
        for version in range(exposition.MAX_SERIES + 1)
    )

    with pytest.raises(NotMetrics, match="series"):
        model_metrics("".join(lines), "filetype")


def test_a_web_page_says_nothing_of_a_model() -> None:
    assert model_metrics("<html>\n<body>It works!</body></html>\n", "filetype") == ModelMetrics()
