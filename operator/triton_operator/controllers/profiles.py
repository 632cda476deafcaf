"""What ModelProfiles say about a digest: facts, or that a profile cannot be read. Pure.

Profiles are written by people too, and some are older than the definition that is in force now.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from triton_operator.api.model_profile import (
    Conversion,
    Measurement,
    ModelFacts,
    ModelProfileSpec,
)
from triton_operator.controllers.observed import InvalidProfile
from triton_operator.controllers.spec_problem import spec_problem
from triton_operator.controllers.views import SpecView

ALGORITHM = "sha256"


def digest_of(model: object) -> str | None:
    """`digest` of a profile's spec, or of a service's `spec.model` or `status.model`."""
    digest = model.get("digest") if isinstance(model, Mapping) else None
    return digest if digest and isinstance(digest, str) else None


def digests_of(profile: SpecView) -> frozenset[str]:
    """The digests that a profile is about: by its spec, and by its name as the operator gives it.

    They differ where somebody has edited the spec. The operator can write no other profile of that
    name, so whoever waits for it has to hear of it.
    """
    algorithm, _, rest = profile.name.partition("-")
    named = f"{ALGORITHM}:{rest}" if algorithm == ALGORITHM and rest else None
    return frozenset(filter(None, (digest_of(profile.spec), named)))


def read_profiles(digest: str, profiles: Iterable[SpecView]) -> ModelFacts | InvalidProfile | None:
    """The facts of the first profile that has some and is valid, else what is wrong with one.

    None where no profile has facts yet.
    """
    invalid = None
    for profile in profiles:
        found = _read(digest, profile.name, profile.spec)
        if isinstance(found, ModelFacts):
            return found
        invalid = invalid or found
    return invalid


def measurements(digest: str, profiles: Iterable[SpecView]) -> list[Measurement]:
    """What valid profiles of a digest say of its speed."""
    return [row for read in _with("measurements", digest, profiles) for row in read.measurements]


def conversions(digest: str, profiles: Iterable[SpecView]) -> list[Conversion]:
    """What valid profiles of a digest say of its copies."""
    return [row for read in _with("conversions", digest, profiles) for row in read.conversions]


def _with(part: str, digest: str, profiles: Iterable[SpecView]) -> Iterator[ModelProfileSpec]:
    """The profiles of a digest that are valid and have that part."""
    for profile in profiles:
        if not profile.spec.get(part):
            continue
        try:
            read = ModelProfileSpec.model_validate(profile.spec)
        except ValidationError:
            # Whoever needs its facts says what is wrong with it.
            continue
        if read.digest == digest:
            yield read


def _read(digest: str, name: str, spec: Mapping[str, Any]) -> ModelFacts | InvalidProfile | None:
    try:
        read = ModelProfileSpec.model_validate(spec)
    except ValidationError as error:
        return InvalidProfile(name, spec_problem(error))
    if read.digest != digest:
        return InvalidProfile(name, f"spec.digest: {read.digest} is not the digest of its name")
    return read.facts
