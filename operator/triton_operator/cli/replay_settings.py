"""`--set NAME=VALUE` of `triton-operator replay`: what to decide with instead."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import typer

from triton_operator.api.enums import Preference
from triton_operator.autoscaling.settings import ScalingSettings

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s)")
MOST_REPLICAS = 1000
"""As in spec.scaling."""


def changed_settings(words: Sequence[str]) -> Callable[[ScalingSettings], ScalingSettings]:
    """What makes other settings of recorded ones.

    Raises:
        typer.BadParameter: a word is no known NAME=VALUE.
    """
    changes: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or name not in _FIELDS:
            raise typer.BadParameter(f"{word}: wanted is one of {', '.join(_EXAMPLES.values())}")
        field, read = _FIELDS[name]
        try:
            changes[field] = read(value)
        except ValueError as error:
            raise typer.BadParameter(f"{word}: {error}, such as {_EXAMPLES[name]}") from error
    if changes.get("least", 0) > changes.get("most", MOST_REPLICAS):
        raise typer.BadParameter("least must not be greater than most")

    def change(settings: ScalingSettings) -> ScalingSettings:
        new = replace(settings, **changes)
        if new.least > new.most:
            # One bound was said, and moves the other with it.
            new = (
                replace(new, least=new.most) if "most" in changes else replace(new, most=new.least)
            )
        return new

    return change


def _preference(text: str) -> Preference:
    try:
        return Preference(text.capitalize())
    except ValueError:
        raise ValueError(f"wanted is one of {', '.join(Preference)}") from None


def _percent(text: str) -> float:
    try:
        value = float(text.removesuffix("%"))
    except ValueError:
        value = 0.0
    if not 1 <= value <= 100:
        raise ValueError("wanted is a percentage from 1 to 100")
    return value / 100


def _replicas(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 4 or int(text) > MOST_REPLICAS:
        raise ValueError(f"wanted is a whole number up to {MOST_REPLICAS}")
    return int(text)


def _seconds(text: str) -> float:
    found = _DURATION.fullmatch(text)
    seconds = float(found[1]) * (1e-3 if found[2] == "ms" else 1.0) if found else 0.0
    if not 1e-3 <= seconds <= 3600:
        raise ValueError("wanted is a time from 1ms to 3600s")
    return seconds


_FIELDS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "prefer": ("prefer", _preference),
    "attainment": ("attainment", _percent),
    "least": ("least", _replicas),
    "most": ("most", _replicas),
    "objective": ("objective_seconds", _seconds),
}
_EXAMPLES = {
    "prefer": "prefer=Latency",
    "attainment": "attainment=99.9",
    "least": "least=2",
    "most": "most=20",
    "objective": "objective=150ms",
}
