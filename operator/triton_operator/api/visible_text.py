"""Text of strangers as a terminal may get it: a model or another cluster wrote parts of it."""

_CONTROLS = (*range(0x20), *range(0x7F, 0xA0))
"""Unicode's category Cc, which never grows. ESC is one of them, and so is the CSI of eight bits."""
_DIRECTIONS = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
"""Embeddings, overrides and isolates: they show a line in another order than its own."""
_SURROGATES = range(0xD800, 0xE000)
"""Halves of characters: alone, no text in UTF-8 can have one, and an object that has is refused."""
_REPLACED = {
    code: "\N{REPLACEMENT CHARACTER}"
    for code in (*_CONTROLS, *_DIRECTIONS, *_SURROGATES)
    if chr(code) not in "\n\t"
}


def visible(text: str) -> str:
    """`text`, as long as it was, with U+FFFD for each character that a terminal obeys and does not
    show, or that no text can have; lines and tabs stay."""
    return text.translate(_REPLACED)
