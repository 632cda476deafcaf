"""Reports in a termination message: at most 4,096 bytes, and the same after decoding."""

from hypothesis import given, settings
from hypothesis import strategies as st

from triton_operator.api.enums import ModelFormat
from triton_operator.api.inspection import Failure, Report, decode_report
from triton_operator.api.model_profile import ModelFacts, ModelFile
from triton_operator.api.tensors import Tensor
from triton_operator.model.answer import fitting

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1)
DIGESTS = st.binary(min_size=32, max_size=32).map(lambda raw: f"sha256:{raw.hex()}")
TENSORS = st.lists(
    st.builds(
        Tensor,
        name=TEXT.map(lambda name: name[:100]),
        datatype=st.sampled_from(["FP32", "INT64", "BYTES"]),
        shape=st.lists(st.integers(-1, 1 << 40), max_size=4),
    ),
    min_size=1,
    max_size=40,
)
FACTS = st.builds(
    ModelFacts,
    format=st.just(ModelFormat.ONNX),
    inputs=TENSORS,
    outputs=TENSORS,
    batchable=st.booleans(),
    reason=TEXT.map(lambda text: (text * 30)[:1024]),
    opset=st.none() | st.integers(1, 30),
    size_bytes=st.integers(0, 1 << 50),
    files=st.lists(
        st.builds(
            ModelFile, path=st.just("model.onnx"), digest=DIGESTS, size_bytes=st.integers(0, 9)
        ),
        min_size=1,
        max_size=20,
    ),
)
FAILURES = st.builds(
    Failure,
    reason=st.just("NotAModel"),
    message=TEXT.map(lambda text: (text * 50)[:2048]),
    retryable=st.booleans(),
)
REPORTS = st.builds(Report, digest=DIGESTS, facts=FACTS) | st.builds(Report, failure=FAILURES)


@settings(max_examples=50)
@given(report=REPORTS)
def test_what_is_written_fits_and_is_read_back(report: Report) -> None:
    text, said = fitting(report)

    assert len(text.encode()) <= 4096
    assert decode_report(text) == said
    if report.failure is not None:
        assert said.failure is not None
        assert said.failure.reason == report.failure.reason


@settings(max_examples=50)
@given(report=REPORTS)
def test_a_report_that_fits_says_everything(report: Report) -> None:
    text, said = fitting(report)

    if said.failure is None or said.failure.reason != "ReportTooLarge":
        assert said == report or len(text.encode()) <= 4096
    if said.facts is not None and report.facts is not None:
        kept = said.facts.model_copy(update={"reason": report.facts.reason})
        assert kept == report.facts


def test_a_long_reason_is_shortened_before_facts_are_lost() -> None:
    """Random hexadecimal digits hardly compress."""
    import hashlib

    def noise(seed: str, length: int) -> str:
        digits = "".join(hashlib.sha256(f"{seed}{i}".encode()).hexdigest() for i in range(40))
        return digits[:length]

    facts = ModelFacts(
        format=ModelFormat.ONNX,
        inputs=[
            Tensor(name=noise(f"t{i}", 100), datatype="FP32", shape=[-1, 4]) for i in range(44)
        ],
        outputs=[Tensor(name="y", datatype="FP32", shape=[-1, 4])],
        batchable=True,
        reason=noise("reason", 1024),
        size_bytes=1,
        files=[ModelFile(path="model.onnx", digest=f"sha256:{noise('d', 64)}", size_bytes=1)],
    )

    text, said = fitting(Report(digest=f"sha256:{noise('d', 64)}", facts=facts))

    assert len(text.encode()) <= 4096
    assert said.facts is not None
    assert said.facts.inputs == facts.inputs
    assert len(said.facts.reason) == 159


def test_a_failure_that_is_too_long_keeps_both_ends() -> None:
    message = "".join(chr(0x4E00 + (i * i * 7919) % 20000) for i in range(2048))

    text, said = fitting(Report(failure=Failure(reason="NotAModel", message=message)))

    assert len(text.encode()) <= 4096
    assert said.failure is not None
    assert said.failure.message[:100] == message[:100]
    assert said.failure.message[-100:] == message[-100:]
