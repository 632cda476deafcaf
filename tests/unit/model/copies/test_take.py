"""A copy taken from a store, or not: whatever is wrong there, the pod goes on."""

import hashlib
import json
import signal
from pathlib import Path

import pytest

from tests.unit.model.store import Answer, Store, status, whole
from triton_operator.api.inspection import decode_report
from triton_operator.api.model_profile import ModelFile
from triton_operator.model.__main__ import main as fetch
from triton_operator.model.copies.__main__ import main
from triton_operator.model.copies.take import LEAST_SECONDS, seconds_for

DATA = b"copy" * 1000
DIGEST = f"sha256:{hashlib.sha256(DATA).hexdigest()}"
ROW = ModelFile(path="model.onnx", digest=DIGEST, size_bytes=len(DATA))
LISTED = json.dumps([ROW.wire()])
AT = f"/copies/{DIGEST[7:]}/model.onnx"


class Pod:
    """A pod's folders, and what its containers leave."""

    def __init__(self, folder: Path, store: Store, credentials: Path) -> None:
        self.into = folder / "models" / "m" / "1"
        self.cache = folder / "cache"
        self.cache.mkdir()
        self.report = folder / "report"
        self.report.touch()
        self._store = store
        self._credentials = credentials

    def take(self, *more: str) -> int:
        before = signal.getsignal(signal.SIGTERM)
        try:
            return main(
                [
                    "take",
                    f"--uri=s3:/{AT}",
                    f"--endpoint={self._store.url}",
                    f"--credentials-dir={self._credentials}",
                    f"--report={self.report}",
                    f"--digest={DIGEST}",
                    f"--files={LISTED}",
                    f"--into={self.into}",
                    # The last of an option counts.
                    "--max-bytes=1000000",
                    "--timeout-seconds=600",
                    *more,
                ]
            )
        finally:
            # It is for a process of its own.
            signal.signal(signal.SIGTERM, before)

    def taken(self) -> bytes | None:
        found = sorted(path.name for path in self.into.iterdir()) if self.into.exists() else []
        assert found in ([], ["model.onnx"]), "nothing is left half"
        return (self.into / "model.onnx").read_bytes() if found else None


@pytest.fixture
def pod(tmp_path: Path, store: Store, credentials_dir: Path) -> Pod:
    return Pod(tmp_path, store, credentials_dir)


@pytest.fixture(autouse=True)
def logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")


def test_a_copy_that_is_there_is_taken(store: Store, pod: Pod) -> None:
    store.answers[AT] = [whole(DATA)]

    assert pod.take() == 0
    assert pod.taken() == DATA
    assert not pod.report.read_text()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        pytest.param(status(404), "is not there", id="not there"),
        pytest.param(status(403), "spec.precision.store.secretName", id="not let in"),
        pytest.param(whole(DATA[::-1]), f"is not the copy that was compared, {DIGEST}", id="other"),
        pytest.param(whole(DATA + b"!"), "is not the copy that was compared", id="more"),
        pytest.param(status(503), "SourceUnavailable", id="busy"),
    ],
)
def test_what_is_wrong_with_it_is_said_and_it_is_made_again(
    answer: Answer, says: str, store: Store, pod: Pod, caplog: pytest.LogCaptureFixture
) -> None:
    store.answers[AT] = [answer]

    assert pod.take() == 0
    assert pod.taken() is None
    assert says in caplog.text
    assert "the copy is made again from the model" in caplog.text


def test_a_store_that_is_gone_is_asked_twice(pod: Pod, store: Store) -> None:
    store.answers[AT] = [lambda handler: handler.break_off()]

    assert pod.take() == 0
    assert len(store.requests) == 2


def test_wrong_arguments_hold_no_pod(pod: Pod) -> None:
    assert main(["take", f"--report={pod.report}"]) == 0

    failure = decode_report(pod.report.read_text()).failure
    assert failure is not None
    assert failure.reason == "InvalidArguments"


def test_a_copy_that_is_larger_than_models_may_be_is_not_asked_for(
    store: Store, pod: Pod, caplog: pytest.LogCaptureFixture
) -> None:
    store.answers[AT] = [whole(DATA)]

    assert pod.take(f"--max-bytes={len(DATA) - 1}") == 0
    assert pod.taken() is None
    assert not store.requests
    assert f"ModelTooLarge: the files have {len(DATA)} bytes" in caplog.text
    assert "the copy is made again from the model" in caplog.text


def test_it_takes_no_longer_than_a_model_may(
    store: Store, pod: Pod, caplog: pytest.LogCaptureFixture
) -> None:
    store.answers[AT] = [whole(DATA)]

    assert pod.take("--timeout-seconds=0") == 0
    assert pod.taken() is None
    assert "the copy is made again from the model" in caplog.text


def test_the_cache_goes_first_and_keeps_what_is_taken(store: Store, pod: Pod) -> None:
    store.answers[AT] = [whole(DATA)]
    cache = f"--cache-dir={pod.cache}"

    pod.take(cache)
    (pod.into / "model.onnx").unlink()
    pod.take(cache)

    assert pod.taken() == DATA
    assert len(store.requests) == 1


def test_a_larger_copy_is_worth_a_longer_wait() -> None:
    assert seconds_for([ROW]) == pytest.approx(LEAST_SECONDS, abs=0.1)
    assert seconds_for([ROW.model_copy(update={"size_bytes": 10**9})]) == LEAST_SECONDS + 100


@pytest.mark.parametrize("taken", [True, False])
def test_the_model_is_fetched_only_for_a_copy_that_is_not_there(
    taken: bool, store: Store, pod: Pod, credentials_dir: Path, tmp_path: Path
) -> None:
    store.answers = {AT: [whole(DATA)], "/m.onnx": [whole(DATA)]}
    if taken:
        pod.take()
    store.requests.clear()
    code = fetch(
        [
            "fetch",
            f"--uri={store.url}/m.onnx",
            f"--credentials-dir={credentials_dir}",
            f"--report={pod.report}",
            f"--digest={DIGEST}",
            f"--files={LISTED}",
            f"--into={tmp_path / 'fetched'}",
            f"--copy-in={pod.into}",
            f"--copy-files={LISTED}",
        ]
    )

    assert code == 0
    assert bool(store.requests) is not taken
    assert (tmp_path / "fetched" / "model.onnx").exists() is not taken
