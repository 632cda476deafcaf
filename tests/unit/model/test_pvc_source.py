"""Reading from a mounted claim, whatever links somebody puts there."""

import os
from io import BytesIO
from pathlib import Path

import pytest

from triton_operator.model.errors import ModelFailure
from triton_operator.model.progress import Progress
from triton_operator.model.pvc_source import PvcSource
from triton_operator.model.receiving import Deadline, Receiver


def read(uri: str, root: Path, path: str | None = None, *, most_bytes: int = 1000) -> bytes:
    file = BytesIO()
    receiver = Receiver(
        path or "model.onnx",
        file,
        most_bytes=most_bytes,
        deadline=Deadline.after(60, lambda: 0.0),
        progress=Progress(say=lambda _: None, clock=lambda: 0.0),
    )
    PvcSource(uri, root).read(path, receiver)
    return file.getvalue()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A claim with `m/model.onnx`, `m/w/1.bin` and `other.onnx`, and a secret beside the claim."""
    claim = tmp_path / "claim"
    (claim / "m" / "w").mkdir(parents=True)
    (claim / "m" / "model.onnx").write_bytes(b"model")
    (claim / "m" / "w" / "1.bin").write_bytes(b"weights")
    (claim / "other.onnx").write_bytes(b"other")
    (tmp_path / "secret").write_bytes(b"secret")
    return claim


@pytest.mark.parametrize(
    ("uri", "path", "data"),
    [
        pytest.param("pvc://models/other.onnx", None, b"other", id="file"),
        pytest.param("pvc://models/m", None, b"model", id="folder"),
        pytest.param("pvc://models/m/", None, b"model", id="folder with a slash"),
        pytest.param("pvc://models//m/model.onnx", None, b"model", id="two slashes"),
        pytest.param("pvc://models/m", "w/1.bin", b"weights", id="external data of a folder"),
        pytest.param("pvc://models/m/model.onnx", "w/1.bin", b"weights", id="and of a file"),
    ],
)
def test_files_of_the_claim(uri: str, path: str | None, data: bytes, root: Path) -> None:
    assert read(uri, root, path) == data


def test_links_inside_the_claim_are_followed(root: Path) -> None:
    """Hugging Face's cache and ConfigMap volumes are made of them."""
    (root / "linked.onnx").symlink_to("m/model.onnx")
    (root / "folder").symlink_to("m")

    assert read("pvc://models/linked.onnx", root) == b"model"
    assert read("pvc://models/folder", root) == b"model"
    assert read("pvc://models/folder", root, "w/1.bin") == b"weights"


def test_the_mount_itself_may_be_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "source").symlink_to(root)

    assert read("pvc://models/m", tmp_path / "source") == b"model"


@pytest.mark.parametrize("target", ["../secret", "absolute"])
def test_links_that_leave_the_claim_are_refused(target: str, root: Path, tmp_path: Path) -> None:
    (root / "m.onnx").symlink_to(tmp_path / "secret" if target == "absolute" else target)
    (root / "up").symlink_to("..")

    for uri in ("pvc://models/m.onnx", "pvc://models/up/secret"):
        with pytest.raises(ModelFailure) as caught:
            read(uri, root)
        assert caught.value.failure.reason == "SourceForbidden"
        assert "leaves its volume" in caught.value.failure.message


@pytest.mark.parametrize(
    ("uri", "text"),
    [
        ("pvc://models/n.onnx", "(the folder '.' of the claim has m, other.onnx)"),
        ("pvc://models/m/x/y.onnx", "(the folder 'm' of the claim has model.onnx, w)"),
        ("pvc://models/m/w", "no file pvc://models/m/w/model.onnx"),
        ("pvc://models/other.onnx/x", "no file"),
        ("pvc://models/empty/m.onnx", "(the folder 'empty' of the claim is empty)"),
        ("pvc://models/loop", "no file"),
        ("pvc://models/pipe", "no regular file"),
        ("pvc://models/devices/null", "leaves its volume"),
    ],
)
def test_what_is_no_file(uri: str, text: str, root: Path) -> None:
    (root / "empty").mkdir()
    if "empty" not in uri and "loop" in uri:
        (root / "loop").symlink_to("loop")
    if "pipe" in uri:
        os.mkfifo(root / "pipe")
    if "devices" in uri:
        (root / "devices").symlink_to("/dev")
    if "has m" in text:
        (root / "empty").rmdir()

    with pytest.raises(ModelFailure) as caught:
        read(uri, root)

    assert caught.value.failure.reason in ("SourceNotFound", "SourceForbidden")
    assert not caught.value.failure.retryable
    assert text in caught.value.failure.message


def test_a_claim_that_is_not_mounted(tmp_path: Path) -> None:
    with pytest.raises(ModelFailure, match="is the claim mounted"):
        read("pvc://models/m", tmp_path / "nowhere")


@pytest.mark.parametrize("uri", ["pvc://models", "pvc:///m", "pvc://models/", "pvc://m/../../x"])
def test_addresses_without_claim_or_path(uri: str, tmp_path: Path) -> None:
    with pytest.raises(ModelFailure) as caught:
        PvcSource(uri, tmp_path)

    assert caught.value.failure.reason == "UnsupportedSource"


def test_a_file_larger_than_allowed_is_not_read(root: Path) -> None:
    with pytest.raises(ModelFailure) as caught:
        read("pvc://models/m", root, most_bytes=4)

    assert caught.value.failure.reason == "ModelTooLarge"
