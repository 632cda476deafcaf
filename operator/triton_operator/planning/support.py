"""What this version can fetch."""

from triton_operator.api import reasons
from triton_operator.api.model_source import Model
from triton_operator.planning.refusal import Refusal

SCHEMES = ("pvc", "https", "s3", "gs", "abfs", "hf", "oci")


def unsupported(model: Model) -> Refusal | None:
    """Why a model's source is refused; None where it is supported."""
    scheme = model.uri.partition("://")[0]
    if scheme not in SCHEMES:
        return Refusal(
            reasons.SOURCE_NOT_SUPPORTED,
            f"spec.model.uri: {scheme}:// is not supported by this version; use "
            + ", ".join(f"{known}://" for known in SCHEMES),
        )
    return None
