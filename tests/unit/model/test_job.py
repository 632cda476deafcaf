"""`python -m triton_operator.model` from its arguments to its report, files and exit code."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import helper

import triton_operator
from tests.unit.model.building import MAGIKA, external, linear, model, saved, value
from tests.unit.model.store import Store, broken, whole
from triton_operator.api.inspection import Report, decode_report
from triton_operator.api.model_profile import ModelFile
from triton_operator.model.__main__ import main
from triton_operator.model.digest import file_row, model_digest

ZERO = f"sha256:{'0' * 64}"


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Pod:
    """Folders as a pod has them, and the command run in this process."""

    def __init__(self, folder: Path, credentials_dir: Path) -> None:
        self.source = folder / "source"
        self.work = folder / "work"
        self.into = folder / "repository" / "filetype" / "1"
        self.termination_log = folder / "termination-log"
        self.credentials_dir = credentials_dir
        self.source.mkdir()
        self.work.mkdir()
        self.termination_log.touch()

    def shared(self) -> list[str]:
        return [
            f"--source-dir={self.source}",
            f"--credentials-dir={self.credentials_dir}",
            f"--report={self.termination_log}",
        ]

    def inspect(self, uri: str, *more: str) -> int:
        return main(["inspect", "--uri", uri, *self.shared(), f"--work-dir={self.work}", *more])

    def fetch(self, uri: str, files: list[ModelFile], *more: str) -> int:
        text = json.dumps([file.wire() for file in files])
        return main(
            [
                *("fetch", "--uri", uri, *self.shared(), f"--into={self.into}"),
                *("--files", text, f"--digest={model_digest(files)}", *more),
            ]
        )

    @property
    def report(self) -> Report:
        return decode_report(self.termination_log.read_text())

    def failure(self) -> tuple[str, str, bool]:
        failure = self.report.failure
        assert failure is not None
        return failure.reason, failure.message, failure.retryable


@pytest.fixture
def pod(tmp_path: Path, credentials_dir: Path) -> Pod:
    folder = tmp_path / "pod"
    folder.mkdir()
    return Pod(folder, credentials_dir)


def linear_with_weights(folder: Path) -> list[ModelFile]:
    """A model of two files; its listing."""
    saved(external("data/w.bin"), folder)
    (folder / "data").mkdir()
    (folder / "data" / "w.bin").write_bytes(bytes(48))
    return [file_row(folder / name, name) for name in ("model.onnx", "data/w.bin")]


# inspect


def test_magika_from_a_claim(pod: Pod) -> None:
    (pod.source / "magika").write_bytes(MAGIKA.read_bytes())

    assert pod.inspect("pvc://models/magika") == 0

    report = pod.report
    assert report.digest == digest(MAGIKA.read_bytes())
    assert report.facts is not None
    assert report.facts.batchable
    assert report.facts.files[0].path == "model.onnx"


def test_magika_over_https_after_a_broken_connection(store: Store, pod: Pod) -> None:
    data = MAGIKA.read_bytes()
    store.answers["/magika.onnx"] = [
        broken(data, 2_000_000, ETag='"1"'),
        whole(data, ETag='"1"'),
    ]

    assert pod.inspect(f"{store.url}/magika.onnx", f"--digest={digest(data)}") == 0

    assert pod.report.digest == digest(data)
    assert store.requests[-1][1]["Range"] == "bytes=2000000-"


def test_external_data_over_https_is_hashed_and_not_kept(store: Store, pod: Pod) -> None:
    rows = linear_with_weights(pod.source)
    store.answers["/a/some.onnx"] = [whole((pod.source / "model.onnx").read_bytes())]
    store.answers["/a/data/w.bin"] = [whole(bytes(48))]

    assert pod.inspect(f"{store.url}/a/some.onnx", f"--digest={model_digest(rows)}") == 0

    assert pod.report.facts is not None
    assert pod.report.facts.files == rows
    assert pod.report.digest == model_digest(rows)
    assert os.listdir(pod.work) == ["model.onnx"]


def test_a_second_try_in_the_same_pod_starts_clean(pod: Pod) -> None:
    (pod.work / "model.onnx").write_bytes(b"left over")
    saved(linear(), pod.source)

    assert pod.inspect("pvc://models/model.onnx") == 0


def test_a_wrong_pin_is_found_before_anything_parses_the_file(pod: Pod) -> None:
    (pod.source / "m").write_bytes(b"whatever a parser would choke on")

    assert pod.inspect("pvc://models/m", f"--digest={ZERO}") == 2

    reason, message, retryable = pod.failure()
    assert (reason, retryable) == ("DigestMismatch", False)
    assert ZERO in message
    assert digest(b"whatever a parser would choke on") in message


def test_a_pin_of_the_model_file_alone_does_not_cover_external_data(pod: Pod) -> None:
    rows = linear_with_weights(pod.source)

    assert pod.inspect("pvc://models/model.onnx", f"--digest={rows[0].digest}") == 2

    reason, message, _ = pod.failure()
    assert reason == "DigestMismatch"
    assert "listing of the model's 2 files" in message
    assert model_digest(rows) in message


def wide(inputs: int) -> onnx.ModelProto:
    names = [f"input_{i}_" + hashlib.sha256(str(i).encode()).hexdigest() for i in range(inputs)]
    return model(
        [helper.make_node("Sum", names, ["y"])],
        [value(name, ["n", 4]) for name in names],
        [value("y", ["n", 4])],
    )


def test_facts_that_only_fit_when_compressed(pod: Pod) -> None:
    saved(wide(40), pod.source)

    assert pod.inspect("pvc://models/model.onnx") == 0

    assert pod.termination_log.read_text().startswith("zlib:")
    assert pod.report.facts is not None
    assert len(pod.report.facts.inputs) == 40


def test_facts_that_do_not_fit_are_a_failure_that_says_so(pod: Pod) -> None:
    saved(wide(200), pod.source)

    assert pod.inspect("pvc://models/model.onnx") == 2

    assert pod.failure()[0] == "ReportTooLarge"
    assert pod.termination_log.stat().st_size <= 4096


@pytest.mark.parametrize(
    ("uri", "more", "code", "reason"),
    [
        pytest.param("pvc://models/none", [], 2, "SourceNotFound", id="missing"),
        pytest.param("s3://bucket", [], 2, "UnsupportedSource", id="no key"),
        pytest.param("ftp://host/m.onnx", [], 2, "UnsupportedSource", id="unknown scheme"),
        pytest.param("http://host/m.onnx", [], 2, "UnsupportedSource", id="http"),
        pytest.param("file:///etc/passwd", [], 2, "UnsupportedSource", id="file"),
        pytest.param("m.onnx", [], 2, "UnsupportedSource", id="no address"),
        pytest.param("pvc://models/m", ["--format=Keras"], 2, "FormatNotSupported", id="format"),
        pytest.param("pvc://models/m", ["--format=Caffe"], 2, "FormatNotSupported", id="unknown"),
        pytest.param("pvc://models/m", ["--max-bytes=10"], 2, "ModelTooLarge", id="too large"),
        pytest.param("pvc://models/junk", [], 2, "NotAModel", id="no model"),
        pytest.param("pvc://models/m", ["--timeout-seconds=0"], 1, "SourceTimeout", id="timeout"),
        pytest.param("pvc://models/m", ["--work-dir=/proc/x"], 1, "WriteFailed", id="unwritable"),
        pytest.param("pvc://models/m", ["--unknown"], 2, "InvalidArguments", id="wrong argument"),
        pytest.param("pvc://models/m", ["--max-bytes=x"], 2, "InvalidArguments", id="no number"),
        pytest.param(
            "pvc://models/m", ["--parse-memory-bytes=9999999"], 2, "ParserFailed", id="memory"
        ),
    ],
)
def test_every_failure_has_a_report_and_a_code(
    uri: str, more: list[str], code: int, reason: str, pod: Pod
) -> None:
    saved(linear(), pod.source, "m")
    (pod.source / "junk").write_bytes(b"junk")

    assert pod.inspect(uri, *more) == code

    assert pod.failure()[0] == reason
    assert pod.failure()[2] == (code == 1)


def test_a_defect_is_reported_too(pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken_source(*_: object) -> None:
        raise ZeroDivisionError("by\x1b[31mnothing")

    monkeypatch.setattr("triton_operator.model.__main__.source_for", broken_source)

    assert pod.inspect("pvc://models/m") == 1

    assert pod.failure() == ("InternalError", "ZeroDivisionError: by [31mnothing", True)


def test_a_report_that_cannot_be_written_is_in_the_log(
    pod: Pod, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    pod.termination_log = tmp_path / "nowhere" / "log"

    assert pod.inspect("pvc://models/none") == 1

    assert "SourceNotFound" in caplog.text


def test_sigterm_is_reported(pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    def terminated(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr("triton_operator.model.__main__.source_for", terminated)
    try:
        assert pod.inspect("pvc://models/m") == 1
    finally:
        signal.signal(signal.SIGTERM, before)

    assert pod.failure()[0] == "Interrupted"


def test_one_call_that_hangs_past_the_deadline_is_ended(
    pod: Pod, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hanging(*_: object) -> None:
        threading.Event().wait(30)

    monkeypatch.setattr("triton_operator.model.__main__._GRACE_SECONDS", 0.1)
    monkeypatch.setattr("triton_operator.model.__main__.source_for", hanging)

    assert pod.inspect("pvc://models/m", "--timeout-seconds=0.1") == 1

    assert pod.failure()[0] == "SourceTimeout"


# fetch


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_files_and_config_arrive(pod: Pod, tmp_path: Path) -> None:
    rows = linear_with_weights(pod.source)
    (pod.source / "model.onnx").rename(pod.source / "any.onnx")
    config = tmp_path / "config.pbtxt"
    config.write_text('name: "filetype"')
    target = pod.into.parent / "config.pbtxt"
    os.umask(0o077)

    code = pod.fetch("pvc://models/any.onnx", rows, f"--config={config}", f"--config-into={target}")

    assert code == 0
    assert sorted(contents(pod.into)) == ["data/w.bin", "model.onnx"]
    assert target.read_text() == 'name: "filetype"'
    assert pod.termination_log.read_text() == "", "success writes nothing"
    for file in [*pod.into.glob("*.onnx"), target]:
        assert file.stat().st_mode & 0o777 == 0o644


@pytest.fixture(autouse=True)
def umask() -> Any:
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_files_arrive_over_https(store: Store, pod: Pod) -> None:
    rows = linear_with_weights(pod.source)
    store.answers["/a/any.onnx"] = [whole((pod.source / "model.onnx").read_bytes())]
    store.answers["/a/data/w.bin"] = [whole(bytes(48))]

    assert pod.fetch(f"{store.url}/a/any.onnx", rows) == 0
    assert [file_row(pod.into / row.path, row.path) for row in rows] == rows


def test_a_restart_fetches_only_what_is_missing(store: Store, pod: Pod) -> None:
    rows = linear_with_weights(pod.source)
    store.answers["/m.onnx"] = [whole((pod.source / "model.onnx").read_bytes())]
    store.answers["/data/w.bin"] = [whole(bytes(48))]
    pod.fetch(f"{store.url}/m.onnx", rows)
    (pod.into / "model.onnx").write_bytes(b"damaged")
    (pod.into / ".arriving-0").write_bytes(b"left over")
    store.requests.clear()

    assert pod.fetch(f"{store.url}/m.onnx", rows) == 0

    assert [path for path, _ in store.requests] == ["/m.onnx"]
    assert [file_row(pod.into / row.path, row.path) for row in rows] == rows
    assert sorted(contents(pod.into)) == ["data/w.bin", "model.onnx"]


@pytest.mark.parametrize(
    ("weights", "why"),
    [
        pytest.param(bytes(47) + b"x", "other bytes", id="other bytes"),
        pytest.param(bytes(47), "it has 47 bytes", id="shorter"),
        pytest.param(bytes(49), "it has 49 bytes", id="longer"),
    ],
)
def test_a_changed_file_leaves_nothing_behind(weights: bytes, why: str, pod: Pod) -> None:
    rows = linear_with_weights(pod.source)
    (pod.source / "data" / "w.bin").write_bytes(weights)

    assert pod.fetch("pvc://models/model.onnx", rows) == 2

    reason, message, _ = pod.failure()
    assert reason == "DigestMismatch"
    assert "data/w.bin changed at its source" in message
    assert why == "other bytes" or why in message
    assert contents(pod.into) == {}, "not even the model file, which is right"


def test_a_store_that_sends_more_than_is_listed_is_cut_off(store: Store, pod: Pod) -> None:
    rows = [ModelFile(path="model.onnx", digest=digest(b"x"), size_bytes=1)]
    store.answers["/m"] = [whole(bytes(1 << 20))]

    assert pod.fetch(f"{store.url}/m", rows) == 2
    assert pod.failure()[0] == "DigestMismatch"
    assert contents(pod.into) == {}


def renamed(rows: list[ModelFile], path: str) -> list[ModelFile]:
    return [rows[0], rows[1].model_copy(update={"path": path})]


@pytest.mark.parametrize(
    ("change", "more", "code", "reason"),
    [
        pytest.param(
            lambda rows: renamed(rows, "../../config.pbtxt"), [], 2, "ExternalDataRefused", id=".."
        ),
        pytest.param(
            lambda rows: renamed(rows, "/tmp/x"), [], 2, "ExternalDataRefused", id="absolute"
        ),
        pytest.param(
            lambda rows: [*rows, rows[1].model_copy(update={"digest": ZERO})],
            [f"--digest={ZERO}"],
            2,
            "ExternalDataRefused",
            id="twice",
        ),
        pytest.param(
            lambda rows: rows, [f"--digest={ZERO}"], 2, "DigestMismatch", id="another digest"
        ),
        pytest.param(lambda rows: rows, ["--max-bytes=60"], 2, "ModelTooLarge", id="too large"),
        pytest.param(lambda rows: rows, ["--files=[]"], 2, "InvalidArguments", id="no files"),
        pytest.param(lambda rows: rows, ["--files={"], 2, "InvalidArguments", id="no JSON"),
        pytest.param(lambda rows: rows, ["--files=[1]"], 2, "InvalidArguments", id="no rows"),
        pytest.param(lambda rows: rows, ["--config=x"], 2, "InvalidArguments", id="half a config"),
        pytest.param(
            lambda rows: rows,
            ["--config=/nowhere", "--config-into=/tmp/never/there"],
            1,
            "WriteFailed",
            id="no config",
        ),
        pytest.param(lambda rows: rows, ["--into=/proc/x"], 1, "WriteFailed", id="unwritable"),
    ],
)
def test_orders_that_cannot_be_carried_out(
    change: Callable[[list[ModelFile]], list[ModelFile]],
    more: list[str],
    code: int,
    reason: str,
    pod: Pod,
) -> None:
    rows = change(linear_with_weights(pod.source))
    text = json.dumps([row.wire() for row in rows])
    pinned = [f"--digest={model_digest(rows)}"] if len(rows) == 2 else []

    found = main(
        [
            *("fetch", "--uri=pvc://models/model.onnx", *pod.shared(), f"--into={pod.into}"),
            *(f"--files={text}", *pinned, *more),
        ]
    )

    assert (found, pod.failure()[0]) == (code, reason)


# the program


def run(arguments: list[str], **more: Any) -> "subprocess.CompletedProcess[str]":
    root = str(Path(triton_operator.__file__).parents[1])
    return subprocess.run(
        [sys.executable, *arguments],
        env={"PYTHONPATH": root, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        **more,
    )


def test_the_program_runs(pod: Pod) -> None:
    saved(linear(), pod.source)

    done = run(
        [
            *("-m", "triton_operator.model", "inspect", "--uri=pvc://models/model.onnx"),
            *(f"--work-dir={pod.work}", *pod.shared()),
        ]
    )

    assert (done.returncode, done.stdout) == (0, "")
    assert "done: sha256:" in done.stderr
    assert pod.report.facts is not None


def test_the_program_imports_nothing_heavy() -> None:
    code = "import sys, triton_operator.model.__main__; print(*sys.modules)"

    done = run(["-c", code])

    assert done.returncode == 0
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"kopf", "kubernetes", "typer", "aiohttp", "onnx", "numpy", "rich"}
