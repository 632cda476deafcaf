"""A placement as a line of a log, read again and decided on again."""

import json
from dataclasses import replace
from itertools import islice

import pytest

from bench.fleet.random_fleets import stories
from tests.unit.fleet.clusters import Hub, cloud, edge
from triton_operator.fleet.placement import place
from triton_operator.fleet.placement_record import (
    PlacementRecord,
    UnreadablePlacement,
    placement_in,
)


def record() -> PlacementRecord:
    hub, facts = (
        Hub(most=20, zones=("eu",)),
        (
            edge(need=6.0, zones=("eu",)),
            cloud(zones=("eu", "us")),
        ),
    )
    hub.place(*facts)
    before = hub.memory
    placed = hub.place(*facts)
    return PlacementRecord("shop.vision-2", hub.now, facts, hub.settings, before, placed)


def test_a_log_of_random_fleets_replays_as_it_was_decided() -> None:
    for number, question in enumerate(islice(stories(7), 200), start=1):
        _, placed = question.answer()
        made = PlacementRecord(
            str(number), question.now, question.facts, question.settings, question.memory, placed
        )

        read = placement_in(made.line(), number)

        assert read == made
        assert read.differences() == []


def test_what_is_decided_otherwise_is_named() -> None:
    made = record()
    others = replace(made, settings=replace(made.settings, spill_at=0.5))

    differences = others.differences()

    assert "cluster cloud: floor: 3 then, 4 now" in differences
    assert any("granted by cloud: 2.4 then, 4 now" in words for words in differences)


def test_a_cluster_too_many_is_named() -> None:
    made = record()
    _, alone = place(made.facts[:1], made.settings, made.memory, made.now)

    assert "cluster cloud: is in one of the two only" in replace(made, placed=alone).differences()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda row: row.pop("version"), "no version"),
        (lambda row: row.update(version=9), "version: 1 is wanted"),
        (lambda row: row.update(now="soon"), "now: a number is wanted"),
        (lambda row: row["facts"][0].update(need=-3), "need is -3"),
        (lambda row: row["facts"][0].update(tier="Moon"), "tier: one of"),
        (lambda row: row["settings"].update(magic=1), "no such field"),
    ],
)
def test_what_is_no_record_says_where(change: object, words: str) -> None:
    row = json.loads(record().line())
    change(row)  # type: ignore[operator]

    with pytest.raises(UnreadablePlacement, match="line 3: ") as error:
        placement_in(json.dumps(row), 3)
    assert words in str(error.value)
