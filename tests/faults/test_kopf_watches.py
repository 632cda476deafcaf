"""Kopf's watches change while it runs; one that it cannot end is told, not waited for."""

import kopf
import pytest

from tests.faults.virtual_time import run
from triton_operator.controllers.kopf_watches import KopfWatches, WatchHangs


def watches() -> KopfWatches:
    return KopfWatches(kopf.OperatorRegistry(), "operator", ("shop", "lab"))


def test_where_it_watches_is_revised() -> None:
    async def scenario() -> None:
        one = watches()
        await one.take_up("shop")
        await one.take_up("lab")
        await one.give_up("shop")
        assert one.insights.namespaces == {"lab"}

    run(scenario())


def test_kopf_that_does_not_end_a_watch_is_told() -> None:
    """It holds the lock of its insights until the watches of a namespace have ended."""

    async def scenario() -> None:
        one = watches()
        async with one.insights.revised:
            with pytest.raises(WatchHangs):
                await one.give_up("shop")

    run(scenario())
