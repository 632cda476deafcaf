"""Models that no test has to inspect: digests, facts, and the reports that carry them."""

from typing import Any

from triton_operator.api.inspection import Failure, Report, encode_report
from triton_operator.api.model_profile import ModelFacts

URI = "https://models.example.com/model.onnx"


def digest(number: int) -> str:
    """The digest of the model called `number`."""
    return f"sha256:{number:064x}"


def facts(number: int = 0, **changes: Any) -> ModelFacts:
    """Facts of a small model that can be batched."""
    return ModelFacts.model_validate(
        {
            "format": "ONNX",
            "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}],
            "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 2]}],
            "batchable": True,
            "reason": "axis 0 of every input and output is a batch dimension",
            "parameterCount": 3100,
            "sizeBytes": 1000,
            "files": [{"path": "model.onnx", "digest": digest(number), "sizeBytes": 1000}],
            **changes,
        }
    )


def found(number: int, **changes: Any) -> str:
    """The termination message of an inspection that went well."""
    return encode_report(Report(digest=digest(number), facts=facts(number, **changes)))


def failed(reason: str, message: str) -> str:
    """The termination message of an inspection that did not."""
    return encode_report(Report(failure=Failure(reason=reason, message=message)))
