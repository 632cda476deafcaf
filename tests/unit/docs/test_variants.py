"""Every reason of a variant is explained, and nothing is explained that cannot be met."""

from tests.unit.docs.pages import DOCS, table_rows
from triton_operator.autoscaling.variant_choice import DOWN_WITHIN, UP_WITHIN, WINDOWS
from triton_operator.autoscaling.variant_reasons import VariantWhy

PAGE = DOCS / "variants.md"


def test_every_reason_has_a_row() -> None:
    explained = [cells[0].strip("`") for cells in table_rows(PAGE, "Reason", "Means")]

    assert sorted(explained) == sorted(VariantWhy)


def test_the_limits_are_those_of_the_code() -> None:
    text = PAGE.read_text(encoding="utf-8")

    assert f"`predicted ≤ {DOWN_WITHIN} × objective`" in text
    assert f"`predicted ≤ {UP_WITHIN} × objective`" in text
    assert f"in {WINDOWS} minutes in a row" in text
