"""The models in these worlds: addresses, and what an inspection answers."""

from tests.unit.planning.building import facts
from triton_operator.api.inspection import Failure, Report, encode_report
from triton_operator.api.model_profile import ModelFacts, ModelFile
from triton_operator.model.reasons import NOT_A_MODEL

FIRST = "pvc://models/first.onnx"
SECOND = "pvc://models/second.onnx"
BROKEN = "pvc://models/broken.onnx"
_NUMBERS = {FIRST: 1, SECOND: 2}


def digest(uri: str) -> str:
    """The digest of the model at an address."""
    return f"sha256:{_NUMBERS[uri]:064x}"


def facts_at(uri: str) -> ModelFacts:
    """The facts of the model at an address."""
    file = ModelFile(path="model.onnx", digest=digest(uri), size_bytes=3_145_728)
    return facts(files=[file], parameter_count=1000 * _NUMBERS[uri])


def report(uri: str) -> tuple[str, int]:
    """The termination message of an inspection, and its exit code."""
    if uri == BROKEN:
        failure = Failure(reason=NOT_A_MODEL, message="not an ONNX model", retryable=False)
        return encode_report(Report(failure=failure)), 2
    return encode_report(Report(digest=digest(uri), facts=facts_at(uri))), 0
