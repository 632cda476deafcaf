"""The programs of Jobs and pods: a row about a copy, and the same copy made again."""

from __future__ import annotations

import base64
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from tests.unit.model import nets
from tests.unit.model.building import model as built
from tests.unit.model.building import saved, value
from triton_operator.api.conversion_report import ConversionReport, decode_conversion
from triton_operator.api.inspection import decode_report
from triton_operator.api.model_profile import Conversion
from triton_operator.api.termination_message import TERMINATION_MESSAGE_LIMIT
from triton_operator.api.tool_versions import CONVERSION_REVISION, tool_versions
from triton_operator.model.conversion import conversion, copy_row
from triton_operator.model.conversion.__main__ import main
from triton_operator.model.conversion.copy_row import agreement_text
from triton_operator.model.conversion.source_model import read_source
from triton_operator.model.copies.put import copy_files
from triton_operator.model.digest import model_digest
from triton_operator.model.inspection import inspect_model
from triton_operator.model.job_process import DONE, PERMANENT, RETRYABLE


class Pod:
    """A pod's folders, and what its container ends with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.report = folder / "report"
        (folder / "config.pbtxt").write_text('name: "m"')

    def model(self, built: onnx.ModelProto) -> Path:
        return saved(built, self.folder, "model.onnx")

    def samples(self, model: Path, rows: int = 64) -> Path:
        arrays = nets.rows_for(read_source(model), rows).arrays
        np.savez(self.folder / "rows.npz", **arrays)  # type: ignore[arg-type]
        return self.folder / "rows.npz"

    def run(self, *arguments: object) -> int:
        self.report.write_text("")
        before = signal.getsignal(signal.SIGTERM)
        try:
            return main([*map(str, arguments), f"--report={self.report}"])
        finally:
            # It is for a process of its own: what ends the tests is no failure of a test.
            signal.signal(signal.SIGTERM, before)

    def answer(self) -> ConversionReport:
        text = self.report.read_text()
        assert len(text.encode()) <= TERMINATION_MESSAGE_LIMIT
        return decode_conversion(text)

    def compare(self, model: Path, precision: str, *more: object) -> Conversion:
        assert self.run("compare", f"--model={model}", f"--precision={precision}", *more) == DONE
        row = self.answer().conversion
        assert row is not None
        return row

    def rebuild(self, model: Path, row: Conversion, **changes: str) -> int:
        given: dict[str, Any] = {
            "model": model,
            "model-digest": changes.get("model-digest") or read_source(model).digest,
            "method": row.method,
            "digest": row.digest,
            "files": json.dumps([file.wire() for file in row.files]),
            "into": self.folder / "models/m/1",
            "config": self.folder / "config.pbtxt",
            "config-into": self.folder / "models/m/config.pbtxt",
            **changes,
        }
        return self.run("rebuild", *(f"--{name}={text}" for name, text in given.items()))

    def failure(self) -> tuple[str, str]:
        """As the operator reads it from the pod's status."""
        failure = decode_report(self.report.read_text()).failure
        assert failure is not None
        return failure.reason, failure.message

    def served(self) -> list[str]:
        found = (self.folder / "models").rglob("*")
        return sorted(str(p.relative_to(self.folder / "models")) for p in found if p.is_file())


@pytest.fixture
def pod(tmp_path: Path) -> Pod:
    return Pod(tmp_path)


def test_the_versions_are_those_of_the_libraries() -> None:
    """Read without an import, as the operator does."""
    import onnxruntime

    assert tool_versions() == {
        "numpy": np.__version__,
        "onnx": onnx.__version__,
        "onnxruntime": onnxruntime.__version__,
        "conversion": CONVERSION_REVISION,
    }


@pytest.mark.parametrize("precision", ["FP16", "INT8"])
def test_a_sound_copy_on_samples(pod: Pod, precision: str) -> None:
    model = pod.model(nets.mlp())
    row = pod.compare(model, precision, f"--samples={pod.samples(model)}")

    assert (row.precision, row.rows, row.refusal) == (precision, 64, None)
    assert row.method == {"FP16": "FP16", "INT8": "INT8Dynamic"}[precision]
    assert float(row.agreement or 0) > 0.9
    assert row.samples_digest == nets.rows_for(read_source(model)).digest
    assert row.tool_versions == tool_versions()
    assert row.digest == row.files[0].digest
    assert 0 < row.size_bytes < model.stat().st_size


def test_a_dynamic_batch_on_samples(pod: Pod) -> None:
    model = pod.model(nets.mlp(rows=1))
    row = pod.compare(model, "FP32", f"--samples={pod.samples(model)}")

    assert (row.precision, row.method, row.refusal) == ("FP32", "DynamicBatch", None)
    assert (row.agreement, row.rows, row.batch_size) == ("1", 64, 16)
    assert row.samples_digest == nets.rows_for(read_source(model)).digest
    assert row.digest == row.files[0].digest
    assert pod.rebuild(model, row) == DONE
    served = pod.folder / "models/m/1/model.onnx"
    assert inspect_model(served).batchable
    assert onnx.load(served).graph.initializer == onnx.load(model).graph.initializer


def shuffling() -> onnx.ModelProto:
    """Right for one row; of several, a reshape joins parts of different ones."""
    nodes = [
        nets.node("Transpose", ["x"], ["t"], perm=[1, 0, 2]),
        nets.node("Reshape", ["t", "s"], ["y"]),
    ]
    flat = onnx.numpy_helper.from_array(np.array([1, 20], "i8"), "s")
    return built(nodes, [value("x", [1, 5, 4])], [value("y", [1, 20])], weights=[flat])


@pytest.mark.parametrize(
    ("net", "why"),
    [
        (nets.mlp, "axis 0 of input 'x' is n, not fixed at 1"),
        (shuffling, "output 'y' of a row is another one when the row shares a batch of 2"),
    ],
)
def test_a_batch_that_stays_as_it_is(
    pod: Pod, net: Callable[[], onnx.ModelProto], why: str
) -> None:
    model = pod.model(net())
    row = pod.compare(model, "FP32", f"--samples={pod.samples(model)}")

    assert (row.method, row.agreement) == ("DynamicBatch", None)
    assert row.refusal is not None
    assert why in row.refusal
    assert row.samples_digest


def test_rows_that_are_alike_are_no_proof(pod: Pod) -> None:
    model = pod.model(nets.mlp(rows=1))
    np.savez(pod.folder / "rows.npz", x=np.zeros((64, 16), "f4"))
    row = pod.compare(model, "FP32", f"--samples={pod.folder / 'rows.npz'}")

    assert row.refusal is not None
    assert "give samples with different rows" in row.refusal


def test_without_samples_it_says_that_nobody_gave_any(pod: Pod) -> None:
    row = pod.compare(pod.model(nets.attention()), "INT8")

    assert (row.samples_digest, row.rows, row.refusal) == (None, 32, None)
    assert row.agreement is not None


def test_a_refusal_is_a_result(pod: Pod) -> None:
    model = pod.model(nets.branching())
    row = pod.compare(model, "FP16", f"--samples={pod.samples(model)}")

    assert (row.digest, row.files, row.agreement) == (None, [], None)
    assert row.refusal is not None
    assert "'choice' (If)" in row.refusal
    assert row.samples_digest, "so that nobody tries again because of the samples"


def test_a_convolutional_net_needs_samples(pod: Pod) -> None:
    model = pod.model(nets.cnn())
    row = pod.compare(model, "INT8")

    assert (row.method, row.digest, row.samples_digest) == ("INT8Static", None, None)
    assert row.refusal is not None
    assert "samples of real inputs" in row.refusal


def test_a_calibrated_copy_is_compared_on_the_other_rows(pod: Pod) -> None:
    model = pod.model(nets.cnn())
    row = pod.compare(model, "INT8", f"--samples={pod.samples(model)}")

    assert (row.method, row.rows, row.refusal) == ("INT8Static", 32, None)
    assert row.digest
    assert row.ranges
    assert float(row.agreement or 0) > 0.9


def test_a_calibrated_copy_is_made_again_without_samples(pod: Pod) -> None:
    model = pod.model(nets.cnn())
    row = pod.compare(model, "INT8", f"--samples={pod.samples(model)}")
    ranges = {"ranges": str(row.ranges), "samples-digest": str(row.samples_digest)}

    assert pod.rebuild(model, row) == PERMANENT
    assert pod.failure()[0] == "InvalidArguments"
    assert pod.rebuild(model, row, **{**ranges, "ranges": "QAA="}) == PERMANENT
    assert "there are 1 ranges" in pod.failure()[1]
    wider = base64.b64encode(bytes(len(base64.b64decode(str(row.ranges))))).decode()
    assert pod.rebuild(model, row, **{**ranges, "ranges": wider}) == PERMANENT
    assert pod.failure()[0] == "DigestMismatch"
    assert pod.served() == []
    assert pod.rebuild(model, row, **ranges) == DONE
    assert (pod.folder / "models/m/1/model.onnx").stat().st_size == row.size_bytes


def test_more_ranges_than_a_profile_takes_are_refused(
    pod: Pod, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copy_row, "MOST_RANGES", 8)
    model = pod.model(nets.cnn())
    row = pod.compare(model, "INT8", f"--samples={pod.samples(model)}")

    assert (row.ranges, row.agreement) == (None, None)
    assert row.refusal is not None
    assert "triton-operator model convert" in row.refusal


def test_an_overflow_refuses_a_copy_that_agrees(pod: Pod) -> None:
    model = pod.model(nets.mlp())
    x = np.array(nets.rows_for(read_source(model), 200).arrays["x"])
    x[17] *= 1e6
    np.savez(pod.folder / "large.npz", x=x)
    row = pod.compare(model, "FP16", f"--samples={pod.folder / 'large.npz'}")

    assert row.agreement == "0.995"
    assert row.digest
    assert row.refusal is not None
    assert "NaN or infinite" in row.refusal


def test_a_copy_with_a_broken_weight_does_not_agree(
    pod: Pod, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tool's mistake: what it gives back has one matrix upside down."""
    model = pod.model(nets.mlp())
    right = conversion._converted

    def wrong(*arguments: Any, **more: Any) -> conversion.Converted:
        made = right(*arguments, **more)
        for tensor in made.model.graph.initializer:
            if tensor.name == "w2":
                array = -onnx.numpy_helper.to_array(tensor)
                tensor.CopyFrom(onnx.numpy_helper.from_array(array, "w2"))
                return made
        raise AssertionError("no w2")

    monkeypatch.setattr(conversion, "_converted", wrong)
    row = pod.compare(model, "FP16", f"--samples={pod.samples(model)}")

    assert float(row.agreement or 1) < 0.5
    assert row.refusal is None, "how much is enough is the service's to say"


def test_a_sound_copy_is_left_for_a_store(pod: Pod) -> None:
    kept = pod.folder / "kept"
    kept.mkdir()
    model = pod.model(nets.mlp())
    row = pod.compare(model, "INT8", f"--samples={pod.samples(model)}", f"--keep-in={kept}")

    files = copy_files(kept)
    assert [found for _, found in files] == row.files
    assert model_digest([found for _, found in files]) == row.digest


def test_a_rejected_copy_is_left_for_nobody(pod: Pod) -> None:
    kept = pod.folder / "kept"
    kept.mkdir()
    model = pod.model(nets.mlp())
    x = np.array(nets.rows_for(read_source(model), 200).arrays["x"])
    x[17] *= 1e6
    np.savez(pod.folder / "large.npz", x=x)
    samples = f"--samples={pod.folder / 'large.npz'}"

    assert pod.compare(model, "FP16", samples, f"--keep-in={kept}").refusal
    assert list(kept.iterdir()) == []


def test_a_copy_that_was_taken_from_a_store_is_not_made(pod: Pod) -> None:
    """The model it would be made of is not there."""
    kept = pod.folder / "models/m/1"
    kept.mkdir(parents=True)
    model = pod.model(nets.mlp())
    row = pod.compare(model, "INT8", f"--samples={pod.samples(model)}", f"--keep-in={kept}")
    digest = read_source(model).digest
    model.unlink()

    assert pod.rebuild(model, row, **{"model-digest": digest}) == DONE
    assert pod.served() == ["m/1/model.onnx", "m/config.pbtxt"]


@pytest.mark.parametrize(
    "content", [b"no zip", b"PK\x03\x04", b""], ids=["text", "broken", "empty"]
)
def test_broken_samples_are_the_fields_fault(pod: Pod, content: bytes) -> None:
    model = pod.model(nets.mlp())
    (pod.folder / "bad.npz").write_bytes(content)
    code = pod.run(
        "compare",
        f"--model={model}",
        "--precision=FP16",
        f"--samples={pod.folder / 'bad.npz'}",
    )

    assert code == PERMANENT
    reason, message = pod.failure()
    assert reason == "SamplesRefused"
    assert message.startswith("spec.model.samples: ")


def test_samples_beyond_the_pods_memory_are_refused(pod: Pod) -> None:
    model = pod.model(nets.mlp())
    code = pod.run(
        "compare",
        f"--model={model}",
        "--precision=FP16",
        f"--samples={pod.samples(model)}",
        "--most-sample-bytes=1000",
    )

    assert code == PERMANENT
    assert "at most 1000 are read" in pod.failure()[1]


@pytest.mark.parametrize(
    ("raised", "reason", "end"),
    [
        (MemoryError(), "OutOfMemory", PERMANENT),
        (OSError(28, "No space left on device"), "WriteFailed", RETRYABLE),
    ],
)
def test_what_this_machine_lacks_says_nothing_of_the_model(
    pod: Pod, monkeypatch: pytest.MonkeyPatch, raised: Exception, reason: str, end: int
) -> None:
    def lacking(*_: Any, **__: Any) -> None:
        raise raised

    monkeypatch.setattr(conversion, "_converted", lacking)
    code = pod.run("compare", f"--model={pod.model(nets.mlp())}", "--precision=FP16")

    assert code == end
    assert pod.failure()[0] == reason


def test_wrong_arguments_are_in_the_report(pod: Pod) -> None:
    model = pod.model(nets.mlp())

    for wrong in (["--precision=BF16"], ["--precision=FP16", "--no-such"], []):
        assert pod.run("compare", f"--model={model}", *wrong) == PERMANENT
        assert pod.failure()[0] == "InvalidArguments"


@pytest.mark.parametrize("precision", ["FP16", "INT8"])
def test_a_copy_is_made_again_bit_by_bit(pod: Pod, precision: str) -> None:
    model = pod.model(nets.attention())
    row = pod.compare(model, precision)

    assert pod.rebuild(model, row) == DONE
    assert pod.served() == ["m/1/model.onnx", "m/config.pbtxt"]
    assert (pod.folder / "models/m/1/model.onnx").stat().st_size == row.size_bytes
    assert (pod.folder / "models/m/1/model.onnx").stat().st_mode & 0o777 == 0o644


def test_another_copy_is_not_served(pod: Pod) -> None:
    model = pod.model(nets.attention())
    row = pod.compare(model, "FP16")
    other = "sha256:" + "ef" * 32
    files = json.dumps([row.files[0].model_copy(update={"digest": other}).wire()])

    assert pod.rebuild(model, row, digest=other, files=files) == PERMANENT
    reason, message = pod.failure()
    assert reason == "DigestMismatch"
    assert other in message
    assert str(row.digest) in message
    assert pod.served() == []


def test_a_copy_of_another_model_is_not_served(pod: Pod) -> None:
    model = pod.model(nets.attention())
    row = pod.compare(model, "FP16")

    code = pod.rebuild(model, row, **{"model-digest": "sha256:" + "ef" * 32})
    assert code == PERMANENT
    assert pod.failure()[0] == "DigestMismatch"
    assert pod.served() == []


def test_files_that_do_not_make_up_the_digest_are_a_wrong_call(pod: Pod) -> None:
    model = pod.model(nets.attention())
    row = pod.compare(model, "FP16")

    assert pod.rebuild(model, row, digest="sha256:" + "ef" * 32) == PERMANENT
    assert pod.failure()[0] == "InvalidArguments"
    assert pod.rebuild(model, row, files="[]") == PERMANENT
    assert pod.failure()[0] == "InvalidArguments"


def test_a_container_that_is_restarted_does_it_once(pod: Pod) -> None:
    """What is there is right, so what it would be made from is not looked at."""
    model = pod.model(nets.attention())
    row = pod.compare(model, "FP16")
    assert pod.rebuild(model, row) == DONE

    assert pod.rebuild(model, row, **{"model-digest": "sha256:" + "ef" * 32}) == DONE


def test_a_copy_comes_from_the_cache_when_it_is_there(
    pod: Pod, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    model = pod.model(nets.attention())
    row = pod.compare(model, "INT8")
    cache = pod.folder / "cache"
    cache.mkdir()

    for number in (1, 2):
        caplog.clear()
        into = pod.folder / f"models/{number}/1"
        assert pod.rebuild(model, row, **{"cache-dir": str(cache), "into": str(into)}) == DONE
        assert ("converting" in caplog.text) is (number == 1)
        assert (into / "model.onnx").stat().st_size == row.size_bytes


def test_a_damaged_file_in_the_cache_does_no_harm(pod: Pod) -> None:
    model = pod.model(nets.attention())
    row = pod.compare(model, "INT8")
    cache = pod.folder / "cache"
    (cache / "sha256").mkdir(parents=True)
    kept = cache / "sha256" / str(row.digest).removeprefix("sha256:")
    kept.write_bytes(b"something else")

    assert pod.rebuild(model, row, **{"cache-dir": str(cache)}) == DONE
    assert (pod.folder / "models/m/1/model.onnx").stat().st_size == row.size_bytes
    assert kept.stat().st_size == row.size_bytes


@pytest.mark.parametrize(
    ("share", "text"),
    [(1.0, "1"), (0.0, "0"), (0.29, "0.29"), (2 / 3, "0.666666"), (0.99999999, "0.999999")],
)
def test_agreement_is_never_rounded_up(share: float, text: str) -> None:
    assert agreement_text(share) == text


def test_nobody_is_told_of_the_models(tmp_path: Path) -> None:
    """ONNX Runtime's telemetry keeps what it is going to send below the home folder."""
    path = saved(nets.mlp(), tmp_path, "model.onnx")
    program = (
        "from pathlib import Path\n"
        "from triton_operator.model.onnx_session import OnnxSession\n"
        f"OnnxSession(Path({str(path)!r}), name='the model')\n"
    )
    home = tmp_path / "home"
    home.mkdir()
    environment = {name: text for name, text in os.environ.items() if not name.startswith("ORT_")}
    subprocess.run(
        [sys.executable, "-c", program],
        env={**environment, "HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
    )

    assert list(home.rglob("*")) == []
