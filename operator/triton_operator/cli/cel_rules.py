"""The validation rules of a schema, asked with the CEL of its authors, as the API server asks them.

The library holds 14 MB of code that nobody but a user's file needs: it is imported on first use.
"""

from collections.abc import Collection, Iterator
from functools import cache
from typing import Any

from triton_operator.api.crd.schema import VALIDATIONS, Schema
from triton_operator.cli.stored import Path, places


def broken_rules(
    schema: Schema, document: Any, wrong: Collection[Path]
) -> Iterator[tuple[Path, str]]:
    """The path and the message of every rule that `document`, with its defaults, breaks.

    `wrong` are the paths of values that are already known to be wrong. A rule that has no answer
    because of them is passed over; any other rule without an answer counts as broken, as it does
    for the API server. Rules about changes (`oldSelf`) are not asked of a new object.
    """
    for path, place, value in places(schema, document):
        for rule in place.get(VALIDATIONS, ()):
            if "oldSelf" in rule["rule"]:
                continue
            answer = _answer(rule["rule"], value)
            if answer is False:
                yield path, rule["message"]
            elif answer is not True and not any(at[: len(path)] == path for at in wrong):
                yield path, f"{rule['message']} (the rule has no answer: {answer})"


def _answer(rule: str, value: Any) -> Any:
    """True or False, or what is in the way of an answer."""
    return _program(rule).eval(data={"self": value}).value()


@cache
def _program(rule: str) -> Any:
    return _environment().compile(rule)


@cache
def _environment() -> Any:
    from cel_expr_python import cel

    return cel.NewEnv(variables={"self": cel.Type.DYN})
