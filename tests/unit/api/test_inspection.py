"""A Job's report: through 4,096 bytes and back, and nothing else is taken for one."""

import base64
import tracemalloc
import zlib
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import digests, model_facts
from triton_operator.api.inspection import Failure, Report, decode_report, encode_report
from triton_operator.api.model_profile import ModelFacts
from triton_operator.api.termination_message import TERMINATION_MESSAGE_LIMIT, UnreadableReport

DIGEST = f"sha256:{'0' * 64}"


def facts_with(inputs: int) -> ModelFacts:
    """Facts of a model with so many inputs."""
    row = {"datatype": "FP32", "shape": [-1, 3, 224, 224]}
    return ModelFacts.model_validate(
        {
            "format": "ONNX",
            "inputs": [{"name": f"input_{index}", **row} for index in range(inputs)],
            "outputs": [{"name": "output", **row}],
            "batchable": True,
            "reason": "axis 0 is the batch",
            "sizeBytes": 1,
            "files": [{"path": "model.onnx", "digest": DIGEST, "sizeBytes": 1}],
        }
    )


reports = st.one_of(
    st.builds(Report, digest=digests(), facts=model_facts()),
    st.builds(
        Report,
        digest=st.none() | digests(),
        failure=st.builds(
            Failure,
            reason=st.from_regex(r"[A-Z][A-Za-z0-9]{0,20}", fullmatch=True),
            message=st.text(max_size=300),
            retryable=st.booleans(),
        ),
    ),
)


@given(reports)
def test_any_report_comes_back(report: Report) -> None:
    text = encode_report(report)

    assert len(text.encode()) <= TERMINATION_MESSAGE_LIMIT
    assert decode_report(text) == report


def test_a_long_report_is_compressed_and_comes_back() -> None:
    report = Report(digest=DIGEST, facts=facts_with(200))

    text = encode_report(report)

    assert text.startswith("zlib:")
    assert len(text.encode()) <= TERMINATION_MESSAGE_LIMIT
    assert decode_report(text) == report


def test_a_report_that_does_not_fit_is_an_error_and_not_half_a_report() -> None:
    facts = facts_with(256)
    # Hashes do not compress: 256 of them hold 8 KiB.
    named = [
        tensor.model_copy(update={"name": sha256(tensor.name.encode()).hexdigest()})
        for tensor in facts.inputs
    ]
    report = Report(digest=DIGEST, facts=facts.model_copy(update={"inputs": named}))

    with pytest.raises(UnreadableReport, match="does not fit"):
        encode_report(report)


def packed(data: bytes) -> str:
    """As a Job packs it."""
    return "zlib:" + base64.b85encode(zlib.compress(data)).decode()


FAILURE = '{"failure":{"reason":"NotAModel","message":"m"}}'

# What stands in the termination message, and a part of the error.
UNREADABLE = {
    "nothing": ("", r"\(empty\)"),
    "a stack trace": ("Traceback (most recent call last):", "Traceback"),
    "another document": ('{"status":"ok"}', "either a digest with facts or a failure"),
    "facts without digest": (
        '{"facts":' + facts_with(1).model_dump_json(by_alias=True) + "}",
        "either a digest with facts or a failure",
    ),
    "both": (
        FAILURE[:-1]
        + f',"digest":"{DIGEST}","facts":{facts_with(1).model_dump_json(by_alias=True)}}}',
        "either a digest with facts or a failure",
    ),
    "not base85": ("zlib:\u00e4", "not a report"),
    "not compressed": ("zlib:" + base64.b85encode(b"plain").decode(), "not a report"),
    "a bomb": (packed(b" " * (1 << 21)), "larger than 1048576 bytes"),
    "not text": (packed(b"\xff\xfe"), "not a report"),
    "deep": ("[" * 100_000, "not a report"),
    "a wrong digest": ('{"digest":"sha256:0"}', "not a report"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_anything_else_is_unreadable(name: str) -> None:
    text, message = UNREADABLE[name]

    with pytest.raises(UnreadableReport, match=message) as error:
        decode_report(text)

    assert len(str(error.value)) < 400


@given(st.text() | st.text().map(lambda text: f"zlib:{text}"))
def test_no_text_does_anything_but_be_unreadable(text: str) -> None:
    with pytest.raises(UnreadableReport):
        decode_report(text)


@given(st.binary())
def test_no_compressed_bytes_do_anything_but_be_unreadable(data: bytes) -> None:
    with pytest.raises(UnreadableReport):
        decode_report(packed(data))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            "zlib:" + base64.b85encode(zlib.compress(bytes(3 << 20), 9)).decode(), id="zeros"
        ),
        pytest.param(
            "zlib:" + base64.b85encode(zlib.compress(zlib.compress(bytes(1 << 30), 9), 9)).decode(),
            id="a GiB in two layers",
        ),
        pytest.param(
            "zlib:" + base64.b85encode(zlib.compress(b"[" * (1 << 20), 9)).decode(), id="nested"
        ),
        pytest.param(
            "zlib:"
            + base64.b85encode(
                zlib.compress(b'{"facts":{"toolVersions":{' + b'"a":"",' * 100_000, 9)
            ).decode(),
            id="many keys",
        ),
        pytest.param("[" * 4096, id="nested, not compressed"),
    ],
)
def test_a_report_made_to_harm_takes_no_memory(text: str) -> None:
    """The operator decodes it: a Job that parsed a hostile file may say anything."""
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableReport):
            decode_report(text[:TERMINATION_MESSAGE_LIMIT])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 8 << 20
