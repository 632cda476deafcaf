"""Whoever misspells a key of the Secret is told which keys are there and which are wanted."""

from pathlib import Path

import pytest

from tests.unit.model.store import Store, status
from triton_operator.model.download import Conditions, Patience
from triton_operator.model.errors import SourceRefused
from triton_operator.model.network import reached_network
from triton_operator.model.progress import Progress
from triton_operator.model.receiving import Deadline, Receiver
from triton_operator.model.sources import Surroundings, source_for

AMAZON = "`AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`"
NEEDS = "the Secret of spec.model.secretName needs"


def refusal(store: Store, uri: str, authority: Path, credentials_dir: Path | None) -> str:
    """What is said of a store that lets nobody in."""
    store.answers["/b/m.onnx"] = [status(403)]
    around = Conditions(
        network=reached_network(credentials_dir=authority, environment={}),
        patience=Patience(attempts=1),
        sleep=print,
        say=print,
    )
    endpoint = store.url if uri.startswith(("s3", "gs")) else None
    place = Surroundings(conditions=around, endpoint=endpoint, credentials_dir=credentials_dir)
    receiver = Receiver(
        "m",
        None,
        most_bytes=100,
        deadline=Deadline.after(60, lambda: 0),
        progress=Progress(say=print, clock=lambda: 0),
    )
    with pytest.raises(SourceRefused) as caught:
        source_for(uri.replace("STORE", store.url), place).read(None, receiver)
    assert caught.value.failure.reason == "SourceForbidden"
    return caught.value.failure.message


@pytest.mark.parametrize(
    ("uri", "keys", "says"),
    [
        pytest.param(
            "s3://b/m.onnx",
            ["AWS_ACCESS_KEY", "AWS_SECRET_KEY"],
            f"{NEEDS} {AMAZON}, and has `AWS_ACCESS_KEY`, `AWS_SECRET_KEY`",
            id="both misspelled",
        ),
        pytest.param(
            "gs://b/m.onnx",
            ["key.json"],
            f"{NEEDS} `service-account.json`, and has `key.json`",
            id="the file's own name",
        ),
        pytest.param(
            "STORE/b/m.onnx",
            ["TOKEN"],
            f"{NEEDS} `token`, or `username` and `password`, and has `TOKEN`",
            id="capitals",
        ),
        pytest.param("s3://b/m.onnx", [], f"{NEEDS} {AMAZON}, and has no key", id="empty"),
        pytest.param(
            "s3://b/m.onnx",
            [f"k{number}" for number in range(9)],
            "`k6`, `k7`, …",
            id="a message has an end",
        ),
        pytest.param("s3://b/m.onnx", None, f"name a Secret with {AMAZON}", id="no Secret"),
    ],
)
def test_keys_are_named(
    uri: str,
    keys: list[str] | None,
    says: str,
    store: Store,
    credentials_dir: Path,
    tmp_path: Path,
) -> None:
    secret = tmp_path / "mounted"
    # As the kubelet mounts one.
    (secret / "..2026_11_20").mkdir(parents=True)
    (secret / "..data").symlink_to("..2026_11_20")
    for key in keys or ():
        (secret / "..data" / key).write_text("t0p")
        (secret / key).symlink_to(f"..data/{key}")

    message = refusal(store, uri, credentials_dir, None if keys is None else secret)

    assert says in message
    assert ".." not in message
    assert "t0p" not in message
