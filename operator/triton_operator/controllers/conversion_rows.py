"""The rows of copies in a profile, as a list that the operator writes whole. Pure."""

from collections.abc import Sequence

from triton_operator.api.model_profile import Conversion

MOST_ROWS = 96
"""A profile holds so many; the oldest go first. Three copies (FP16, INT8 and one that takes any
batch) for each of 32 services that have samples of their own."""


def are_about_the_same(one: Conversion, other: Conversion) -> bool:
    """Whether two rows are about the same, so that the newer takes the place of the older."""
    return all(
        getattr(one, name) == getattr(other, name)
        for name in ("precision", "method", "samples_digest", "samples_source")
    )


def with_row(rows: Sequence[Conversion], row: Conversion) -> tuple[Conversion, ...]:
    """The rows with that one, in the place of what it replaces."""
    others = [one for one in rows if not are_about_the_same(one, row)]
    return (*others[-MOST_ROWS + 1 :], row)
