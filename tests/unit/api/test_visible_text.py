"""What a terminal obeys is replaced, and nothing else."""

import sys
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from triton_operator.api.visible_text import visible

DIRECTIONS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
"""Bidirectional classes of what embeds, overrides or isolates."""


def is_obeyed(character: str) -> bool:
    is_control = unicodedata.category(character) == "Cc" and character not in "\n\t"
    is_half = unicodedata.category(character) == "Cs"
    return is_control or is_half or unicodedata.bidirectional(character) in DIRECTIONS


def test_each_character_that_is_obeyed_is_replaced_and_no_other() -> None:
    for character in map(chr, range(sys.maxunicode + 1)):
        assert visible(character) == ("\ufffd" if is_obeyed(character) else character)


@given(st.text())
def test_a_text_stays_as_long_and_is_not_replaced_twice(text: str) -> None:
    assert len(visible(text)) == len(text)
    assert visible(visible(text)) == visible(text)
