"""Queries in PromQL: selectors whose values may be any text."""

import re
from collections.abc import Iterable, Mapping

_SPECIAL = re.compile(r"([\\.+*?()|\[\]{}^$])")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


def selector(patterns: Mapping[str, str], equal: Mapping[str, str]) -> str:
    """`{a=~"…",b="…"}`: regular expressions of `patterns`, then the exact values of `equal`.

    Raises:
        ValueError: a name is none of a label.
    """
    for name in (*patterns, *equal):
        if not _LABEL.fullmatch(name):
            raise ValueError(f'"{name}" cannot be the name of a label')
    matchers = [f"{name}=~{_quoted(pattern)}" for name, pattern in patterns.items()]
    matchers += [f"{name}={_quoted(value)}" for name, value in equal.items()]
    return "{" + ",".join(matchers) + "}"


def any_of(values: Iterable[str]) -> str:
    """A regular expression for these texts and nothing else."""
    return "|".join(sorted({literal(value) for value in values}))


def literal(text: str) -> str:
    """A regular expression for this text; Prometheus anchors both ends."""
    return _SPECIAL.sub(r"\\\1", text)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'"{escaped}"'
