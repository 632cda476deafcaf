"""docs/autoscaling.md explains each reason of the autoscaler, and quotes its sentence."""

from tests.unit.docs.pages import DOCS, table_rows
from triton_operator.autoscaling.reasons import SENTENCES, Why

ROWS = table_rows(DOCS / "autoscaling.md", "Reason", "Its sentence has", "Meaning")


def test_each_reason_has_one_row() -> None:
    assert sorted(name for name, *_ in ROWS) == sorted(Why)


def test_the_quoted_words_are_of_that_sentence_and_of_no_other() -> None:
    for name, quoted, _ in ROWS:
        words = quoted.strip('"')
        assert [why for why, text in SENTENCES.items() if words in text] == [name]
