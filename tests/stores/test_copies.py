"""Converted copies in real stores: put there once, taken from there, or else made again."""

import io
import json
import random
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from minio import Minio

from tests.stores import s3_store
from tests.stores.command import Command
from tests.stores.servers import free_port
from tests.stores.stocked import Stocked
from tests.unit.model import nets
from tests.unit.model.building import saved
from triton_operator.api.conversion_report import decode_conversion
from triton_operator.api.copy_address import copy_uri
from triton_operator.api.inspection import Failure, decode_report
from triton_operator.api.model_profile import Conversion, ModelFile
from triton_operator.model.conversion.__main__ import main as converting
from triton_operator.model.conversion.source_model import read_source
from triton_operator.model.copies.__main__ import main
from triton_operator.model.copies.put import copy_files
from triton_operator.model.copies.s3_upload import S3CopyUpload
from triton_operator.model.digest import model_digest

NewPod = Callable[[Mapping[str, str], str], Command]
WEIGHTS = "weights-0123456789abcdef.bin"


@dataclass(frozen=True)
class Place:
    """A store of copies, as a service names it."""

    store: Stocked
    uri: str

    @property
    def endpoint(self) -> str | None:
        return self.store.endpoint(self.store.address)


@pytest.fixture(params=["s3", "oci"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A part of each store that has nothing in it."""
    store: Stocked = request.getfixturevalue(request.param)
    part = "".join(random.choices("abcdefgh", k=12))
    uri = "s3://models/copies" if request.param == "s3" else f"oci://{store.address}/team/copies"
    return Place(store, f"{uri}/{part}")


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A copy in two files, as a Job leaves it."""
    folder = tmp_path / "kept"
    folder.mkdir()
    # Other bytes each time: a registry keeps blobs of all repositories in one place.
    (folder / "model.onnx").write_bytes(random.randbytes(1 << 20))
    (folder / WEIGHTS).write_bytes(random.randbytes(3 << 20))
    return folder


def run(command: Command, name: str, place: Place, *words: str) -> Failure | None:
    """What a container leaves behind; it ends with 0 whatever that is."""
    command.log.write_text("")
    given = [
        name,
        f"--credentials-dir={command.credentials}",
        f"--report={command.log}",
        "--allow-loopback-http",
        *([f"--endpoint={place.endpoint}"] if place.endpoint else []),
        *words,
    ]
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert main(given) == 0
    finally:
        signal.signal(signal.SIGTERM, before)
    text = command.log.read_text()
    return decode_report(text).failure if text else None


def put(command: Command, place: Place, folder: Path) -> Failure | None:
    return run(
        command, "put", place, f"--uri={place.uri}", f"--from={folder}", "--timeout-seconds=60"
    )


def take(command: Command, place: Place, files: list[ModelFile]) -> bool:
    digest = model_digest(files)
    failure = run(
        command,
        "take",
        place,
        f"--uri={copy_uri(place.uri, digest, files)}",
        f"--digest={digest}",
        f"--files={json.dumps([row.wire() for row in files])}",
        f"--into={command.into}",
        "--max-bytes=100000000",
        "--timeout-seconds=60",
    )
    assert failure is None
    return command.into.exists() and any(command.into.iterdir())


def rows(folder: Path) -> list[ModelFile]:
    return [row for _, row in copy_files(folder)]


def test_what_is_put_there_can_be_taken(place: Place, kept: Path, pod: NewPod) -> None:
    command = pod(place.store.secret, place.store.address)

    assert not take(command, place, rows(kept)), "nothing is there yet"
    assert put(command, place, kept) is None
    assert take(command, place, rows(kept))
    assert rows(command.into) == rows(kept)


def test_it_is_put_there_once(
    place: Place, kept: Path, pod: NewPod, caplog: pytest.LogCaptureFixture
) -> None:
    command = pod(place.store.secret, place.store.address)
    put(command, place, kept)
    caplog.set_level("INFO")
    caplog.clear()

    assert put(command, place, kept) is None
    assert "is there already" in caplog.text
    assert f"{kept.stat().st_size} bytes" not in caplog.text
    assert take(command, place, rows(kept))


def test_two_jobs_at_once_put_it_there_once(
    s3: Stocked, kept: Path, pod: NewPod, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have seen that nothing is there."""
    monkeypatch.setattr(S3CopyUpload, "_is_there", lambda *_: False)
    place = Place(s3, f"s3://models/raced/{random.getrandbits(40):x}")
    command = pod(s3.secret, s3.address)
    client = Minio(
        s3.address, s3_store.USER, s3_store.PASSWORD, secure=False, region=s3_store.REGION
    )
    key = f"{place.uri.removeprefix('s3://models/')}/{model_digest(rows(kept))[7:]}/model.onnx"

    client.put_object("models", key, io.BytesIO(b"the first"), 9)

    assert put(command, place, kept) is None
    assert client.get_object("models", key).data == b"the first"


def test_who_may_not_write_is_told(place: Place, kept: Path, pod: NewPod) -> None:
    failure = put(pod(place.store.wrong, place.store.address), place, kept)

    assert failure is not None
    assert failure.reason == "SourceForbidden"
    assert "spec.precision.store.secretName" in failure.message


def test_who_may_not_read_makes_the_copy(
    place: Place, kept: Path, pod: NewPod, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    assert not take(pod(place.store.wrong, place.store.address), place, rows(kept))
    assert "spec.precision.store.secretName" in caplog.text
    assert "the copy is made again from the model" in caplog.text


@pytest.mark.parametrize("damage", [b"shorter", None])
def test_a_damaged_copy_is_not_taken_and_not_overwritten(
    damage: bytes | None,
    s3: Stocked,
    kept: Path,
    pod: NewPod,
    caplog: pytest.LogCaptureFixture,
) -> None:
    place = Place(s3, f"s3://models/damaged/{random.getrandbits(40):x}")
    command = pod(s3.secret, s3.address)
    put(command, place, kept)
    size = (kept / WEIGHTS).stat().st_size
    bad = damage or random.randbytes(size)
    client = Minio(
        s3.address, s3_store.USER, s3_store.PASSWORD, secure=False, region=s3_store.REGION
    )
    key = f"{place.uri.removeprefix('s3://models/')}/{model_digest(rows(kept))[7:]}/{WEIGHTS}"
    client.put_object("models", key, io.BytesIO(bad), len(bad))
    caplog.set_level("INFO")

    assert not take(command, place, rows(kept))
    assert "is not the copy that was compared" in caplog.text
    failure = put(command, place, kept)
    assert (failure.reason if failure else None) == ("DigestMismatch" if damage else None)
    assert client.get_object("models", key).data == bad


def test_a_store_that_is_gone_holds_nobody(kept: Path, pod: NewPod) -> None:
    gone = Stocked(
        address=f"127.0.0.1:{free_port()}",
        uri=str,
        missing=str,
        endpoint=lambda host: f"http://{host}",
        secret={},
        wrong={},
        word=None,
    )
    place = Place(gone, "s3://copies")
    command = pod({}, gone.address)

    assert not take(command, place, rows(kept))
    failure = put(command, place, kept)
    assert failure is not None
    assert (failure.reason, failure.retryable) == ("SourceUnavailable", True)


def converted(*arguments: object, report: Path) -> str:
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert converting([*map(str, arguments), f"--report={report}"]) == 0
    finally:
        signal.signal(signal.SIGTERM, before)
    return report.read_text()


def rebuilt(command: Command, model: Path, row: Conversion) -> None:
    folder = command.work
    (folder / "config.pbtxt").write_text('name: "m"')
    converted(
        "rebuild",
        f"--model={model}",
        f"--model-digest={read_source(model).digest}",
        f"--method={row.method}",
        f"--digest={row.digest}",
        f"--files={json.dumps([file.wire() for file in row.files])}",
        f"--into={command.into}",
        f"--config={folder / 'config.pbtxt'}",
        f"--config-into={command.into.parent / 'config.pbtxt'}",
        report=command.log,
    )


def test_from_a_conversion_to_where_it_is_served(
    place: Place, pod: NewPod, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The Job's containers, then a pod's: with the store, and without it, the same bytes."""
    command = pod(place.store.secret, place.store.address)
    model = saved(nets.mlp(), command.work, "model.onnx")
    arrays = nets.rows_for(read_source(model), 64).arrays
    np.savez(tmp_path / "rows.npz", **arrays)  # type: ignore[arg-type]
    kept = tmp_path / "kept"
    kept.mkdir()
    report = converted(
        "compare",
        f"--model={model}",
        "--precision=INT8",
        f"--samples={tmp_path / 'rows.npz'}",
        f"--keep-in={kept}",
        report=command.log,
    )
    row = decode_conversion(report).conversion
    assert row is not None
    assert put(command, place, kept) is None
    caplog.set_level("INFO")

    assert take(command, place, row.files)
    rebuilt(command, model, row)
    assert "the copy is there" in caplog.text
    assert rows(command.into) == row.files
    for file in command.into.iterdir():
        file.unlink()
    rebuilt(command, model, row)
    assert rows(command.into) == row.files
