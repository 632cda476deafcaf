"""The files of a model as an argument of a process: JSON, checked."""

import json

from pydantic import TypeAdapter, ValidationError

from triton_operator.api.model_profile import ModelFile
from triton_operator.model import reasons
from triton_operator.model.errors import WorkFailed


def listed_files(text: str) -> list[ModelFile]:
    """The argument of `--files`.

    Raises:
        WorkFailed: `InvalidArguments`.
    """
    try:
        return TypeAdapter(list[ModelFile]).validate_python(json.loads(text))
    except (json.JSONDecodeError, ValidationError) as error:
        raise WorkFailed(
            reasons.INVALID_ARGUMENTS,
            f"--files has to be a JSON list of {{path, digest, sizeBytes}}: {error}",
        ) from error
