"""Copies on their way into stores that say no, break off, or have something else there."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.unit.model.store import Answer, Handler, Store, sent, status, whole
from triton_operator.api.copy_address import EMPTY_CONFIG, copy_manifest, copy_tag
from triton_operator.api.model_profile import ModelFile
from triton_operator.model.copies.put import Putting, copy_files, put_copy
from triton_operator.model.copies.s3_upload import MOST_BYTES, S3CopyUpload
from triton_operator.model.download import Conditions, Patience
from triton_operator.model.errors import ModelFailure
from triton_operator.model.network import reached_network
from triton_operator.model.receiving import Deadline
from triton_operator.model.secret_files import SecretFiles

MODEL, WEIGHTS = b"model" * 1000, b"weights" * 1000


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


LISTING = f"{digest(MODEL)[7:]}  model.onnx\n{digest(WEIGHTS)[7:]}  weights.bin\n"
COPY = hashlib.sha256(LISTING.encode()).hexdigest()
AT = f"/copies/a/{COPY}"
ROWS = [
    ModelFile(path="model.onnx", digest=digest(MODEL), size_bytes=len(MODEL)),
    ModelFile(path="weights.bin", digest=digest(WEIGHTS), size_bytes=len(WEIGHTS)),
]
REPOSITORY = "/v2/team/copies"
MANIFEST = copy_manifest(ROWS)
BY_DIGEST = f"HEAD {REPOSITORY}/manifests/{digest(MANIFEST)}"
BY_TAG = f"PUT {REPOSITORY}/manifests/{copy_tag(f'sha256:{COPY}')}"
START = f"POST {REPOSITORY}/blobs/uploads/"
BLOBS = (EMPTY_CONFIG, MODEL, WEIGHTS)


class Clock:
    """Moves only by waiting."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    folder = tmp_path / "kept"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(MODEL)
    (folder / "weights.bin").write_bytes(WEIGHTS)
    return folder


Put = Callable[..., list[str]]


@pytest.fixture
def put(store: Store, copy: Path, credentials_dir: Path) -> Put:
    """Puts the copy there; what is said meanwhile."""
    (credentials_dir / "AWS_ACCESS_KEY_ID").write_text("key")
    (credentials_dir / "AWS_SECRET_ACCESS_KEY").write_text("secret")
    (credentials_dir / "username").write_text("me")
    (credentials_dir / "password").write_text("secret")

    def run(scheme: str = "s3", clock: Clock | None = None) -> list[str]:
        said: list[str] = []
        moving = clock or Clock()
        host = store.url.removeprefix("https://")
        put_copy(
            Putting(
                folder=copy,
                store="s3://copies/a" if scheme == "s3" else f"oci://{host}/team/copies",
                endpoint=store.url if scheme == "s3" else None,
                secret=SecretFiles(credentials_dir),
                around=Conditions(
                    network=reached_network(
                        credentials_dir=credentials_dir,
                        environment={},
                        secret_field="spec.precision.store.secretName",
                    ),
                    patience=Patience(attempts=3),
                    sleep=moving.sleep,
                    say=said.append,
                    secret_keys=("a",),
                ),
                deadline=Deadline.after(600, moving),
            )
        )
        return said

    return run


def refused(put: Put, scheme: str = "s3") -> tuple[str, str, bool]:
    with pytest.raises(ModelFailure) as caught:
        put(scheme)
    failure = caught.value.failure
    return failure.reason, failure.message, failure.retryable


def bucket(store: Store, *, model: list[Answer], weights: list[Answer] | None = None) -> None:
    """A bucket that has nothing yet, and answers so to the files that it gets."""
    store.answers = {
        f"{AT}/model.onnx": [status(404)],
        f"{AT}/weights.bin": [status(404)],
        f"PUT {AT}/model.onnx": model,
        f"PUT {AT}/weights.bin": weights or [status(200)],
    }


def hang_up(handler: Handler) -> None:
    handler.break_off()


def test_a_bucket_gets_the_model_file_last(store: Store, put: Put) -> None:
    bucket(store, model=[status(200)])

    put()

    assert store.received == [
        (f"PUT {AT}/weights.bin", WEIGHTS),
        (f"PUT {AT}/model.onnx", MODEL),
    ]
    headers = store.requests[-1][1]
    assert headers["If-None-Match"] == "*"
    assert headers["x-amz-content-sha256"] == digest(MODEL)[7:]
    assert "Transfer-Encoding" not in headers


def test_what_is_in_a_bucket_already_stays(store: Store, put: Put) -> None:
    bucket(store, model=[status(500)])
    size = {"Content-Range": f"bytes 0-0/{len(MODEL)}", "Content-Length": "1"}
    store.answers[f"{AT}/model.onnx"] = [sent(size, b"m", 206)]

    said = put()

    assert [path for path, _ in store.received] == [f"PUT {AT}/weights.bin"]
    assert any("is there already" in one for one in said)


def test_something_else_in_a_bucket_is_not_overwritten(store: Store, put: Put) -> None:
    bucket(store, model=[status(200)])
    size = {"Content-Range": "bytes 0-0/3", "Content-Length": "1"}
    store.answers[f"{AT}/model.onnx"] = [sent(size, b"m", 206)]

    reason, message, _ = refused(put)

    assert reason == "DigestMismatch"
    assert f"has 3 bytes, and the copy's file has {len(MODEL)}: delete it" in message


@pytest.mark.parametrize(
    ("answers", "sends"),
    [
        pytest.param([status(412)], 1, id="another Job was quicker"),
        pytest.param([status(503), status(200)], 2, id="busy"),
        pytest.param([hang_up, status(200)], 2, id="broken off"),
        pytest.param([status(409), status(200)], 2, id="being written"),
        pytest.param([status(501), status(200)], 2, id="knows no conditions"),
        pytest.param([status(400, x_amz_bucket_region="eu-west-3"), status(200)], 2, id="region"),
    ],
)
def test_what_a_bucket_says_that_is_no_failure(
    answers: list[Answer], sends: int, store: Store, put: Put
) -> None:
    bucket(store, model=answers)

    put()

    assert [body for path, body in store.received if path.endswith(".onnx")] == [MODEL] * sends


def test_a_bucket_that_may_not_be_read_is_written_all_the_same(store: Store, put: Put) -> None:
    bucket(store, model=[status(200)])
    store.answers[f"{AT}/model.onnx"] = [status(403)]

    put()

    assert store.received[-1] == (f"PUT {AT}/model.onnx", MODEL)


@pytest.mark.parametrize(
    ("answer", "reason", "says"),
    [
        (status(403), "SourceForbidden", "the Secret of spec.precision.store.secretName are not"),
        (status(404), "SourceNotFound", "there is no such bucket or repository"),
        (status(307, Location="https://elsewhere"), "SourceMisbehaves", "no answer to an upload"),
        (status(503), "SourceUnavailable", "gave up after 3 attempts"),
        (hang_up, "SourceUnavailable", "gave up after 3 attempts"),
    ],
)
def test_why_a_bucket_does_not_take_it(
    answer: Answer, reason: str, says: str, store: Store, put: Put
) -> None:
    bucket(store, model=[answer])

    told = refused(put)

    assert told[0] == reason
    assert says in told[1]
    assert told[2] is (reason == "SourceUnavailable")


def test_a_file_that_one_upload_to_a_bucket_cannot_carry(credentials_dir: Path) -> None:
    around = Conditions(
        network=reached_network(credentials_dir=credentials_dir, environment={}),
        patience=Patience(),
        sleep=print,
        say=print,
    )
    upload = S3CopyUpload(
        "s3://b/c/model.onnx",
        "https://localhost:1",
        SecretFiles(credentials_dir),
        around,
        Deadline.after(60, Clock()),
    )
    row = ModelFile(path="weights.bin", digest=digest(b""), size_bytes=MOST_BYTES + 1)

    with pytest.raises(ModelFailure) as caught:
        upload.put([(Path("nowhere"), ROWS[0]), (Path("nowhere"), row)])

    assert caught.value.failure.reason == "ModelTooLarge"
    assert "spec.precision.store" in caught.value.failure.message


def registry(store: Store, **changes: list[Answer]) -> None:
    """A registry that has nothing yet, and takes everything."""
    store.answers = {
        BY_DIGEST: [status(404)],
        START: [status(202, Location=f"{REPOSITORY}/blobs/uploads/1?state=x")],
        BY_TAG: [status(201)],
    }
    for data in BLOBS:
        store.answers[f"HEAD {REPOSITORY}/blobs/{digest(data)}"] = [status(404)]
        store.answers[sending(data)] = [status(201)]
    store.answers.update(changes)


def sending(data: bytes, query: str = "?state=x&") -> str:
    return f"PUT {REPOSITORY}/blobs/uploads/1{query}digest={quote(digest(data), safe='')}"


def test_a_registry_gets_the_manifest_last(store: Store, put: Put) -> None:
    registry(store)

    put("oci")

    brought = [(path, body) for path, body in store.received if path.startswith("PUT")]
    assert brought == [*((sending(data), data) for data in BLOBS), (BY_TAG, MANIFEST)]
    assert json.loads(store.received[-1][1])["layers"][1]["size"] == len(WEIGHTS)


def test_what_a_registry_has_already_stays(store: Store, put: Put) -> None:
    registry(store)
    store.answers[f"HEAD {REPOSITORY}/blobs/{digest(MODEL)}"] = [status(200)]

    put("oci")
    assert [body for path, body in store.received if path.startswith("PUT")] == [
        EMPTY_CONFIG,
        WEIGHTS,
        MANIFEST,
    ]

    registry(store)
    store.answers[BY_DIGEST] = [status(200)]
    store.received.clear()
    put("oci")
    assert [path for path, _ in store.received] == [BY_DIGEST]


TOKEN = "/token?service=registry&scope=repository%3Ateam%2Fcopies%3Apull"


def registry_with_tokens(store: Store, found: Answer, *, push: Answer) -> None:
    """A registry that wants a token for everything, and gives one to pull."""
    registry(store)
    challenge = f'Bearer realm="{store.url}/token",service="registry"'
    store.answers[BY_DIGEST] = [status(401, WWW_Authenticate=challenge), found]
    store.answers[TOKEN] = [whole(b'{"token": "pulls"}')]
    store.answers[f"{TOKEN}%2Cpush"] = [push]


def test_a_token_to_push_is_asked_for_where_the_copy_is_missing(store: Store, put: Put) -> None:
    registry_with_tokens(store, status(404), push=whole(b'{"token": "pushes"}'))

    put("oci")

    sent = {path: headers.get("Authorization") for path, headers in store.requests}
    assert store.requests[-1][1]["Authorization"] == "Bearer pushes"
    assert sent[f"{REPOSITORY}/manifests/{digest(MANIFEST)}"] == "Bearer pulls"


def test_who_may_only_pull_hears_nothing_of_a_copy_that_is_there(store: Store, put: Put) -> None:
    registry_with_tokens(store, status(200), push=status(403))

    said = put("oci")

    assert any("is there already" in one for one in said)


def test_who_may_only_pull_is_told_of_a_copy_that_is_not_there(store: Store, put: Put) -> None:
    registry_with_tokens(store, status(404), push=status(403))

    reason, message, _ = refused(put, "oci")

    assert reason == "SourceForbidden"
    assert "gives no token to pull,push team/copies" in message


def test_a_repository_that_nobody_may_read_yet_is_made_by_the_upload(
    store: Store, put: Put
) -> None:
    registry_with_tokens(store, status(404), push=whole(b'{"token": "pushes"}'))
    store.answers[TOKEN] = [status(403)]

    said = put("oci")

    assert store.received[-1] == (BY_TAG, MANIFEST)
    assert any("whether the copy is there is not known" in one for one in said)


def test_an_upload_that_breaks_off_begins_anew(store: Store, put: Put) -> None:
    registry(store)
    store.answers[sending(MODEL)] = [hang_up, status(201)]

    put("oci")

    assert [body for path, body in store.received if path == sending(MODEL)] == [MODEL] * 2
    assert len([path for path, _ in store.received if path == START]) == 4


def test_credentials_of_a_registry_go_nowhere_else(
    store: Store, new_store: Callable[[], Store], put: Put
) -> None:
    """Registries may name the place where their files really are."""
    other = new_store()
    registry(store)
    store.answers[BY_DIGEST] = [status(401, WWW_Authenticate="Basic"), status(404)]
    store.answers[START] = [status(202, Location=f"{other.url}{REPOSITORY}/blobs/uploads/1")]
    other.answers = {sending(data, "?"): [status(201)] for data in BLOBS}

    put("oci")

    assert len(other.received) == len(BLOBS)
    assert not any("Authorization" in headers for _, headers in other.requests)
    assert "Authorization" in store.requests[-1][1]


@pytest.mark.parametrize(
    ("place", "answer", "reason", "says"),
    [
        (START, status(403), "SourceForbidden", "spec.precision.store.secretName"),
        (START, status(404), "SourceNotFound", "no such bucket or repository"),
        (START, status(202), "SourceMisbehaves", "does not say where"),
        (START, status(202, Location="http://h/a"), "UnsupportedSource", "no usable address"),
        (BY_TAG, status(400), "SourceMisbehaves", "no answer to an upload"),
        (BY_DIGEST, status(502), "SourceUnavailable", "gave up"),
    ],
)
def test_why_a_registry_does_not_take_it(
    place: str, answer: Answer, reason: str, says: str, store: Store, put: Put
) -> None:
    registry(store)
    store.answers[place] = [answer]

    told = refused(put, "oci")

    assert told[0] == reason
    assert says in told[1]


def test_an_upload_ends_in_time(store: Store, put: Put) -> None:
    """Each pause is an hour of this clock."""
    bucket(store, model=[status(503, Retry_After="3600")])
    clock = Clock()

    with pytest.raises(ModelFailure) as caught:
        put(clock=clock)

    assert caught.value.failure.reason == "SourceUnavailable"
    assert clock.now <= 600


def test_nothing_to_put(tmp_path: Path) -> None:
    assert copy_files(tmp_path) == ()


def test_what_a_folder_may_hold_beside_a_copy(copy: Path) -> None:
    """Whoever has read an untrusted model has written there."""
    (copy / "linked.bin").symlink_to("/etc/hostname")
    (copy / "folder").mkdir()

    assert [row for _, row in copy_files(copy)] == ROWS

    for number in range(9):
        (copy / f"{number}.bin").touch()
    with pytest.raises(ModelFailure) as caught:
        copy_files(copy)
    assert caught.value.failure.reason == "ModelTooLarge"
