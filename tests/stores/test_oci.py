"""What only registries have: manifests, layers, archives, indexes."""

from collections.abc import Callable, Mapping

import pytest

from tests.stores.command import Command
from tests.stores.oci_store import REPOSITORY, TokenServer, push
from tests.stores.stocked import MODEL, ROWS, Stocked
from tests.unit.model.building import linear

NewPod = Callable[[Mapping[str, str], str], Command]
Registry = tuple[Stocked, TokenServer]
PLAIN = linear().SerializeToString()


def pushed(
    registry: Registry, files: dict[str, bytes], kind: str = "application/octet-stream"
) -> str:
    digest = push(registry[0].address, registry[1].key, files, kind)
    return f"oci://{registry[0].address}/{REPOSITORY}@{digest}"


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"whatever": PLAIN}, id="the only layer"),
        pytest.param({"model.onnx": PLAIN, "other.onnx": b"x"}, id="the one named model.onnx"),
        pytest.param({"a/m.onnx": PLAIN, "README.md": b"x"}, id="the only .onnx"),
    ],
)
def test_which_layer_is_the_model(
    files: dict[str, bytes], oci_and_tokens: Registry, pod: NewPod
) -> None:
    stocked, _ = oci_and_tokens
    report = pod(stocked.secret, stocked.address).inspect(pushed(oci_and_tokens, files), None)

    assert report.failure is None
    assert report.facts is not None
    assert report.facts.files[0].size_bytes == len(PLAIN)


@pytest.mark.parametrize(
    ("files", "reason", "text"),
    [
        ({"a.onnx": PLAIN, "b.onnx": b"x"}, "SourceNotFound", "(a.onnx, b.onnx)"),
        ({"m.onnx": MODEL}, "SourceNotFound", "'w/teil 1.bin'"),
    ],
)
def test_a_missing_layer_is_named_with_those_there_are(
    files: dict[str, bytes], reason: str, text: str, oci_and_tokens: Registry, pod: NewPod
) -> None:
    stocked, _ = oci_and_tokens
    failure = pod(stocked.secret, stocked.address).failure(pushed(oci_and_tokens, files), None)

    assert failure[0] == reason
    assert text in failure[1]


def test_an_archive_is_not_unpacked(oci_and_tokens: Registry, pod: NewPod) -> None:
    stocked, _ = oci_and_tokens
    uri = pushed(
        oci_and_tokens, {"m.onnx": PLAIN}, kind="application/vnd.oci.image.layer.v1.tar+gzip"
    )
    reason, message, retryable = pod(stocked.secret, stocked.address).failure(uri, None)

    assert (reason, retryable) == ("SourceMisbehaves", False)
    assert "oras push" in message


def test_tokens_are_asked_for_once(oci_and_tokens: Registry, pod: NewPod) -> None:
    stocked, tokens = oci_and_tokens
    before = tokens.tokens

    assert pod(stocked.secret, stocked.address).fetch(stocked.uri(stocked.address), None, ROWS) == 0
    assert tokens.tokens - before == 1
