"""A model of more than 2 GiB, which is more than one protobuf message can hold."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.job import run_job
from tests.unit.model.building import external, linear, value

COLUMNS = 140_000_000
WEIGHT_BYTES = 4 * 4 * COLUMNS
FETCH_LIMIT_MIB = 256
"""Memory limit of the container that fetches; the Job's is 4 GiB."""


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Path]:
    """`model.onnx` with weights in a file of 2.1 GiB without blocks: reading it gives zeros."""
    folder = tmp_path / "source"
    folder.mkdir()
    built = external("weights.bin", shape=(4, COLUMNS))
    del built.graph.node[1], built.graph.initializer[1]
    del built.graph.output[0]
    built.graph.node[0].output[0] = "y"
    built.graph.output.append(value("y", ["n", COLUMNS]))
    (folder / "model.onnx").write_bytes(built.SerializeToString())
    (folder / "weights.bin").touch()
    os.truncate(folder / "weights.bin", WEIGHT_BYTES)
    yield folder
    for path in tmp_path.rglob("weights.bin"):
        path.unlink()


def test_external_data_over_2_gib_is_inspected_and_fetched_in_little_memory(
    source: Path, tmp_path: Path
) -> None:
    assert WEIGHT_BYTES > 1 << 31

    inspected = run_job("inspect", tmp_path, "pvc://models/model.onnx")

    facts = inspected.report.facts
    assert facts is not None, inspected.log
    assert facts.parameter_count == 4 * COLUMNS
    assert [row.size_bytes for row in facts.files][1] == WEIGHT_BYTES
    assert facts.batchable
    assert inspected.peak_mib < FETCH_LIMIT_MIB

    fetched = run_job(
        "fetch",
        tmp_path,
        "pvc://models/model.onnx",
        f"--files={json.dumps([row.wire() for row in facts.files])}",
        f"--digest={inspected.report.digest}",
        f"--into={tmp_path / 'models'}",
    )

    assert fetched.code == 0, fetched.log
    assert (tmp_path / "models" / "weights.bin").stat().st_size == WEIGHT_BYTES
    assert fetched.peak_mib < FETCH_LIMIT_MIB
    print(f"peak: inspection {inspected.peak_mib:.0f} MiB, fetch {fetched.peak_mib:.0f} MiB")


def test_one_file_over_2_gib_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    file = tmp_path / "source" / "model.onnx"
    file.write_bytes(linear().SerializeToString())
    os.truncate(file, (2 << 30) + 1)

    ended = run_job("inspect", tmp_path, "pvc://models/model.onnx")

    reason, message = ended.refusal
    assert reason == "ModelTooLarge"
    assert "external data" in message
    assert ended.peak_mib < FETCH_LIMIT_MIB


def test_a_missing_tail_of_large_weights_is_found(source: Path, tmp_path: Path) -> None:
    os.truncate(source / "weights.bin", 1000)

    reason, message = run_job("inspect", tmp_path, "pvc://models/model.onnx").refusal

    assert reason == "ExternalDataRefused"
    assert "is the upload complete?" in message
