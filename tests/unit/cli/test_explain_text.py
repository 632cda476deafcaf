"""The text of `explain`: what is copied from it stays whole."""

from dataclasses import replace
from typing import Any

import pytest
import yaml

from tests.unit.cli.test_explanation import explained
from tests.unit.controllers.world import NOW, serving
from triton_operator.cli.explain import print_answer, print_explanation
from triton_operator.cli.explanation import Trouble
from triton_operator.cli.output import Output
from triton_operator.controllers.cluster_events import EventView

POOL = {"name": "cpu", "precision": "FP32", "maxBatchSize": 4, "readyReplicas": 1}


def test_an_event_is_a_head_and_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    message = "the scheduler's words " * 20
    about = "Pod filetype-cpu-1"
    event = EventView("FailedScheduling", message, NOW, 1, about=about)

    print_explanation(explained(serving(), events={"a": [event]}))

    lines = capsys.readouterr().out.splitlines()
    head = next(number for number, line in enumerate(lines) if line.split()[:1] == ["TIME"])
    assert lines[head].split() == ["TIME", "REASON", "ABOUT"]
    assert lines[head + 1].split(maxsplit=2)[1:] == ["FailedScheduling", about]
    assert lines[head + 2] == f"  {message}"


def test_what_a_condition_says_is_not_said_again_as_a_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    trouble = Trouble(("ReleaseSecure",), "False", "KnownHoles", "pool cpu: use 26.07", "now")
    row = {**POOL, "instances": 1, "desiredReplicas": 1, "reasons": ["use 26.07", "FP32: stored"]}

    print_explanation(replace(explained(serving()), troubles=(trouble,), pools=(row,)))

    out = capsys.readouterr().out
    assert out.count("use 26.07") == 1
    assert "  FP32: stored" in out


@pytest.mark.parametrize("output", [Output.JSON, Output.YAML])
def test_programs_read_the_same_in_yaml_and_json(
    capsys: pytest.CaptureFixture[str], output: Output
) -> None:
    found = explained(serving())

    print_answer(found, output)

    read = yaml.safe_load(capsys.readouterr().out)
    assert read["isReady"] is found.is_ready
    assert (read["name"], read["replicas"]) == (found.name, list(found.replicas))


@pytest.mark.parametrize(
    ("instances", "threads", "words"),
    [
        (1, 1, "1 instance of 1 thread,"),
        (1, 4, "1 instance of 4 threads,"),
        (2, 1, "2 instances of 1 thread each,"),
        (2, None, "2 instances,"),
    ],
)
def test_one_and_many(
    capsys: pytest.CaptureFixture[str], instances: int, threads: int | None, words: str
) -> None:
    row: dict[str, Any] = {**POOL, "instances": instances, "desiredReplicas": 1}
    row |= {"threads": threads} if threads else {}

    print_explanation(replace(explained(serving()), pools=(row,)))

    assert words in capsys.readouterr().out


@pytest.mark.parametrize(
    ("engine", "words"),
    [
        ({}, "FP32, batches of up to"),
        ({"engine": "onnxruntime"}, "FP32, batches of up to"),
        ({"engine": "onnxruntime-tensorrt"}, "FP32 by onnxruntime-tensorrt, batches of up to"),
    ],
)
def test_another_engine_is_named(
    capsys: pytest.CaptureFixture[str], engine: dict[str, str], words: str
) -> None:
    row: dict[str, Any] = {
        **POOL,
        **engine,
        "precision": "FP32",
        "instances": 1,
        "desiredReplicas": 1,
    }

    print_explanation(replace(explained(serving()), pools=(row,)))

    assert words in capsys.readouterr().out
