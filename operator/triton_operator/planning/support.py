"""What this version can fetch and serve."""

from triton_operator.api import reasons
from triton_operator.api.enums import ModelFormat
from triton_operator.api.inference_service import Model
from triton_operator.planning.refusal import Refusal

SCHEMES = ("pvc", "https")
FORMATS = (ModelFormat.ONNX,)


def unsupported(model: Model) -> Refusal | None:
    """Why a model's source or format is refused; None where both are supported."""
    scheme = model.uri.partition("://")[0]
    if scheme not in SCHEMES:
        return Refusal(
            reasons.SOURCE_NOT_SUPPORTED,
            f"spec.model.uri: {scheme}:// is not supported by this version; use "
            "pvc://CLAIM/PATH or https://",
        )
    if model.format not in FORMATS:
        return Refusal(
            reasons.FORMAT_NOT_SUPPORTED,
            f"spec.model.format: {model.format} is not supported by this version; use ONNX",
        )
    return None
