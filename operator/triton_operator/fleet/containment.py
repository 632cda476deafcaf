"""Whether an object is as it should be, beyond what others have added to it."""

from collections.abc import Mapping
from typing import Any


def contains(live: Any, wanted: Any) -> bool:
    """Whether everything that is wanted is there; the API server adds defaults."""
    if isinstance(wanted, Mapping):
        return isinstance(live, Mapping) and all(
            key in live and contains(live[key], value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(live, list)
            and len(live) == len(wanted)
            and all(contains(*pair) for pair in zip(live, wanted, strict=True))
        )
    return bool(live == wanted)
