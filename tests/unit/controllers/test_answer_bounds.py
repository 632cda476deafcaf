"""What an API server may take of this process: estimated before it is parsed, and added up."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest
import yaml

from tests import objects
from triton_operator.controllers.answer_bounds import (
    UNBOUNDED,
    AnswerBounds,
    Kept,
    Tally,
    most_memory,
)
from triton_operator.controllers.errors import ApiTooMuch

COUNT = 20_000
SERVICE = yaml.safe_load(
    (Path(objects.__file__).parent / "inferenceservice-every-field.yaml").read_text()
)
GREEDY = {
    "empty lists": "[" + ",".join(["[]"] * COUNT) + "]",
    "empty objects": "[" + ",".join(["{}"] * COUNT) + "]",
    "lists of one": "[" + ",".join(["[0.5]"] * COUNT) + "]",
    "objects of one": "[" + ",".join(['{"a":0.5}'] * COUNT) + "]",
    "objects of six": "[" + ",".join(['{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1}'] * COUNT) + "]",
    "objects of eleven": json.dumps([{f"k{key}": 1 for key in range(11)}] * (COUNT // 10)),
    "one object": json.dumps({f"k{key}": 0.5 for key in range(COUNT)}),
    "numbers": "[" + ",".join(["1.5"] * COUNT) + "]",
    "long integers": "[" + ",".join(["9" * 100] * COUNT) + "]",
    "short texts": "[" + ",".join(['"ab"'] * COUNT) + "]",
    "nothing": "[" + ",".join(["null"] * COUNT) + "]",
    "deep": "[" + ",".join(["[" * 50 + "]" * 50] * (COUNT // 50)) + "]",
    "wide by an escape": json.dumps(["x" * 200_000 + "\U0001f600"]),
    "wide by a character": json.dumps(["x" * 200_000 + "\U0001f600"], ensure_ascii=False),
    "half wide": json.dumps(["x" * 200_000 + "\u0142"], ensure_ascii=False),
}


def memory_of(text: bytes) -> int:
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        parsed = json.loads(text)
        after = tracemalloc.get_traced_memory()[0]
        assert parsed is not None
        return after - before
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", GREEDY)
def test_no_text_takes_more_memory_than_is_reckoned(kind: str) -> None:
    text = GREEDY[kind].encode()

    assert memory_of(text) <= most_memory(text) + 4096


def test_services_are_not_reckoned_for_what_they_are_not() -> None:
    """Or few of them would use up a bound."""
    text = json.dumps([{**SERVICE, "number": number} for number in range(100)]).encode()

    assert memory_of(text) <= most_memory(text) <= 4 * memory_of(text)


def test_a_listing_is_bounded_in_pages_rows_and_memory() -> None:
    bounds = AnswerBounds(pages=2, rows=10, memory=2**20)

    tally = Tally(bounds, "pods")
    tally.page(0)
    tally.page(10)
    with pytest.raises(ApiTooMuch, match="pods: more than 2 pages"):
        tally.page(0)
    with pytest.raises(ApiTooMuch, match="pods: more than 10 rows"):
        Tally(bounds, "pods").page(11)
    tally = Tally(bounds, "pods")
    tally.keep(b"x" * 2**19)
    tally.keep_value("x" * (2**19 - 100))
    with pytest.raises(ApiTooMuch, match="pods: more than 1 MiB of memory"):
        tally.keep_value(["x" * 100])


def test_what_is_kept_makes_room_when_it_goes() -> None:
    kept = Kept(AnswerBounds(memory=1000), "services")
    kept.put("a", {"text": "x" * 500})
    with pytest.raises(ApiTooMuch, match="services: more than"):
        kept.put("b", {"text": "x" * 500})
    # The one before counts no more, and neither does what was refused.
    kept.put("a", {"text": "x" * 600})
    kept.drop("a")
    kept.drop("never there")
    kept.put("b", {"text": "\ud800" + "x" * 10})


def test_nothing_is_reckoned_where_nothing_is_bounded() -> None:
    unreadable = {"text": object()}
    Kept(UNBOUNDED, "services").put("a", unreadable)
    Tally(UNBOUNDED, "services").keep_value(unreadable)
