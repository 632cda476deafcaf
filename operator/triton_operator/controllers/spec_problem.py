"""What is wrong with a spec that does not follow the API, in one line."""

from pydantic import ValidationError


def spec_problem(error: ValidationError) -> str:
    """The path of the first field that is wrong, and why, such as `spec.model: Field required`."""
    first = error.errors(include_url=False)[0]
    path = ".".join(["spec", *(str(part) for part in first["loc"])])
    return f"{path}: {first['msg']}"
