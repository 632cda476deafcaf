"""Whose samples a copy was compared on: services share a profile, and not always the samples."""

import hashlib

from triton_operator.api.model_profile import Conversion
from triton_operator.api.model_source import Samples


def samples_source(samples: Samples) -> str:
    """The address as a row has it: hashed, as whoever reads profiles need not read addresses."""
    return f"sha256:{hashlib.sha256(samples.uri.encode()).hexdigest()}"


def of_other_samples(row: Conversion, samples: Samples | None) -> bool:
    """Whether it was compared on real inputs that are not those of a service with `samples`.

    A service without any takes what others have. A row that names no address is of whoever
    committed it, or of an earlier version of this operator, and counts for all.
    """
    return (
        samples is not None
        and row.samples_digest is not None
        and row.samples_source not in (None, samples_source(samples))
    )
