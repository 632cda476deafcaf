"""Registries that do not say the truth, and those that want the password itself."""

import hashlib
import io
import json
from pathlib import Path
from time import monotonic

import pytest

from tests.unit.model.store import Store, status, whole
from triton_operator.model.authorization import basic
from triton_operator.model.download import Conditions, Patience
from triton_operator.model.errors import ModelFailure
from triton_operator.model.network import reached_network
from triton_operator.model.oci_source import OciSource
from triton_operator.model.progress import Progress
from triton_operator.model.receiving import Deadline, Receiver
from triton_operator.model.secret_files import SecretFiles

DATA = bytes(range(256)) * 10


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


LAYER = {"mediaType": "application/octet-stream", "digest": digest(DATA), "size": len(DATA)}
MANIFEST = json.dumps({"schemaVersion": 2, "layers": [LAYER]}).encode()
INDEX = json.dumps({"schemaVersion": 2, "manifests": [LAYER]}).encode()
BLOB = f"/v2/team/m/blobs/{digest(DATA)}"


def read(store: Store, folder: Path, manifest: bytes = MANIFEST) -> bytes:
    """The model of the artifact, digest checked."""
    around = Conditions(
        network=reached_network(credentials_dir=folder, environment={}),
        patience=Patience(),
        sleep=lambda _: None,
        say=lambda _: None,
    )
    file = io.BytesIO()
    receiver = Receiver(
        "model.onnx",
        file,
        most_bytes=1 << 20,
        deadline=Deadline.after(60, monotonic),
        progress=Progress(say=lambda _: None, clock=monotonic),
    )
    host = store.url.removeprefix("https://")
    uri = f"oci://{host}/team/m@{digest(manifest)}"
    OciSource(uri, SecretFiles(folder), around).read(None, receiver)
    receiver.row("model.onnx")
    return file.getvalue()


def at(manifest: bytes) -> str:
    return f"/v2/team/m/manifests/{digest(manifest)}"


@pytest.mark.parametrize(
    ("listed", "manifest", "blob", "reason"),
    [
        pytest.param(MANIFEST, MANIFEST, DATA[::-1], "DigestMismatch", id="other bytes"),
        pytest.param(MANIFEST, MANIFEST, DATA + b"!", "DigestMismatch", id="more bytes"),
        pytest.param(MANIFEST, MANIFEST, DATA[:-1], "DigestMismatch", id="fewer bytes"),
        pytest.param(MANIFEST, MANIFEST + b" ", DATA, "DigestMismatch", id="another manifest"),
        pytest.param(INDEX, INDEX, DATA, "SourceMisbehaves", id="an index"),
        pytest.param(MANIFEST, bytes(5 << 20), DATA, "ModelTooLarge", id="an endless manifest"),
    ],
)
def test_what_a_registry_sends_is_checked(
    listed: bytes, manifest: bytes, blob: bytes, reason: str, store: Store, credentials_dir: Path
) -> None:
    store.answers = {at(listed): [whole(manifest)], BLOB: [whole(blob)]}

    with pytest.raises(ModelFailure) as caught:
        read(store, credentials_dir, listed)

    assert (caught.value.failure.reason, caught.value.failure.retryable) == (reason, False)


def test_a_registry_may_want_the_password_itself(store: Store, credentials_dir: Path) -> None:
    (credentials_dir / "username").write_text("me")
    (credentials_dir / "password").write_text("pw")
    challenge = status(401, WWW_Authenticate='Basic realm="registry"')
    store.answers = {at(MANIFEST): [challenge, whole(MANIFEST)], BLOB: [whole(DATA)]}

    assert read(store, credentials_dir) == DATA
    sent = [headers.get("Authorization") for _, headers in store.requests]
    assert sent == [None, basic("me", "pw"), basic("me", "pw")]


def test_a_token_server_that_is_not_encrypted_gets_no_password(
    store: Store, credentials_dir: Path
) -> None:
    (credentials_dir / "username").write_text("me")
    (credentials_dir / "password").write_text("pw")
    realm = f"http://localhost:{store.server_port}/token"
    store.answers[at(MANIFEST)] = [status(401, WWW_Authenticate=f'Bearer realm="{realm}"')]

    with pytest.raises(ModelFailure) as caught:
        read(store, credentials_dir)

    assert caught.value.failure.reason == "SourceForbidden"
    assert len(store.requests) == 1
