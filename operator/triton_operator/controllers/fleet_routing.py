"""What a fleet's hub says of requests, as the agent has noted it on the service."""

from pydantic import ValidationError

from triton_operator.api.routing import WorkRouting
from triton_operator.fleet.origin import ROUTING


class UnreadableRouting(ValueError):
    """The annotation is none that an agent writes; the text says what is wrong."""


def fleet_routing(annotation: str) -> WorkRouting | None:
    """None: the service is in no fleet, or all of its requests stay.

    Raises:
        UnreadableRouting: somebody else has written there.
    """
    if not annotation:
        return None
    try:
        return WorkRouting.model_validate_json(annotation)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        path = ".".join(str(part) for part in first["loc"])
        said = f"{path}: {first['msg']}" if path else first["msg"]
        raise UnreadableRouting(f"annotation {ROUTING}: {said}"[:512]) from None
