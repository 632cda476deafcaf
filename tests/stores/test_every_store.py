"""What holds for every kind of store, each asked as a Job and an init container ask it."""

import logging
from collections.abc import Callable, Mapping

import pytest

from tests.stores.command import Command
from tests.stores.relay import relay
from tests.stores.stocked import MODEL, ROWS, WEIGHTS, Stocked
from triton_operator.model.digest import model_digest

NewPod = Callable[[Mapping[str, str], str], Command]


def test_a_model_and_its_weights_are_inspected_and_delivered(stocked: Stocked, pod: NewPod) -> None:
    command = pod(stocked.secret, stocked.address)
    uri, endpoint = stocked.uri(stocked.address), stocked.endpoint(stocked.address)

    report = command.inspect(uri, endpoint, f"--digest={model_digest(ROWS)}")

    assert report.failure is None
    assert report.digest == model_digest(ROWS)
    assert report.facts is not None
    assert report.facts.files == ROWS

    assert command.fetch(uri, endpoint, ROWS) == 0
    assert (command.into / "model.onnx").read_bytes() == MODEL
    assert (command.into / "w/teil 1.bin").read_bytes() == WEIGHTS


@pytest.mark.parametrize("scheme", ["s3", "gs", "abfs"])
def test_how_an_endpoint_is_spelled_does_not_matter(
    scheme: str, pod: NewPod, request: pytest.FixtureRequest
) -> None:
    """Signatures are about the host as it is sent."""
    store: Stocked = request.getfixturevalue(scheme)
    spelled = store.address.replace("127.0.0.1", "LocalHost")
    command = pod(store.secret, store.address)

    report = command.inspect(store.uri(store.address), store.endpoint(spelled))

    assert report.digest == model_digest(ROWS), report.failure


def test_a_missing_file_is_named_in_the_stores_own_word(stocked: Stocked, pod: NewPod) -> None:
    endpoint = stocked.endpoint(stocked.address)
    reason, message, retryable = pod(stocked.secret, stocked.address).failure(
        stocked.missing(stocked.address), endpoint
    )

    assert (reason, retryable) == ("SourceNotFound", False)
    assert "404" in message
    if stocked.word is not None:
        assert f"({stocked.word})" in message


def test_nobody_is_told_which_keys_a_secret_needs(stocked: Stocked, pod: NewPod) -> None:
    reason, message, retryable = pod({}, stocked.address).failure(
        stocked.uri(stocked.address), stocked.endpoint(stocked.address)
    )

    assert (reason, retryable) == ("SourceForbidden", False)
    for key in stocked.secret:
        assert f"`{key}`" in message


def test_wrong_credentials_are_refused_and_not_shown(stocked: Stocked, pod: NewPod) -> None:
    reason, message, retryable = pod(stocked.wrong, stocked.address).failure(
        stocked.uri(stocked.address), stocked.endpoint(stocked.address)
    )

    assert (reason, retryable) == ("SourceForbidden", False)
    for text in stocked.wrong.values():
        assert text not in message


def test_a_broken_connection_goes_on_where_it_was(
    stocked: Stocked, pod: NewPod, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with relay(stocked.target) as between:
        host = between.address
        between.cuts = [1_500_000] * 2

        assert pod(stocked.secret, host).fetch(stocked.uri(host), stocked.endpoint(host), ROWS) == 0

    assert "going on" in caplog.text
    assert "from the start" not in caplog.text


def test_a_store_that_stalls_is_not_waited_for(stocked: Stocked, pod: NewPod) -> None:
    with relay(stocked.target) as between:
        host = between.address
        between.cuts = [100] * 100
        between.stalls = True
        command = pod(stocked.secret, host)
        limits = ["--read-timeout-seconds=0.1", "--timeout-seconds=3"]
        reason, _, retryable = command.failure(stocked.uri(host), stocked.endpoint(host), *limits)

    assert (reason, retryable) == ("SourceTimeout", True)


def test_other_bytes_than_listed_are_not_delivered(stocked: Stocked, pod: NewPod) -> None:
    command = pod(stocked.secret, stocked.address)
    other = ROWS[0].model_copy(update={"digest": f"sha256:{'0' * 64}"})
    uri, endpoint = stocked.uri(stocked.address), stocked.endpoint(stocked.address)

    assert command.fetch(uri, endpoint, [other, ROWS[1]]) == 2
    assert "DigestMismatch" in command.log.read_text()
    assert not (command.into / "model.onnx").exists()


def test_a_small_allowance_is_kept(stocked: Stocked, pod: NewPod) -> None:
    reason, _, retryable = pod(stocked.secret, stocked.address).failure(
        stocked.uri(stocked.address), stocked.endpoint(stocked.address), "--max-bytes=1000000"
    )

    assert (reason, retryable) == ("ModelTooLarge", False)
