"""Model repositories in folders of real object stores."""

import io
import json
from collections.abc import Callable, Mapping

import pytest
from minio import Minio

from tests.stores.command import Command
from tests.stores.s3_store import PASSWORD, REGION, USER
from tests.stores.stocked import REPOSITORY, REPOSITORY_FILES, Stocked
from tests.unit.model.repository_building import data_only
from triton_operator.model.__main__ import main

NewPod = Callable[[Mapping[str, str], str], Command]
FORMAT = "--format=TritonRepository"


@pytest.fixture(params=["s3", "gs"])
def scheme(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def store(scheme: str, request: pytest.FixtureRequest) -> Stocked:
    found: Stocked = request.getfixturevalue(scheme)
    return found


def delivered(command: Command, uri: str, endpoint: str | None) -> dict[str, bytes]:
    """What is there after an inspection and a fetch."""
    report = command.inspect(uri, endpoint, FORMAT)
    assert report.facts is not None, report.failure
    rows = json.dumps([file.wire() for file in report.facts.files])
    into = command.work.parent / "models"
    code = main(
        [
            *("fetch", *command.shared(uri, endpoint), FORMAT, f"--into={into}"),
            *(f"--files={rows}", f"--digest={report.digest}"),
        ]
    )
    assert code == 0, command.log.read_text()
    return {
        str(path.relative_to(into)): path.read_bytes()
        for path in sorted(into.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_repository_is_inspected_and_delivered(
    slash: str, scheme: str, store: Stocked, pod: NewPod
) -> None:
    uri = f"{scheme}://models/{REPOSITORY}{slash}"

    found = delivered(pod(store.secret, store.address), uri, store.endpoint(store.address))

    assert found == REPOSITORY_FILES


def test_nothing_is_there(scheme: str, store: Stocked, pod: NewPod) -> None:
    uri, endpoint = f"{scheme}://models/gef", store.endpoint(store.address)
    command = pod(store.secret, store.address)

    reason, message, retryable = command.failure(uri, endpoint, FORMAT)

    assert (reason, retryable) == ("SourceNotFound", False)
    assert f"{scheme}://models/gef/" in message


def test_who_may_not_list_is_told_the_right(scheme: str, store: Stocked, pod: NewPod) -> None:
    uri, endpoint = f"{scheme}://models/{REPOSITORY}", store.endpoint(store.address)

    reason, message, _ = pod({}, store.address).failure(uri, endpoint, FORMAT)

    assert reason == "SourceForbidden"
    assert "needs the right to list" in message


def test_a_listing_of_several_pages(s3: Stocked, pod: NewPod) -> None:
    """A page has a thousand keys; most of these are marks of empty folders."""
    client = Minio(s3.address, USER, PASSWORD, secure=False, region=REGION)
    client.make_bucket("pages")
    for number in range(1010):
        client.put_object("pages", f"shop/classifier/a{number:04}/", io.BytesIO(), 0)
    for path, data in data_only().items():
        client.put_object("pages", f"shop/{path}", io.BytesIO(data), len(data))

    found = delivered(pod(s3.secret, s3.address), "s3://pages/shop", s3.endpoint(s3.address))

    assert found == data_only()


@pytest.mark.parametrize("key", ["classifier/config.PBTXT", "classifier/1/a\\b"])
def test_keys_that_are_no_files_are_refused(key: str, s3: Stocked, pod: NewPod) -> None:
    client = Minio(s3.address, USER, PASSWORD, secure=False, region=REGION)
    bucket = f"refused{'-case' if 'PBTXT' in key else ''}"
    client.make_bucket(bucket)
    for path, data in {**data_only(), key: b"x"}.items():
        client.put_object(bucket, f"shop/{path}", io.BytesIO(data), len(data))

    reason, _, _ = pod(s3.secret, s3.address).failure(
        f"s3://{bucket}/shop", s3.endpoint(s3.address), FORMAT
    )

    assert reason == "RepositoryRefused"
