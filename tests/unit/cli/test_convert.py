"""`triton-operator model convert` and `verify`: a model in another precision, and its judgement."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from click.testing import Result

from tests.unit.model import nets
from tests.unit.model.building import saved
from tests.unit.model.store import Store, certificate, status
from triton_operator.api.tool_versions import tool_versions
from triton_operator.cli.exit_codes import FAILED, INVALID, OK, REFUSED
from triton_operator.model.digest import file_row

Call = Callable[..., Result]


@pytest.fixture
def mlp(tmp_path: Path) -> Path:
    return saved(nets.mlp(), tmp_path, "mlp.onnx")


@pytest.fixture
def cnn(tmp_path: Path) -> Path:
    return saved(nets.cnn(), tmp_path, "cnn.onnx")


def samples(folder: Path, rows: int, *shape: int) -> Path:
    path = folder / f"{rows}.npz"
    np.savez(path, x=np.random.default_rng(0).standard_normal((rows, *shape)))
    return path


def test_from_a_model_to_a_verdict(call: Call, mlp: Path, tmp_path: Path) -> None:
    output, rows = tmp_path / "half.onnx", samples(tmp_path, 40, 16)

    done = call("model", "convert", mlp, "--to", "FP16", output)

    assert done.exit_code == OK, done.stderr
    facts = dict(line.split(None, 1) for line in done.stdout.splitlines()[2:])
    assert facts["precision"] == "FP16"
    assert facts["source"] == file_row(mlp, "model.onnx").digest
    assert facts["digest"] == file_row(output, "model.onnx").digest
    assert f"{output.stat().st_size:,} (" in facts["bytes"]

    judged = call("model", "verify", mlp, output, "--samples", rows)

    assert judged.exit_code == OK, judged.stderr
    assert "accepted: agreement 1 ≥ 0.99, least of output 'y'" in judged.stdout
    assert "smoke test" not in judged.stdout
    assert "the same bits twice" in judged.stdout


def test_machines_read_json(call: Call, mlp: Path, tmp_path: Path) -> None:
    output = tmp_path / "int8.onnx"

    done = call("model", "convert", mlp, "--to", "INT8", output, "-o", "json")
    judged = call("model", "verify", mlp, output, "-o", "json", "--min-agreement", "0.5")

    record = json.loads(done.stdout)
    assert record["recipe"]["method"] == "INT8Dynamic"
    assert record["artifactDigest"] == file_row(output, "model.onnx").digest
    assert record["key"].startswith("sha256:")
    verdict = json.loads(judged.stdout)
    assert judged.exit_code == OK
    assert verdict["accepted"] is True
    assert verdict["smokeTest"] is True
    assert verdict["samplesDigest"] is None
    assert verdict["outputs"][0]["top1"] == verdict["agreement"]


@pytest.mark.parametrize(
    ("widest", "code", "precision"),
    [
        (1, OK, "INT8"),
        # An input that counts for nothing takes the range of all others.
        (10_000, REFUSED, "FP32"),
    ],
)
def test_a_row_to_commit_makes_the_plan_that_a_job_would(
    call: Call, tmp_path: Path, widest: int, code: int, precision: str
) -> None:
    built = nets.mlp()
    first = nets.weights_of(built, "w1")
    first[0] = 0
    mlp = saved(nets.with_weights(built, "w1", first), tmp_path, "mlp.onnx")
    values = np.random.default_rng(0).standard_normal((40, 16))
    values[:, 0] *= widest
    np.savez(tmp_path / "rows.npz", x=values)
    arguments = ["--to", "INT8", "--samples", tmp_path / "rows.npz", "-o", "json"]
    compared = call("model", "compare", mlp, *arguments)

    assert compared.exit_code == code, compared.stderr
    profile = json.loads(compared.stdout)
    (row,) = profile["spec"]["conversions"]
    assert row["toolVersions"] == tool_versions()
    assert (float(row["agreement"]) >= 0.99) is (code == OK)

    service = {
        "apiVersion": profile["apiVersion"],
        "kind": "InferenceService",
        "metadata": {"name": "s"},
        "spec": {
            "model": {"uri": "pvc://m/model.onnx", "samples": {"uri": "pvc://m/rows.npz"}},
            "precision": {"mode": "INT8"},
        },
    }
    (tmp_path / "service.yaml").write_text(json.dumps(service))
    (tmp_path / "profile.yaml").write_text(compared.stdout)
    given = ["-f", tmp_path / "service.yaml", "--profile", tmp_path / "profile.yaml"]
    planned = call("plan", *given, "--model", mlp, "-o", "json")

    assert planned.exit_code == OK, planned.stderr
    assert json.loads(planned.stdout)["pools"][0]["precision"] == precision


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[Store]:
    """A store that has nothing, and takes nothing unless it is told to."""
    store = Store(certificate(tmp_path))
    yield store
    store.close()


def stored(call: Call, mlp: Path, bucket: Store, *more: str) -> Result:
    return call(
        "model",
        "compare",
        mlp,
        "--to",
        "FP16",
        "--store=s3://copies/a",
        f"--store-endpoint={bucket.url}",
        f"--store-credentials={mlp.parent}",
        "--output=json",
        *more,
    )


def test_an_accepted_copy_goes_into_a_store(call: Call, mlp: Path, bucket: Store) -> None:
    compared = stored(call, mlp, bucket)
    assert compared.exit_code == INVALID, "the store refuses it"
    assert "there is no such bucket" in compared.stderr
    (row,) = json.loads(compared.stdout)["spec"]["conversions"]

    at = f"PUT /copies/a/{row['digest'].removeprefix('sha256:')}/model.onnx"
    bucket.answers[at] = [status(200)]
    bucket.received.clear()
    assert stored(call, mlp, bucket).exit_code == OK
    ((path, body),) = bucket.received
    assert path == at
    assert f"sha256:{hashlib.sha256(body).hexdigest()}" == row["digest"]


def test_a_store_that_wants_a_key_says_which_option_has_it(
    call: Call, mlp: Path, bucket: Store
) -> None:
    (mlp.parent / "AWS_ACCESS_KEY_ID").write_text("a")
    (mlp.parent / "AWS_SECRET_ACCESS_KEY").write_text("b")
    bucket.answers = {}
    compared = stored(call, mlp, bucket)
    (row,) = json.loads(compared.stdout)["spec"]["conversions"]
    digest = row["digest"].removeprefix("sha256:")
    bucket.answers[f"PUT /copies/a/{digest}/model.onnx"] = [status(403)]

    refused = stored(call, mlp, bucket)

    assert refused.exit_code == INVALID
    assert "--store-credentials are not accepted" in refused.stderr


def test_a_rejected_copy_goes_nowhere(call: Call, tmp_path: Path, bucket: Store) -> None:
    looped = saved(nets.branching(), tmp_path, "looped.onnx")

    assert stored(call, looped, bucket).exit_code == REFUSED
    assert bucket.requests == []


def times(milliseconds: dict[int, int], **more: str) -> dict[str, object]:
    return {
        "precision": "FP32",
        "engine": "onnxruntime",
        "hardware": {},
        "latency": [
            {"batchSize": size, "milliseconds": str(one)} for size, one in milliseconds.items()
        ],
        "source": "Declared",
        "time": "2026-11-20T10:00:00Z",
        **more,
    }


def test_a_batch_of_one_is_planned_with_before_anything_runs(call: Call, tmp_path: Path) -> None:
    fixed = saved(nets.mlp(rows=1), tmp_path, "fixed.onnx")
    rows = samples(tmp_path, 40, 16)
    compared = call(
        "model", "compare", fixed, "--to", "DynamicBatch", "--samples", rows, "-o", "json"
    )
    assert compared.exit_code == OK, compared.stderr
    profile = json.loads(compared.stdout)
    (row,) = profile["spec"]["conversions"]
    assert (row["precision"], row["method"]) == ("FP32", "DynamicBatch")
    assert "where measurements of both ways are in the profile" in compared.stderr
    service = {
        "apiVersion": profile["apiVersion"],
        "kind": "InferenceService",
        "metadata": {"name": "s"},
        "spec": {"model": {"uri": "pvc://m/model.onnx", "samples": {"uri": "pvc://m/rows.npz"}}},
    }
    (tmp_path / "service.yaml").write_text(json.dumps(service))

    def planned(*measurements: dict[str, object]) -> dict[str, Any]:
        profile["spec"]["measurements"] = list(measurements)
        (tmp_path / "profile.yaml").write_text(json.dumps(profile))
        given = ["-f", tmp_path / "service.yaml", "--profile", tmp_path / "profile.yaml"]
        answer = call("plan", *given, "--model", fixed, "-o", "json")
        assert answer.exit_code == OK, answer.stderr
        pool: dict[str, Any] = json.loads(answer.stdout)["pools"][0]
        return pool

    alone = times({1: 30})
    before = planned(alone)
    after = planned(alone, times({1: 30, 4: 48, 16: 120}, method="DynamicBatch"))

    assert (before["maxBatchSize"], before["copy"]) == (0, None)
    assert any("DynamicBatch is not measured on pool" in one for one in before["reasons"])
    assert after["maxBatchSize"] > 1
    assert after["copy"] == row["digest"]
    assert any(one.startswith("DynamicBatch: ") for one in after["reasons"])


@pytest.mark.parametrize(("rows", "told"), [(None, "made-up inputs"), (31, "31 rows")])
def test_a_batch_of_one_on_no_real_rows_is_used_by_nobody(
    call: Call, tmp_path: Path, rows: int | None, told: str
) -> None:
    fixed = saved(nets.mlp(rows=1), tmp_path, "fixed.onnx")
    given = ["--samples", samples(tmp_path, rows, 16)] if rows else []

    compared = call("model", "compare", fixed, "--to", "DynamicBatch", *given)

    assert compared.exit_code == OK, compared.stderr
    assert f"was compared on {told}, and no service uses it" in compared.stderr


def test_what_cannot_be_converted_is_a_row_too(call: Call, tmp_path: Path) -> None:
    looped = saved(nets.branching(), tmp_path, "looped.onnx")

    refused = call("model", "compare", looped, "--to", "FP16")

    assert refused.exit_code == REFUSED
    assert "refused: " in refused.stdout
    assert call("model", "compare", tmp_path / "none.onnx", "--to", "FP16").exit_code == INVALID


def test_static_int8_wants_samples_and_keeps_some_to_verify(
    call: Call, cnn: Path, tmp_path: Path
) -> None:
    output, rows = tmp_path / "int8.onnx", samples(tmp_path, 80, 3, 16, 16)
    words = ["model", "convert", cnn, "--to", "INT8", output]

    without = call(*words)
    done = call(*words, "--samples", rows)
    judged = call("model", "verify", cnn, output, "--samples", rows, "--min-agreement", "0.8")

    assert without.exit_code == INVALID
    assert without.stderr.startswith("SamplesRequired: INT8Static takes the ranges")
    assert done.exit_code == OK, done.stderr
    assert "on 40 rows" in done.stdout
    assert judged.exit_code == OK, judged.stdout
    assert "rows: 40 of 80 rows: the others were taken to calibrate the model" in judged.stdout


def test_the_kind_of_int8_can_be_chosen(call: Call, cnn: Path, tmp_path: Path) -> None:
    output = tmp_path / "int8.onnx"

    done = call("model", "convert", cnn, "--to", "INT8", "--int8", "Dynamic", output)

    assert done.exit_code == OK, done.stderr
    assert "INT8Dynamic" in done.stdout


def test_a_batch_of_one_becomes_any(call: Call, tmp_path: Path) -> None:
    output = tmp_path / "out.onnx"
    fixed = saved(nets.mlp(rows=1), tmp_path, "fixed.onnx")
    mixed = nets.mlp(rows=1)
    mixed.graph.node.append(nets.node("Softmax", ["scores"], ["y"], axis=0))
    mixed.graph.node[-2].output[0] = "scores"
    words = ("--to", "DynamicBatch", output)

    done = call("model", "convert", fixed, *words)
    refused = call("model", "convert", saved(mixed, tmp_path, "mixed.onnx"), *words)

    assert done.exit_code == OK, done.stderr
    assert "32 rows of made-up inputs get the same alone and in batches of 2, 7, 16" in done.stdout
    assert "batchable: " in call("model", "inspect", output).stdout
    assert refused.exit_code == REFUSED
    assert "(Softmax) works over axis 0, which is the batch" in refused.stderr


def test_a_broken_conversion_is_rejected(call: Call, mlp: Path, tmp_path: Path) -> None:
    changed = nets.weights_of(nets.mlp(), "w2")
    changed[2] = -changed[2]
    broken = saved(nets.with_weights(nets.mlp(), "w2", changed), tmp_path, "broken.onnx")

    judged = call("model", "verify", mlp, broken, "--samples", samples(tmp_path, 40, 16))

    assert judged.exit_code == REFUSED
    assert "rejected: agreement 0." in judged.stdout
    assert "< 0.99" in judged.stdout


def test_what_cannot_be_converted_says_why(call: Call, tmp_path: Path) -> None:
    path, output = saved(nets.branching(), tmp_path), tmp_path / "out.onnx"

    result = call("model", "convert", path, "--to", "FP16", output)

    assert result.exit_code == REFUSED
    assert "node 'choice' (If)" in result.stderr
    assert result.stdout == ""
    assert not output.exists()


def test_the_model_itself_is_not_overwritten(call: Call, mlp: Path) -> None:
    before = mlp.read_bytes()

    result = call("model", "convert", mlp, "--to", "FP16", mlp)

    assert result.exit_code == INVALID
    assert mlp.read_bytes() == before


def test_wrong_input(call: Call, mlp: Path, tmp_path: Path) -> None:
    output, absent = tmp_path / "out.onnx", tmp_path / "absent"
    to = ("--to", "FP16")

    assert call("model", "convert", absent, *to, output).exit_code == INVALID
    assert call("model", "convert", mlp, *to, absent / "out.onnx").exit_code == FAILED
    assert call("model", "verify", mlp, absent).exit_code == INVALID
    odd = call("model", "verify", mlp, mlp, "--samples", samples(tmp_path, 3, 15))
    assert odd.exit_code == INVALID
    assert odd.stderr.startswith("SamplesRefused: ")


def test_what_is_missing_is_named(mlp: Path) -> None:
    """Neither onnx nor onnxruntime is needed by the operator, nor installed with it."""
    program = (
        "import sys\n"
        "sys.modules['onnxruntime'] = None\n"
        "from triton_operator.cli.main import main\n"
        "assert 'onnx' not in sys.modules, 'help should not load it'\n"
        f"sys.argv[1:] = ['model', 'verify', {str(mlp)!r}, {str(mlp)!r}]\n"
        "main()\n"
    )

    result = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == INVALID
    assert "onnxruntime is not installed: pip install" in result.stderr


def test_a_result_that_does_not_load_is_refused(call: Call, mlp: Path, tmp_path: Path) -> None:
    """The file is a sound graph of an operator that ONNX Runtime has no kernel for."""
    built = nets.mlp()
    built.graph.node[2].op_type = "HardSwish"
    built.graph.node[2].attribute.extend([onnx.helper.make_attribute("unknown", 1)])
    other = saved(built, tmp_path, "other.onnx")

    result = call("model", "verify", mlp, other)

    assert result.exit_code == REFUSED
    assert result.stderr.startswith("ModelDoesNotRun: ONNX Runtime does not load")
